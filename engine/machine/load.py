"""How busy the cores and the memory of this machine are."""

from __future__ import annotations

import os
from pathlib import Path

from engine.machine.cores import memory_limit

_MEMINFO = Path("/proc/meminfo")


def load_average() -> float | None:
    """Processes that ran or waited for a core, over the last minute; None where the system does not say."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def memory() -> tuple[int, int] | None:
    """(bytes used, bytes there are) of the machine, or of what a limit leaves; None where the system does not say."""
    try:
        lines = [line.split() for line in _MEMINFO.read_text(encoding="ascii").splitlines()]
        figures = {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if len(line) > 1}
        total, used = figures["MemTotal"], figures["MemTotal"] - figures["MemAvailable"]
    except (OSError, ValueError, KeyError):
        return None
    limit = memory_limit()
    return used, total if limit is None else min(total, limit)
