"""Measures of language bias from the ranks of relevant passages and from the best passages of every query.

Start at ``measure.language_bias``; each other file holds one family of measures with its formulas and sources.
"""
