"""The line above the table of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.events import NO_USABLE_GPU
from tui.draw.text import Piece, Row, row_width, width
from tui.follow.rows import RunRow

_COUNTED = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")
_EDGES = 5  # cells at both ends of the line, and between its halves

_HOME = 12  # cells that the runs folder has at least


def header(
    rows: Sequence[RunRow], home: str, unread: int, cells: int, problems: int = 0, ends: str = ""
) -> tuple[Row, Row]:
    """Where, on what devices, and how many runs are in which state, in ``cells`` cells.

    ``unread``: runs still to be read; ``problems``: what cannot be read; ``ends``: when all that goes on will be done.
    """
    left: list[Piece] = [("hybrid-tui", "title"), (f"   {home}", "dim")]
    if problems:
        left.append((f"   ! {problems} problem{'s' if problems > 1 else ''}", "error"))
    right = _right(rows, ends, cells - _EDGES - width("hybrid-tui   ") - min(_HOME, width(home)))
    if unread:
        left.append((f"   reading, {unread} to go", "warning"))
    elif devices := sorted(
        {f"{_without_reason(row.device)}{row.telemetry}" for row in rows if row.live and row.device}
    ):
        named = (f"   {', '.join(devices)}", "dim")
        if cells >= 80 and row_width((*left, named, *right)) + _EDGES <= cells:
            left.append(named)
    return tuple(left), tuple(right)


def _right(rows: Sequence[RunRow], ends: str, room: int) -> Row:
    """The counts, all or the few that matter, and when all will be done: as much as fits whole."""
    done: list[Piece] = [(f"done ~{ends}", "dim")] if ends else []
    counts, few = _counts(rows), _few_counts(rows)
    queued = sum(row.state == "queued" for row in rows)
    waiting: list[Piece] = [(f"{queued} queued", "state.queued")] if queued else []
    choices = ([*counts, *done], counts, [*waiting, *done, *few], [*done, *few], few, few[-1:])
    rights = [tuple(piece for each in choice for piece in (each, ("   ", "")))[:-1] for choice in choices]
    return next((right for right in rights if row_width(right) <= room), ())


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
