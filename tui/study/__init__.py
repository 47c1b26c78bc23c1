"""A study in the dashboard: conditions by benchmarks, the runs that are left, the answer so far."""
