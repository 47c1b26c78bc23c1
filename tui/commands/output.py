"""What commands share in printing."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

_EXIT_BY_STATE = {"failed": 1, "crashed": 1, "paused": 3, "stopped": 3}


def print_json(document: Any) -> None:
    """One JSON document and a newline on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    sys.stdout.flush()


def exit_status(*states: str) -> int:
    """0 all done, 1 any failed, else 3: a scheduler that resumes what was paused must not miss a failure."""
    found = {_EXIT_BY_STATE.get(state, 0) for state in states}
    return 1 if 1 in found else max(found, default=0)
