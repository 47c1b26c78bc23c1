"""A frame as LaTeX with booktabs that fits a page: no column runs over the margin, no row off the foot.

Set for a text width of 345 pt, that of ``article`` at 10 pt; other classes are wider. What is too wide is set smaller,
and where that is not enough the columns are spread over several tables which repeat the columns that name the row.
What is too long for one page becomes a ``longtable``. A first column that names many rows at a time becomes headings
between them, and a column of notes becomes notes under the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from engine.export.tables.rounding import shown
from engine.runs.text import visible

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_TEXT_WIDTH = 345.0  # pt
_MINUS = 4.0  # pt, by which a minus sign is wider than a hyphen
_WIDEST_TEXT = 130.0  # pt at 10 pt; longer texts are broken into lines
_LINES_A_PAGE = 38
_CHARACTER = 5.2  # pt, Computer Modern at 10 pt
_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!()[]", 2.8),
    **dict.fromkeys("frt-I", 3.8),
    **dict.fromkeys("0123456789", 5.0),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ+<>=", 7.4),
    **dict.fromkeys("mwMW@%", 8.9),
}


@dataclass(frozen=True, slots=True)
class _Setting:
    """How large a table is set."""

    size: str
    scale: float  # of the letters' widths at 10 pt: smaller ones are cut wider
    gap: float  # pt on either side of a column


# From the largest on; smaller letters are hard to read in print.
_SETTINGS = (
    _Setting("normalsize", 1.0, 4.0),
    _Setting("small", 0.925, 4.0),
    _Setting("footnotesize", 0.85, 4.0),
    _Setting("footnotesize", 0.85, 2.5),
)

_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after a line's end, a bracket or a star would be read as its argument
    "*": "{*}",
}

# Columns under a common head, in the abbreviations of the published tables.
_HEADINGS = {
    "map_monolingual": ("mAP", "Mo"),
    "map_crosslingual": ("mAP", "Cr"),
    "map_multilingual": ("mAP", "Mul"),
    "recall_at_1_monolingual": ("R@1", "Mo"),
    "recall_at_1_crosslingual": ("R@1", "Cr"),
    "recall_at_10_multilingual": ("R@10", "Mul"),
    "ndcg_at_10": ("", "nDCG@10"),
    "recall_at_100": ("", "R@100"),
    "xquad_r_mo": ("XQuAD-R", "Mo"),
    "xquad_r_cr": ("XQuAD-R", "Cr"),
    "xquad_r_mul": ("XQuAD-R", "Mul"),
    "mlqa_r_mo": ("MLQA-R", "Mo"),
    "mlqa_r_cr": ("MLQA-R", "Cr"),
    "mlqa_r_mul": ("MLQA-R", "Mul"),
    "interval_low": ("95 % interval", "low"),
    "interval_high": ("95 % interval", "high"),
    "seed_interval_low": ("over seeds", "low"),
    "seed_interval_high": ("over seeds", "high"),
}
_NOTE = "note"
_SHORTEST_SPLIT = 7  # letters of a column's name that is set in two lines


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    group: str  # head shared with its neighbours; empty: none
    top: str  # first line of a head of its own
    bottom: str
    cells: tuple[str, ...]  # not escaped
    numeric: bool

    def width(self) -> float:
        """In pt at 10 pt, without the gaps."""
        widest = max(map(_width, (self.top, self.bottom, *self.cells)))
        if self.numeric and any(cell.startswith("-") for cell in self.cells):
            widest += _MINUS
        return widest if self.numeric else min(widest, max(_WIDEST_TEXT, _width(self.bottom)))

    def broken(self) -> bool:
        """Whether its texts are set in several lines."""
        return not self.numeric and any(_width(cell) > _WIDEST_TEXT for cell in self.cells)


def to_latex(frame: Frame) -> str:
    """The part of a document to ``\\input``; its first lines are comments that name the packages it needs."""
    blocks = _blocks(frame)
    notes = _notes(frame)
    columns = [_column(frame, name, notes) for name in frame.columns[1 if blocks else 0 :]]
    setting = next((setting for setting in _SETTINGS if _total(columns, setting) <= _TEXT_WIDTH), _SETTINGS[-1])
    keys = _keys(frame) - (1 if blocks else 0)
    panels = list(_panels(columns[:keys], columns[keys:], setting))
    long = len(panels) * (frame.height + len(blocks) + 4) + len(notes) > _LINES_A_PAGE
    lines = [*_comments(columns, long), "{" if long else "\\begin{table}\n\\centering", rf"\{setting.size}"]
    lines.append(rf"\setlength{{\tabcolsep}}{{{setting.gap:g}pt}}")
    for number, panel in enumerate(panels):
        if number and not long:
            lines.append(r"\par\medskip")
        lines += _panel("longtable" if long else "tabular", panel, setting, blocks)
    for mark, note in zip(notes.values(), notes, strict=True):
        lines.append(rf"\par\smallskip {{\raggedright\footnotesize \textsuperscript{{{mark}}} {escaped(note)}\par}}")
    return "\n".join([*lines, "}" if long else r"\end{table}", ""])


def _comments(columns: Sequence[_Column], long: bool) -> Iterator[str]:
    packages = ["booktabs"]
    packages += ["array"] if any(column.broken() for column in columns) else []
    packages += ["longtable"] if long else []
    yield f"% needs \\usepackage{{{','.join(packages)}}}"
    if abbreviated := [column for column in columns if column.name in _HEADINGS]:
        yield "% " + "; ".join(f"{column.group} {column.bottom} = {column.name}".strip() for column in abbreviated)


def _panel(environment: str, columns: Sequence[_Column], setting: _Setting, blocks: dict[int, str]) -> Iterator[str]:
    yield rf"\begin{{{environment}}}{{{''.join(_alignment(column, setting) for column in columns)}}}"
    yield r"\toprule"
    yield from _head(columns)
    yield r"\midrule"
    if environment == "longtable":
        yield r"\endhead"
        yield r"\bottomrule"
        yield r"\endfoot"
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if number in blocks:
            if number:
                yield r"\addlinespace"
            yield rf"\multicolumn{{{len(columns)}}}{{l}}{{\textit{{{escaped(blocks[number])}}}}} \\*"
        yield rf"{' & '.join(_cell(column, cell) for column, cell in zip(columns, cells, strict=True))} \\"
    if environment == "tabular":
        yield r"\bottomrule"
    yield rf"\end{{{environment}}}"


def _cell(column: _Column, text: str) -> str:
    if not text:
        return "--"
    if column.numeric and text.startswith("-"):
        return f"$-${escaped(text[1:])}"
    if column.name == _NOTE:
        return rf"\textsuperscript{{{text}}}"
    return escaped(text, breakable=column.broken())


def _head(columns: Sequence[_Column]) -> Iterator[str]:
    """One line, or two where columns share a head or have a long name."""
    if any(column.group or column.top for column in columns):
        first, rules, place = [], [], 1
        for group, members in groupby(columns, key=lambda column: column.group or id(column)):
            span = list(members)
            if isinstance(group, str):
                first.append(rf"\multicolumn{{{len(span)}}}{{{'c' if len(span) > 1 else 'r'}}}{{{escaped(group)}}}")
                rules += [rf"\cmidrule(lr){{{place}-{place + len(span) - 1}}}"] if len(span) > 1 else []
            else:
                first.append(escaped(span[0].top))
            place += len(span)
        yield rf"{' & '.join(first)} \\"
        if rules:
            yield "".join(rules)
    yield rf"{' & '.join(escaped(column.bottom) for column in columns)} \\"


def _alignment(column: _Column, setting: _Setting) -> str:
    if column.broken():
        return rf">{{\raggedright\arraybackslash}}p{{{column.width() * setting.scale:.0f}pt}}"
    return "r" if column.numeric else "l"


def _column(frame: Frame, name: str, notes: dict[str, str]) -> _Column:
    cells = tuple(visible(shown(name, row[name], row)) for row in frame.iter_rows(named=True))
    group, top = "", ""
    if name == _NOTE:
        cells, bottom = tuple(notes.get(cell, "") for cell in cells), ""
    elif name in _HEADINGS:
        group, bottom = _HEADINGS[name]
    else:
        bottom = visible(name).replace("_", " ")
        words = bottom.split(" ")
        if len(bottom) > _SHORTEST_SPLIT and len(words) > 1:
            top, bottom = words[0], " ".join(words[1:])
    return _Column(name, group, top, bottom, cells, frame.schema[name].is_numeric())


def _blocks(frame: Frame) -> dict[int, str]:
    """Headings by the row they stand before, from a first column of text that repeats; else none."""
    import polars as pl

    first = frame.to_series(0)
    if first.dtype != pl.String or frame.width < 3 or first.n_unique() == len(first):
        return {}
    texts = [visible(text or "--") for text in first.to_list()]
    return {row: text for row, text in enumerate(texts) if not row or text != texts[row - 1]}


def _notes(frame: Frame) -> dict[str, str]:
    """Distinct texts of the column of notes, with their marks."""
    if _NOTE not in frame.columns:
        return {}
    texts = dict.fromkeys(visible(text) for text in frame[_NOTE].to_list() if text)
    return {text: str(number) for number, text in enumerate(texts, start=1)}


def _keys(frame: Frame) -> int:
    """How many of the first columns it takes to tell the rows apart; at least one."""
    for count in range(1, frame.width):
        if frame[:, :count].n_unique() == frame.height:
            return count
    return 1


def _panels(keys: Sequence[_Column], others: Sequence[_Column], setting: _Setting) -> Iterator[list[_Column]]:
    """Columns that fit side by side, after the keys; heads are kept together."""
    panel = list(keys)
    for _, members in groupby(others, key=lambda column: column.group or id(column)):
        unit = list(members)
        if len(panel) > len(keys) and _total([*panel, *unit], setting) > _TEXT_WIDTH:
            yield panel
            panel = list(keys)
        panel += unit
    yield panel


def _total(columns: Sequence[_Column], setting: _Setting) -> float:
    """In pt; a head shared by several columns may be wider than they are."""
    total, scale = 0.0, setting.scale
    for group, members in groupby(columns, key=lambda column: column.group or id(column)):
        span = list(members)
        inner = sum(column.width() for column in span) * scale + 2 * setting.gap * (len(span) - 1)
        total += max(inner, _width(group) * scale if isinstance(group, str) else 0.0) + 2 * setting.gap
    return total


def _width(text: str) -> float:
    return sum(_WIDTHS.get(character, _CHARACTER) for character in text)


def escaped(text: str, *, breakable: bool = False) -> str:
    """Text that LaTeX prints as it is; ``breakable`` lets lines end within long names."""
    characters = (_SPECIAL.get(character, character) for character in visible(text))
    joined = re.sub("-(?=-)", "-{}", "".join(characters))  # two hyphens would become a dash
    return joined.replace(r"\_", r"\_\allowbreak{}") if breakable else joined
