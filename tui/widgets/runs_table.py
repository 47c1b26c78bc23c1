"""The table of runs: which columns fit, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tui.drawing.cells import Align, Row, Run, fit, row_width
from tui.drawing.glyphs import Glyphs
from tui.drawing.small import sparkline
from tui.format import age, number, share
from tui.model.rows import RunRow

SPARK = 8


@dataclass(frozen=True)
class Column:
    """``rank`` says which columns go first when the terminal is narrow: the greatest."""

    title: str
    width: int
    align: Align
    rank: int
    cell: Callable[[RunRow, Glyphs, float], Run]


def _metric(name: str) -> Callable[[RunRow, Glyphs, float], Run]:
    return lambda row, glyphs, now: (share(row.metrics.get(name)), "")


def _state(row: RunRow, glyphs: Glyphs, now: float) -> Run:
    return f"{glyphs.states.get(row.state, '?')} {row.state}", f"state.{row.state}"


def _step(row: RunRow, glyphs: Glyphs, now: float) -> Run:
    return f"{row.step:,}/{row.max_steps:,}" if row.max_steps else f"{row.step:,}", ""


def _distance(row: RunRow, glyphs: Glyphs, now: float) -> Run:
    value = row.metrics.get("rank_distance")
    return ("-" if value is None else f"{value:,.0f}", "")


COLUMNS = (
    Column("mode", 7, "left", 4, lambda row, glyphs, now: (row.mode, "dim")),
    Column("alpha", 5, "right", 6, lambda row, glyphs, now: (_alpha(row), "dim")),
    Column("state", 12, "left", 0, _state),
    Column("step", 13, "right", 2, _step),
    Column("loss", SPARK, "left", 7, lambda row, glyphs, now: (sparkline(row.spark, SPARK, glyphs), "bar")),
    Column("", 6, "right", 3, lambda row, glyphs, now: (number(row.loss), "")),
    Column("mono", 5, "right", 5, _metric("map_monolingual")),
    Column("cross", 5, "right", 5, _metric("map_crosslingual")),
    Column("pool", 5, "right", 5, _metric("map_multilingual")),
    Column("rank dist", 9, "right", 5, _distance),
    Column("age", 4, "right", 1, lambda row, glyphs, now: (age(now - row.updated) if row.updated else "-", "dim")),
)
_GAP = 2
_NAME_LEAST = 15
_LEAD = 3  # cursor and mark


def fitting(width: int) -> tuple[list[Column], int]:
    """The columns that fit beside a readable name, and the width of the name."""
    chosen = list(COLUMNS)
    while chosen:
        used = _LEAD + sum(column.width + _GAP for column in chosen)
        if width - 1 - used >= _NAME_LEAST:
            return chosen, width - 1 - used
        worst = max(column.rank for column in chosen)
        chosen = [column for column in chosen if column.rank != worst]
    return [], max(1, width - _LEAD)


def head(width: int, glyphs: Glyphs) -> Row:
    """The titles."""
    columns, name = fitting(width)
    runs: list[Run] = [(" " * _LEAD + fit("name", name), "dim")]
    for column in columns:
        title = column.title
        runs += [(" " * _GAP, ""), (fit(title, column.width, column.align, glyphs.ellipsis), "dim")]
    return tuple(runs)


def lines(row: RunRow, width: int, glyphs: Glyphs, now: float, at_cursor: bool, marked: bool) -> list[Row]:
    """One line, and a second one where the state needs a reason."""
    columns, name = fitting(width)
    runs: list[Run] = [
        (glyphs.cursor if at_cursor else " ", "key"),
        (glyphs.mark if marked else " ", "accent"),
        (" ", ""),
        (fit(row.name, name, ellipsis=glyphs.ellipsis), "bold" if at_cursor else ""),
    ]
    for column in columns:
        text, style = column.cell(row, glyphs, now)
        runs += [(" " * _GAP, ""), (fit(text, column.width, column.align, glyphs.ellipsis), style)]
    found: list[Row] = [tuple(runs)]
    reason = second_line(row)
    if reason:
        found.append(_under(reason, f"state.{row.state}", width, glyphs))
    return found


def second_line(row: RunRow) -> str:
    """Why a run is not simply running; what long work it does."""
    if row.state in ("crashed", "failed", "queued", "stalled"):
        return row.reason
    if row.work is not None and row.live and row.state != "running":
        total = f"/{row.work.total:,}" if row.work.total else ""
        return f"{row.work.what} {row.work.done:,}{total}"
    return ""


def _under(text: str, style: str, width: int, glyphs: Glyphs) -> Row:
    indent = " " * (_LEAD + 2)
    row: Row = ((indent, ""), (fit(text, max(0, width - len(indent)), ellipsis=glyphs.ellipsis), style))
    return row if row_width(row) else ()


def _alpha(row: RunRow) -> str:
    return "" if row.mono_share is None else f"{row.mono_share:.2f}"
