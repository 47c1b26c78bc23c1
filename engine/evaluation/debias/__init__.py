"""Corrections of vectors after encoding, which need no training: what hybrid batches must beat."""
