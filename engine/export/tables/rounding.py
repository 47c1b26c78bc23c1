"""How a cell of a table is written where people read it: rounded, and empty for null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SUBJECTS = ("measure", "metric")  # columns that say what a row's numbers are
_SHARES_AND_COUNTS = 4
_RANKS = 1
_MANY = 3  # in heatmaps, and beside published figures, which have three or four places


def rounded(column: str, value: Any, row: Mapping[str, Any]) -> str:
    """Shares and p-values to four places, ranks to one; heatmaps to three; a row that names its measure as that one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    if column == "mono_share":
        return f"{value:g}"
    return f"{value:.{_places(column, row)}f}"


def _places(column: str, row: Mapping[str, Any]) -> int:
    subject = column
    if column != "p" and not column.startswith("p_"):
        subject = next((str(row[name]) for name in _SUBJECTS if row.get(name) is not None), column)
    if subject.startswith(("mAP", "R@")) or "mean_other" in row:
        return _MANY
    if subject.startswith("rank distance") or "rank_distance" in subject or "relevant_rank" in subject:
        return _RANKS
    return _SHARES_AND_COUNTS
