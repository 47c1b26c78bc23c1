"""A process that computes for a screen, so that no screen waits for it or loads what it needs.

``python -m MODULE`` reads one request as JSON from stdin, and writes one JSON object a line to stdout: ``JobProgress``
while it computes, then its outcome or a ``JobFailure``. It gives way to whatever trains on the machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from engine.config import ConfigError
from engine.runs.errors import RunError

_NICENESS = 5  # of 19
# Small matrix products in several threads wait for each other, the longer the busier the machine is. Numpy's BLAS reads
# these when it is loaded.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")

_Request = TypeVar("_Request", bound=msgspec.Struct)


class JobProgress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """``what`` is computed now; ``done`` of ``total`` parts are."""

    what: str
    done: int
    total: int


class JobFailure(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Why there is no outcome, in one line."""

    message: str


def run_job(request: type[_Request], compute: Callable[[_Request], msgspec.Struct]) -> int:
    """Reads the request and sends what ``compute`` makes of it. Exit status 1: the last line says why."""
    _give_way()
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=request)
    try:
        send(compute(asked))
    except (ConfigError, RunError, OSError, ValueError) as error:
        send(JobFailure(message=str(error).partition("\n")[0]))
        return 1
    return 0


def send(message: msgspec.Struct) -> None:
    """One line, at once."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _give_way() -> None:
    """Before numpy is loaded."""
    os.nice(_NICENESS)
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
