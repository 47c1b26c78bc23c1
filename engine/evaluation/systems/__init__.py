"""Systems that are no encoders, measured on a benchmark: saved vectors, a TREC run, BM25.

Start at ``system.evaluate_system``.
"""
