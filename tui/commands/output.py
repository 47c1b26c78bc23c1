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


def exit_status(state: str) -> int:
    """0 done, 1 failed, 3 paused or stopped."""
    return _EXIT_BY_STATE.get(state, 0)
