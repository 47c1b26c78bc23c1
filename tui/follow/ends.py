"""Which runs have ended between two looks, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.follow.rows import RunRow

_WORDS = {"stopped": "was stopped", "paused": "is paused"}
_WRONG = ("failed", "crashed")


def ends(before: Iterable[RunRow], now: Iterable[RunRow]) -> list[RunRow]:
    """Runs that were live and are no longer, or have ended again in another attempt; not those that are new."""
    known = {row.folder.path: row for row in before}
    return [
        row
        for row in now
        if not row.live
        and (former := known.get(row.folder.path)) is not None
        and (former.live or row.attempt > former.attempt)
    ]


def told(ended: Sequence[RunRow]) -> tuple[str, str]:
    """One line about runs that have ended, at least one, and its style."""
    text = "; ".join(f"{row.name} {_how(row)}" for row in ended)
    return text, "error" if any(row.state in _WRONG for row in ended) else "accent"


def _how(row: RunRow) -> str:
    how = _WORDS.get(row.state, row.state)
    if row.max_steps and row.state != "finished":
        how += f" at step {row.step:,}"
    return f"{how}: {row.reason}" if row.reason and row.state in _WRONG else how
