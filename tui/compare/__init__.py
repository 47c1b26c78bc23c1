"""Comparisons: the screen, the process that computes them, and their views."""
