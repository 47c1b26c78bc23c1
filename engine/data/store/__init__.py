"""Texts too many for memory: read once, written to the cache in order, and memory-mapped from there."""
