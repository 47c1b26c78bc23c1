"""The line above the table of runs, and what stands in the table's place while it is empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.events import NO_USABLE_GPU
from tui.draw.text import Piece, Row
from tui.follow.rows import RunRow

_COUNTED = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")


def header(rows: Sequence[RunRow], home: str, unread: int, narrow: bool, problems: int = 0) -> tuple[Row, Row]:
    """Where, on what devices, and how many runs are in which state; ``unread``: runs still to be read.

    ``problems``: what cannot be read.
    """
    left: list[Piece] = [("hybrid-tui", "title"), (f"   {home}", "dim")]
    devices = sorted({f"{_without_reason(row.device)}{row.telemetry}" for row in rows if row.live and row.device})
    if problems:
        left.append((f"   ! {problems} problem{'s' if problems > 1 else ''}", "error"))
    if unread:
        left.append((f"   reading, {unread} to go", "warning"))
    elif devices and not narrow:
        left.append((f"   {', '.join(devices)}", "dim"))
    counts = _few_counts(rows) if narrow else _counts(rows)
    right = [run for count in counts for run in (count, ("   ", ""))]
    return tuple(left), tuple(right[:-1])


def nothing(home: str, filtered: bool, unread: int) -> list[Row]:
    """What to do about an empty table; ``unread``: runs still to be read."""
    if unread and not filtered:
        return [(), ((f"   reading {unread} runs", "dim"),)]
    if filtered:
        return [
            (),
            (("   no run fits the filter", "dim"),),
            (("   ctrl+g", "key"), (" shows all again", "dim")),
        ]
    return [
        (),
        (("   no runs in ", "dim"), (home, "text")),
        (),
        (("   n", "key"), (" launches one from a sample config", "dim")),
        (("   ", ""), ("hybrid-tui demo", "text"), (" trains the built-in example", "dim")),
        (("   u", "key"), (" brings back a run that was archived or deleted", "dim")),
    ]


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
