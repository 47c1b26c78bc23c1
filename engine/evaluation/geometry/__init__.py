"""Measures of the vectors themselves: how near translations lie, and what of a vector is language and not content."""
