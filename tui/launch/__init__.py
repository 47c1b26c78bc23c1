"""A new run: the form, its checks, and what a start will cost."""
