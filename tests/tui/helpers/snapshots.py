"""Screens as text files: the rows, then the style of every cell as a letter, then what the letters stand for.

``1-3    4a 10b 106a`` says of rows 1 to 3: four cells of style ``a``, ten of ``b``, the rest ``a``. A blank cell takes
the style of its left neighbour where nobody would see a difference. A snapshot that is written anew keeps the letters
of the old one, so that a new style changes the rows that use it and no others.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby, product
from pathlib import Path
from string import ascii_letters, ascii_lowercase
from types import MappingProxyType
from typing import Any

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import App

from helpers.screens import drawn_lines

STYLES, LEGEND = "---- styles ----", "---- legend ----"
SHOWN_ON_BLANKS = ("underline", "underline2", "reverse", "strike", "overline")
ATTRIBUTES = ("bold", "dim", "italic", "blink", *SHOWN_ON_BLANKS)
NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
SIXTEEN = (*NAMES, *(f"bright_{name}" for name in NAMES))


def difference(app: App[Any], path: Path, *, update: bool) -> str:
    """Of the screen of a running app to the file, as a unified diff; empty if there is none.

    With ``update``, the file is written and nothing differs.
    """
    former = path.read_text(encoding="utf-8") if path.exists() else ""
    present = as_text(drawn_lines(app, behind=True), legend_of(former))
    if present == former:
        return ""
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(present, encoding="utf-8")
        return ""
    reason = f"The screen differs from {path.name}" if former else f"There is no {path.name}"
    lines = difflib.unified_diff(former.split("\n"), present.split("\n"), "snapshot", "screen", n=1, lineterm="")
    return "\n".join([f"{reason}. If the screen is right: pytest --update-snapshots", *lines])


def as_text(rows: Sequence[Sequence[Segment]], former: Mapping[str, str] = MappingProxyType({})) -> str:
    """``former``: letters by style, kept for the styles that are still there."""
    text = ["".join(segment.text for segment in row).rstrip() for row in rows]
    styles = [cell_styles(row) for row in rows]
    letters = letters_of(dict.fromkeys(chain.from_iterable(styles)), former)
    runs = [" ".join(f"{len(list(run))}{letters[style]}" for style, run in groupby(row)) for row in styles]
    legend = sorted((len(letter), letter.swapcase(), letter, style) for style, letter in letters.items())
    return "\n".join([*text, STYLES, *numbered(runs), LEGEND, *(f"{name:2} {style}" for *_, name, style in legend), ""])


def cell_styles(row: Sequence[Segment]) -> list[str]:
    """The style of each cell in words."""
    styles: list[str] = []
    left = Style.null()
    for text, style, _ in row:
        for character in text:
            cell = style or Style.null()
            if character == " ":
                cell = left if on_blank(left) == on_blank(cell) else on_blank(cell)
            styles += [in_words(cell)] * cell_len(character)
            left = cell
    return styles


@lru_cache
def on_blank(style: Style) -> Style:
    """What can be seen of a style where there is nothing to read."""
    visible = any(getattr(style, attribute) for attribute in SHOWN_ON_BLANKS)
    return style if visible else Style(bgcolor=style.bgcolor)


@lru_cache
def in_words(style: Style) -> str:
    words = [attribute for attribute in ATTRIBUTES if getattr(style, attribute)]
    words += [name_of(style.color)] if style.color and not style.color.is_default else []
    words += [f"on {name_of(style.bgcolor)}"] if style.bgcolor and not style.bgcolor.is_default else []
    return " ".join(words) or "plain"


def name_of(colour: Color) -> str:
    if colour.triplet:
        return colour.triplet.hex
    assert colour.number is not None
    return SIXTEEN[colour.number] if colour.number < len(SIXTEEN) else f"colour {colour.number}"


def letters_of(styles: Iterable[str], former: Mapping[str, str]) -> dict[str, str]:
    """A letter for each style; two letters where the alphabet is used up."""
    names = (*ascii_letters, *map("".join, product(ascii_lowercase, repeat=2)))
    free = (name for name in names if name not in former.values())
    return {style: former.get(style) or next(free) for style in styles}


def legend_of(snapshot: str) -> dict[str, str]:
    """The letters by style of a snapshot."""
    lines = snapshot.rpartition(f"{LEGEND}\n")[2].splitlines()
    return {style: letter for letter, style in (line.split(maxsplit=1) for line in lines)}


def numbered(runs: Sequence[str]) -> Iterator[str]:
    """Rows with their numbers from 1; neighbours that are alike share a line."""
    last = 0
    for run, alike in groupby(runs):
        first, last = last + 1, last + len(list(alike))
        yield f"{first if first == last else f'{first}-{last}':<6} {run}"
