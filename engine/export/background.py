"""How a process that computes for a screen gives way to whatever trains on the machine."""

from __future__ import annotations

import os

_NICENESS = 5  # of 19
# Small matrix products in several threads wait for each other, the longer the busier the machine is. Numpy's BLAS reads
# these when it is loaded.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def give_way() -> None:
    """Before numpy is loaded."""
    os.nice(_NICENESS)
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
