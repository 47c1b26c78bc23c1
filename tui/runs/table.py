"""The table of runs: which columns fit, how wide they are, and what stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.events import NO_USABLE_GPU
from tui.draw.glyphs import Glyphs
from tui.draw.small import sparkline
from tui.draw.text import Align, Piece, Row, fit, fit_middle, row_width, width
from tui.follow.rows import RunRow
from tui.numbers import age, number, share
from tui.runs.listing import Entry, Group, Order, Shown

SPARK = 8
_METRIC = 5  # cells of a metric; ~.791: of a sample of the queries


@dataclass(frozen=True)
class Column:
    """``rank`` says which columns go first when the terminal is narrow: the greatest.

    ``most`` is the widest it becomes; ``fixed`` columns always are that wide.
    """

    title: str
    most: int
    align: Align
    rank: int
    cell: Callable[[RunRow, Glyphs, float], Piece]
    fixed: bool = False


def _metric(name: str) -> Callable[[RunRow, Glyphs, float], Piece]:
    def cell(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
        text = share(row.metrics.get(name))
        return (f"~{text}"[:_METRIC] if row.is_sampled and text != "-" else text), ""

    return cell


def _state(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    return f"{glyphs.states.get(row.state, '?')} {row.state}", f"state.{row.state}"


def _step(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    if row.kind == "evaluation":
        return f"{len(row.evaluated)} of {row.benchmarks}", ""
    return f"{row.step:,}/{row.max_steps:,}" if row.max_steps else f"{row.step:,}", ""


def _distance(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    value = row.metrics.get("rank_distance")
    return ("-" if value is None else f"{value:,.0f}", "")


def _mode(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    if row.mono_share is None:
        return row.mode, "dim"
    return f"{row.mode} {row.mono_share_schedule or share(row.mono_share, 2)}", "dim"


def _age(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    return (age(now - row.updated) if row.updated else "-", "dim")


COLUMNS = (
    Column("mode", 20, "left", 6, _mode),
    Column("state", 12, "left", 0, _state),
    Column("step", 19, "right", 2, _step),
    Column("", SPARK, "left", 7, lambda row, glyphs, now: (sparkline(row.spark, SPARK, glyphs), "bar"), fixed=True),
    Column("loss", 7, "right", 3, lambda row, glyphs, now: (number(row.loss), "")),
    Column("mono", _METRIC, "right", 6, _metric("map_monolingual")),
    Column("cross", _METRIC, "right", 6, _metric("map_crosslingual")),
    Column("pool", _METRIC, "right", 4, _metric("map_multilingual")),
    Column("best", 5, "right", 8, lambda row, glyphs, now: (share(row.best), "dim")),
    Column("rank dist", 9, "right", 5, _distance),
    Column("device", 14, "left", 9, lambda row, glyphs, now: (short_device(row.device), "dim")),
    Column("age", 4, "right", 1, _age, fixed=True),
)
_GAP = 2
_NAME_LEAST, _NAME_MOST = 15, 24  # cells of a name below which a column gives way
_LEAD = 3  # cursor and mark
_INDENT = "  "  # of a run below its study
_COUNTED = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")


@dataclass(frozen=True)
class Layout:
    """The columns that are shown, each with its width, and the width of the name."""

    columns: tuple[tuple[Column, int], ...]
    name: int


# Cells that each row's columns take, by the row's identity: of 500 runs a few change between two looks.
Measured = dict[int, tuple[RunRow, tuple[int, ...]]]


def lay_out(entries: Sequence[Entry], cells: int, glyphs: Glyphs, known: Measured) -> Layout:
    """The columns that fit beside readable names; each is as wide as what stands in it.

    ``known`` is the caller's, and kept up to date here.
    """
    shown = [entry for entry in entries if isinstance(entry, Shown)]
    measured = list(zip(COLUMNS, _measure([entry.row for entry in shown], glyphs, known), strict=True))
    longest = max((width(entry.label) + len(_INDENT) * entry.grouped for entry in shown), default=_NAME_LEAST)
    least = max(_NAME_LEAST, min(_NAME_MOST, longest))
    chosen = measured
    while chosen:
        left = cells - 1 - _LEAD - sum(size + _GAP for _, size in chosen)
        if left >= least:
            return Layout(tuple(chosen), max(least, min(left, longest)))
        if least > _NAME_LEAST and left >= _NAME_LEAST and max(column.rank for column, _ in chosen) <= 6:
            return Layout(tuple(chosen), left)  # names are cut before the columns that most are looked at for
        worst = max(column.rank for column, _ in chosen)
        chosen = [(column, size) for column, size in chosen if column.rank != worst]
    return Layout((), max(1, cells - _LEAD))


def head(layout: Layout, order: Order, glyphs: Glyphs) -> Row:
    """The titles; an arrow stands at the one that is sorted by."""
    runs: list[Piece] = [(" " * _LEAD, ""), *_title("name", layout.name, "left", order, glyphs)]
    for column, size in layout.columns:
        runs += [(" " * _GAP, ""), *_title(column.title, size, column.align, order, glyphs)]
    return tuple(runs)


def lines(
    entry: Entry, layout: Layout, cells: int, glyphs: Glyphs, now: float, at_cursor: bool, marked: bool
) -> list[Row]:
    """A group is one line; a run is one, and a second one where the state needs a reason."""
    if isinstance(entry, Group):
        return [_group(entry, glyphs, at_cursor, marked)]
    row = entry.row
    label = _INDENT * entry.grouped + entry.label
    runs: list[Piece] = [
        (glyphs.cursor if at_cursor else " ", "key"),
        (glyphs.mark if marked else " ", "accent"),
        (" ", ""),
        (fit_middle(label, layout.name, glyphs.ellipsis), "bold" if at_cursor else ""),
    ]
    for column, size in layout.columns:
        text, style = column.cell(row, glyphs, now)
        runs += [(" " * _GAP, ""), (fit(text, size, column.align, glyphs.ellipsis), style)]
    found: list[Row] = [tuple(runs)]
    if reason := second_line(row):
        found.append(_under(reason, f"state.{row.state}", cells, glyphs))
    return found


def second_line(row: RunRow) -> str:
    """Why a run is not simply running; what long work it does."""
    if row.state in ("crashed", "failed", "queued", "stalled"):
        return row.reason
    if row.work is not None and row.live and row.state != "running":
        total = f"/{row.work.total:,}" if row.work.total else ""
        return f"{row.work.what} {row.work.done:,}{total}"
    return ""


def short_device(name: str) -> str:
    """Without what all devices of a kind have in common: NVIDIA H200 -> H200, cpu (2 threads) -> cpu x2.

    A CPU that was taken for want of a usable GPU stays recognisable.
    """
    name = name.removeprefix("NVIDIA ").removeprefix("GeForce ")
    name, for_want_of_gpu, _ = name.partition(f", {NO_USABLE_GPU}")
    kind, bracket, rest = name.partition(" (")
    short = f"{kind} x{rest.partition(' ')[0]}" if bracket and rest.endswith("threads)") else name
    return f"{short}, no GPU" if for_want_of_gpu else short


def _group(group: Group, glyphs: Glyphs, at_cursor: bool, marked: bool) -> Row:
    states = Counter(row.state for row in group.rows)
    runs: list[Piece] = [
        (glyphs.cursor if at_cursor else " ", "key"),
        (glyphs.mark if marked else " ", "accent"),
        (f" {glyphs.arrow if group.folded else glyphs.scroll[1]} ", "dim"),
        (group.study, "title"),
        (f"   {len(group.rows)} runs", "dim"),
    ]
    runs += [(f"   {states[state]} {state}", f"state.{state}") for state in _COUNTED if states[state]]
    return tuple(runs)


def _title(title: str, size: int, align: Align, order: Order, glyphs: Glyphs) -> list[Piece]:
    if order.key.column != title:
        return [(fit(title, size, align, glyphs.ellipsis), "dim")]
    arrow = glyphs.scroll[1 if order.key.best_first != order.backwards else 0]
    marked = f"{title} {arrow}" if width(title) + 2 <= size else fit(title, max(1, size - 1), ellipsis="") + arrow
    return [(fit(marked, size, align, glyphs.ellipsis), "title")]


def _measure(rows: Sequence[RunRow], glyphs: Glyphs, known: Measured) -> list[int]:
    """The width of every column: as wide as its title and what stands in it, and not wider than it may be."""
    fresh: Measured = {}
    for row in rows:
        found = known.get(id(row))
        sizes = found[1] if found is not None and found[0] is row else None
        fresh[id(row)] = (
            row,
            sizes or tuple(0 if column.fixed else width(column.cell(row, glyphs, 0.0)[0]) for column in COLUMNS),
        )
    known.clear()
    known.update(fresh)
    widest = [max(sizes) for sizes in zip(*(sizes for _, sizes in fresh.values()), strict=True)] or [99] * len(COLUMNS)
    return [
        column.most if column.fixed else min(column.most, max(width(column.title), size))
        for column, size in zip(COLUMNS, widest, strict=True)
    ]


def _under(text: str, style: str, cells: int, glyphs: Glyphs) -> Row:
    indent = " " * (_LEAD + 2)
    row: Row = ((indent, ""), (fit(text, max(0, cells - len(indent)), ellipsis=glyphs.ellipsis), style))
    return row if row_width(row) else ()
