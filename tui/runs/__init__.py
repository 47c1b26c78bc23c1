"""The table of all runs: its order, its filter, and what is put away."""
