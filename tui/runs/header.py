"""The line above the table of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.events import NO_USABLE_GPU
from tui.draw.text import Piece, Row, row_width
from tui.follow.rows import RunRow

_COUNTED = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")
_EDGES = 5  # cells at both ends of the line, and between its halves


def header(
    rows: Sequence[RunRow], home: str, unread: int, cells: int, problems: int = 0, ends: str = ""
) -> tuple[Row, Row]:
    """Where, on what devices, and how many runs are in which state, in ``cells`` cells.

    ``unread``: runs still to be read; ``problems``: what cannot be read; ``ends``: when all that goes on will be done.
    """
    left: list[Piece] = [("hybrid-tui", "title"), (f"   {home}", "dim")]
    if problems:
        left.append((f"   ! {problems} problem{'s' if problems > 1 else ''}", "error"))
    counts = _few_counts(rows) if cells < 80 else _counts(rows)
    if ends and cells >= 80:
        counts.append((f"done ~{ends}", "dim"))
    right = [piece for count in counts for piece in (count, ("   ", ""))][:-1]
    if unread:
        left.append((f"   reading, {unread} to go", "warning"))
    elif devices := sorted(
        {f"{_without_reason(row.device)}{row.telemetry}" for row in rows if row.live and row.device}
    ):
        named = (f"   {', '.join(devices)}", "dim")
        if cells >= 80 and row_width((*left, named, *right)) + _EDGES <= cells:
            left.append(named)
    return tuple(left), tuple(right)


def _without_reason(device: str) -> str:
    """The name of a device; why it is a CPU for want of a usable GPU is the run's to tell."""
    before, no_gpu, _ = device.partition(NO_USABLE_GPU)
    return before + no_gpu


def _counts(rows: Sequence[RunRow]) -> list[Piece]:
    found = Counter(row.state for row in rows)
    return [(f"{found[state]} {state}", f"state.{state}") for state in _COUNTED if found[state]]


def _few_counts(rows: Sequence[RunRow]) -> list[Piece]:
    """What a narrow header has room for: what lives, what broke, and how many there are."""
    live = sum(row.live for row in rows)
    broken = sum(row.state in ("crashed", "failed") for row in rows)
    counts: list[Piece] = [(f"{live} live", "state.running")] if live else []
    if broken:
        counts.append((f"{broken} broken", "state.failed"))
    return [*counts, (f"{len(rows)} runs", "dim")]
