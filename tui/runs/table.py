"""The table of runs: which columns fit, how wide they are, and what stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from engine.events import NO_USABLE_GPU
from engine.measures import METRICS
from tui.draw.glyphs import Glyphs
from tui.draw.small import sparkline
from tui.draw.text import Align, Piece, Row, fit, fit_middle, fit_row, row_width, width
from tui.follow.rows import RunRow
from tui.numbers import age, count, number, share, visible
from tui.runs import fields
from tui.runs.listing import Entry, Group, Order, Shown

SPARK = 8
_METRIC = 5  # cells of a metric; ~.791: of a sample of the queries


class Column(msgspec.Struct, frozen=True):
    """``rank`` says which columns go first when the terminal is narrow: the greatest.

    ``most`` is the widest that a text becomes; a column of numbers is as wide as its widest number. ``fixed`` columns
    always are that wide.
    """

    key: str
    title: str
    most: int
    align: Align
    rank: int
    cell: Callable[[RunRow, Glyphs, float], Piece]
    fixed: bool = False


def _metric(name: str) -> Callable[[RunRow, Glyphs, float], Piece]:
    def cell(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
        text = share(row.metrics.get(name))
        return (f"~{text}" if row.is_sampled and text != "-" else text), ""

    return cell


def _state(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    return f"{glyphs.states.get(row.state, '?')} {row.state}", f"state.{row.state}"


def _step(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    if row.kind == "evaluation":
        return f"{len(row.evaluated)} of {row.benchmarks}", ""
    return f"{row.step:,}/{row.max_steps:,}" if row.max_steps else f"{row.step:,}", ""


def _distance(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    return count(row.metrics.get("rank_distance")), ""


def _mode(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    if row.mono_share is None:
        return row.mode, "dim"
    return f"{row.mode} {row.mono_share_schedule or share(row.mono_share, 2)}", "dim"


def _age(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
    return (age(now - row.updated) if row.updated else "-", "dim")


_COLUMNS = {
    column.key: column
    for column in (
        Column("tag", "tags", 20, "left", 8, lambda row, glyphs, now: (" ".join(row.tags), "dim")),
        Column("mode", "mode", 20, "left", 6, _mode),
        Column("state", "state", 12, "left", 0, _state),
        Column("step", "step", 19, "right", 2, _step),
        Column("spark", "", SPARK, "left", 7, lambda row, glyphs, now: (sparkline(row.spark, SPARK, glyphs), "bar"),
               fixed=True),
        Column("loss", "loss", 7, "right", 3, lambda row, glyphs, now: (number(row.loss), "")),
        Column("mono", "mono", _METRIC, "right", 6, _metric("map_monolingual")),
        Column("cross", "cross", _METRIC, "right", 6, _metric("map_crosslingual")),
        Column("pool", "pool", _METRIC, "right", 4, _metric("map_multilingual")),
        Column("best", "best", 5, "right", 8, lambda row, glyphs, now: (share(row.best), "dim")),
        Column("rank_distance", "rank dist", 9, "right", 5, _distance),
        Column("device", "device", 14, "left", 9, lambda row, glyphs, now: (short_device(row.device), "dim")),
        Column("host", "host", 14, "left", 10, lambda row, glyphs, now: (row.host, "dim")),
        Column("age", "age", 4, "right", 1, _age),
    )
}  # fmt: skip
USUAL = tuple(_COLUMNS)
_MOST = 24  # cells of a column that a person has added


def column(key: str) -> Column:
    """Of the table itself, or of any field.

    Raises:
        UnknownFieldError: there is none of that name.
    """
    if key in _COLUMNS:
        return _COLUMNS[key]
    asked = fields.field(key)

    def cell(row: RunRow, glyphs: Glyphs, now: float) -> Piece:
        value = asked.value(row)
        is_share = isinstance(value, float) and asked.key.rpartition(".")[2] in METRICS
        return share(value) if is_share else fields.text(value), "" if is_share else "dim"  # type: ignore[arg-type]

    is_number = fields.is_number(asked)
    return Column(asked.key, fields.title(asked.key), _MOST, "right" if is_number else "left", 6, cell)


def columns(keys: Sequence[str] | None, rows: Sequence[RunRow]) -> tuple[Column, ...]:
    """Those that a person has chosen: of them the last ones give way first. None: the usual ones, where they say
    something about ``rows``."""
    if keys is not None:
        return tuple(msgspec.structs.replace(column(key), rank=place) for place, key in enumerate(keys))
    silent = set() if any(row.tags for row in rows) else {"tag"}
    if len({row.host for row in rows if row.host}) < 2:
        silent.add("host")
    return tuple(each for key, each in _COLUMNS.items() if key not in silent)


_GAP = 2
_NAME_LEAST, _NAME_MOST = 15, 24  # cells of a name below which a column gives way
_LEAD = 3  # cursor and mark
_INDENT = "  "  # of a run below its group
PIN = "^"  # before the name of a run that stands first
SORTED_BY = {"step": "progress"}  # what a click on a title sorts by, where it is not the column itself
_AGES_TO_COME = 30 * 86400.0  # seconds for which the columns stay wide enough
_COUNTED = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")


class Layout(msgspec.Struct, frozen=True, eq=False):
    """The columns that are shown, each with its width, and the width of the name."""

    columns: tuple[tuple[Column, int], ...]
    name: int


# Cells that each row's columns take, by the row's identity: of 500 runs a few change between two looks.
Measured = dict[int, tuple[RunRow, tuple[int, ...]]]


def lay_out(
    entries: Sequence[Entry], asked: Sequence[Column], cells: int, glyphs: Glyphs, now: float, known: Measured
) -> Layout:
    """Those of the columns ``asked`` that fit beside readable names; each is as wide as what stands in it.

    ``known`` is the caller's, of these very columns, and kept up to date here.
    """
    shown = [entry for entry in entries if isinstance(entry, Shown)]
    sizes = _measure([entry.row for entry in shown], asked, glyphs, now, known)
    longest = max((width(entry.label) + len(_INDENT) * entry.grouped for entry in shown), default=_NAME_LEAST)
    least = max(_NAME_LEAST, min(_NAME_MOST, longest))
    chosen = list(zip(asked, sizes, strict=True))
    while chosen:
        left = cells - 1 - _LEAD - sum(size + _GAP for _, size in chosen)
        worst = max(column.rank for column, _ in chosen)
        if left >= least:
            return Layout(tuple(chosen), max(least, min(left, longest)))
        if least > _NAME_LEAST and left >= _NAME_LEAST and worst <= 6:
            return Layout(tuple(chosen), left)  # names are cut before the columns that most are looked at for
        chosen = [(column, size) for column, size in chosen if column.rank != worst]
    return Layout((), max(1, cells - _LEAD))


def head(layout: Layout, order: Order, glyphs: Glyphs) -> Row:
    """The titles; an arrow stands at the one that is sorted by."""
    pieces: list[Piece] = [(" " * _LEAD, ""), *_title("name", "name", layout.name, "left", order, glyphs)]
    for column, size in layout.columns:
        pieces += [(" " * _GAP, ""), *_title(column.key, column.title, size, column.align, order, glyphs)]
    return tuple(pieces)


def key_at(layout: Layout, x: int) -> str | None:
    """The key of the column whose title stands at that cell; None beside them."""
    start = _LEAD
    for key, size in (("name", layout.name), *((column.key, size) for column, size in layout.columns)):
        if start <= x < start + size:
            return key
        start += size + _GAP
    return None


def lines(
    entry: Entry, layout: Layout, cells: int, glyphs: Glyphs, now: float, at_cursor: bool, marked: bool
) -> list[Row]:
    """A group is one line; a run is one, and a second one where the state needs a reason or a note was written."""
    if isinstance(entry, Group):
        return [_group(entry, cells, glyphs, at_cursor, marked)]
    row = entry.row
    label = _INDENT * entry.grouped + entry.label
    pieces: list[Piece] = [
        (glyphs.cursor if at_cursor else " ", "key"),
        (glyphs.mark if marked else " ", "accent"),
        (PIN if row.pinned else " ", "accent"),
        (fit_middle(label, layout.name, glyphs.ellipsis), "bold" if at_cursor else ""),
    ]
    for column, size in layout.columns:
        text, style = column.cell(row, glyphs, now)
        pieces += [(" " * _GAP, ""), (fit(text, size, column.align, glyphs.ellipsis), style)]
    rows: list[Row] = [tuple(pieces)]
    if (reason := second_line(row)) or row.note:
        rows.append(_under(((reason, f"state.{row.state}"), (row.note, "dim")), cells, glyphs))
    return rows


def second_line(row: RunRow) -> str:
    """Why a run is not simply running; what long work it does."""
    if row.state in ("crashed", "failed", "queued", "stalled"):
        return row.reason
    if row.work is not None and row.live and row.state != "running":
        done = f" {row.work.done:,}" if row.work.done or row.work.total else ""
        return f"{visible(row.work.what)}{done}{f'/{row.work.total:,}' if row.work.total else ''}"
    return ""


def short_device(name: str) -> str:
    """Without what all devices of a kind have in common: GPU1 NVIDIA H200 -> GPU1 H200, cpu (2 threads) -> cpu x2.

    A CPU that was taken for want of a usable GPU stays recognisable.
    """
    name = name.replace("NVIDIA ", "", 1).replace("GeForce ", "", 1)
    name, for_want_of_gpu, _ = name.partition(f", {NO_USABLE_GPU}")
    kind, bracket, rest = name.partition(" (")
    short = f"{kind} x{rest.partition(' ')[0]}" if bracket and rest.endswith("threads)") else name
    return f"{short}, no GPU" if for_want_of_gpu else short


def _group(group: Group, cells: int, glyphs: Glyphs, at_cursor: bool, marked: bool) -> Row:
    """The name, and how many runs are in which state: as many of the counts as fit, none of them cut."""
    states = Counter(row.state for row in group.rows)
    lead: list[Piece] = [
        (glyphs.cursor if at_cursor else " ", "key"),
        (glyphs.mark if marked else " ", "accent"),
        (f" {glyphs.arrow if group.folded else glyphs.scroll[1]} ", "dim"),
    ]
    counts: list[Piece] = [(f"   {len(group.rows)} runs", "dim")]
    counts += [(f"   {states[state]} {state}", f"state.{state}") for state in _COUNTED if states[state]]
    room = cells - row_width(lead)
    while len(counts) > 1 and room - row_width(counts) < min(width(group.label), _NAME_LEAST):
        counts.pop()
    name = min(width(group.label), max(0, room - row_width(counts)))
    return (*lead, (fit_middle(group.label, name, glyphs.ellipsis), "title"), *counts)


def _title(key: str, title: str, size: int, align: Align, order: Order, glyphs: Glyphs) -> list[Piece]:
    if order.sort not in (key, SORTED_BY.get(key)):
        return [(fit(title, size, align, glyphs.ellipsis), "dim")]
    arrow = glyphs.scroll[order.is_descending]
    marked = f"{title} {arrow}" if width(title) + 2 <= size else fit(title, max(1, size - 1), ellipsis="") + arrow
    return [(fit(marked, size, align, glyphs.ellipsis), "title")]


def _measure(rows: Sequence[RunRow], asked: Sequence[Column], glyphs: Glyphs, now: float, known: Measured) -> list[int]:
    """The width of every column: as wide as its title and what stands in it. Texts may be cut, numbers never are."""
    later = now + _AGES_TO_COME
    fresh: Measured = {}
    for row in rows:
        before = known.get(id(row))
        sizes = before[1] if before is not None and before[0] is row else None
        fresh[id(row)] = (
            row,
            sizes or tuple(0 if each.fixed else width(each.cell(row, glyphs, later)[0]) for each in asked),
        )
    known.clear()
    known.update(fresh)
    widest = [max(sizes) for sizes in zip(*(sizes for _, sizes in fresh.values()), strict=True)] or [0] * len(asked)
    return [
        each.most if each.fixed else max(width(each.title), size if each.align == "right" else min(each.most, size))
        for each, size in zip(asked, widest, strict=True)
    ]


def _under(pieces: Sequence[Piece], cells: int, glyphs: Glyphs) -> Row:
    indent = " " * (_LEAD + 2)
    texts = [piece for piece in pieces if piece[0]]
    between = [piece for text in texts for piece in (("   ", ""), text)][1:]
    return fit_row(((indent, ""), *between), cells, glyphs.ellipsis)
