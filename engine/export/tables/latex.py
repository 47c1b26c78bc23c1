"""A frame as LaTeX with booktabs.

What is wider than the text is scaled down to it. What is longer than a page becomes several tables, each with the
header. A column of notes becomes notes under the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.export.tables.rounding import rounded
from engine.runs.text import visible

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_ROWS_A_PAGE = 40  # at 10 pt, with room for header and notes
_NOTE = "note"

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

# In the abbreviations of the published tables.
_HEADINGS = {
    "map_monolingual": "mAP Mo",
    "map_crosslingual": "mAP Cr",
    "map_multilingual": "mAP Mul",
    "recall_at_1_monolingual": "R@1 Mo",
    "recall_at_1_crosslingual": "R@1 Cr",
    "recall_at_10_multilingual": "R@10 Mul",
    "ndcg_at_10": "nDCG@10",
    "ndcg_at_20": "nDCG@20",
    "ndcg_at_20_multilingual": "nDCG@20 Mul",
    "recall_at_100": "R@100",
    **{
        f"{key}_{setting.lower()}": f"{benchmark} {setting}"
        for key, benchmark in (("xquad_r", "XQuAD-R"), ("mlqa_r", "MLQA-R"))
        for setting in ("Mo", "Cr", "Mul")
    },
}


def to_latex(frame: Frame) -> str:
    """The part of a document to ``\\input``; its first lines are comments: packages it needs, and abbreviations."""
    marks = _marks(frame)
    rows = [_row(record, marks) for record in frame.iter_rows(named=True)]
    pages = [rows[start : start + _ROWS_A_PAGE] for start in range(0, max(1, len(rows)), _ROWS_A_PAGE)]
    environment = "table" if len(pages) == 1 else "center"  # many floats in a row would overflow LaTeX's memory
    lines = list(_comments(frame))
    for page in pages:
        lines += [rf"\begin{{{environment}}}", r"\centering", *_tabular(frame, page)]
        if page is pages[-1]:
            lines += [
                rf"\par\smallskip {{\footnotesize {_raised(mark)} {escaped(note)}\par}}" for note, mark in marks.items()
            ]
        lines.append(rf"\end{{{environment}}}")
    return "\n".join([*lines, ""])


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    characters = (_SPECIAL.get(character, character) for character in visible(text))
    return re.sub("-(?=-)", "-{}", "".join(characters))  # two hyphens would become a dash


def _comments(frame: Frame) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs,adjustbox}"
    if abbreviated := [name for name in frame.columns if name in _HEADINGS]:
        yield "% " + "; ".join(f"{_HEADINGS[name]} = {name}" for name in abbreviated)


def _tabular(frame: Frame, rows: list[str]) -> Iterator[str]:
    alignment = "".join("r" if dtype.is_numeric() else "l" for dtype in frame.dtypes)
    header = (_HEADINGS.get(name, name.replace("_", " ")) for name in frame.columns)
    yield r"\begin{adjustbox}{max width=\linewidth}"
    yield rf"\begin{{tabular}}{{{alignment}}}"
    yield r"\toprule"
    yield rf"{' & '.join(map(escaped, header))} \\"
    yield r"\midrule"
    yield from rows
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{adjustbox}"


def _row(record: Mapping[str, Any], marks: Mapping[str, str]) -> str:
    return rf"{' & '.join(_cell(name, record, marks) for name in record)} \\"


def _cell(name: str, record: Mapping[str, Any], marks: Mapping[str, str]) -> str:
    value = record[name]
    text = visible(rounded(name, value, record))
    if not text:
        return "--"
    if name == _NOTE:
        return _raised(marks[text])
    if isinstance(value, int | float) and text.startswith("-"):
        return f"$-${escaped(text[1:])}"
    return escaped(text)


def _marks(frame: Frame) -> dict[str, str]:
    """The distinct notes, each with its number."""
    if _NOTE not in frame.columns:
        return {}
    notes = dict.fromkeys(visible(text) for text in frame[_NOTE].to_list() if text)
    return {note: str(number) for number, note in enumerate(notes, start=1)}


def _raised(mark: str) -> str:
    return rf"\textsuperscript{{{mark}}}"
