"""Products of matrices of some hundred rows, in one thread.

They are many and small, or made of many small ones. Where the machine has other work, the threads of a BLAS library
wait for each other's turn hundreds of times: on two busy cores numpy took 20 s, of which 3 s were computing, for what
one thread does in 0.2 s. torch's number of threads can be set at run time, numpy's cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Matrix = npt.NDArray[np.floating]


@contextmanager
def one_thread() -> Iterator[None]:
    """torch computes in one thread within, and in as many as before afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def product(first: Matrix, second: Matrix) -> npt.NDArray[Any]:
    """[n, m] by [m, k], both of one type -> [n, k]."""
    found: npt.NDArray[Any] = (torch.from_numpy(first) @ torch.from_numpy(second)).numpy()
    return found


def solved(square: Matrix, right: Matrix) -> npt.NDArray[Any]:
    """X of ``square`` [n, n] times X = ``right`` [n, k]."""
    found: npt.NDArray[Any] = torch.linalg.solve(torch.from_numpy(square), torch.from_numpy(right)).numpy()
    return found


def leading_directions(square: Matrix, count: int) -> npt.NDArray[Any]:
    """The ``count`` eigenvectors [count, n] of the highest eigenvalues of a symmetric matrix [n, n], the highest first.

    Of the two signs that each may have it gets the one whose largest entry is positive.
    """
    vectors: npt.NDArray[Any] = torch.linalg.eigh(torch.from_numpy(square))[1].numpy()
    found = vectors[:, ::-1][:, :count].T.copy()
    largest = np.abs(found).argmax(axis=1)
    found *= np.sign(found[np.arange(count), largest])[:, None]
    return found
