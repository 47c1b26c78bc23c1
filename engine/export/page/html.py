"""One HTML file that needs nothing else: text, tables and figures. It holds no script and refers to nothing outside.

Text comes in as it is and is escaped here. Whatever may be in another script is isolated, so that a name in Arabic
does not turn the sentence around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from engine.runs.text import visible

_SHORT = 20  # rows of a table that is not divided between printed pages
_STYLE = Path(__file__).with_name("page.css")
_POINTS = re.compile(r'<svg\b[^>]*?\bwidth="([\d.]+)pt"')
_NAMESPACES = re.compile(r'\s+xmlns(:\w+)?="[^"]*"')
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shaded:
    """A cell that repeats its number as a tint: ``share`` is 0 for none and 1 for the strongest."""

    text: str
    share: float


Cell = str | Shaded


@dataclass(frozen=True, slots=True)
class Section:
    """``body`` is HTML."""

    id: str  # unique in the page
    title: str
    body: str


def text(value: str) -> str:
    """Escaped, on one line, with what would drive a terminal or turn the text around made visible."""
    return escape(visible(value))


def isolated(value: str) -> str:
    """Text of somebody else's within a sentence or a cell."""
    shown = text(value)
    return shown if shown.isascii() else f"<bdi>{shown}</bdi>"


def paragraph(value: str) -> str:
    return f"<p>{isolated(value)}</p>"


def note(value: str) -> str:
    """A quiet line: what a table means, or why something is missing."""
    return f'<p class="note">{isolated(value)}</p>'


def preformatted(value: str) -> str:
    """Lines as they are; each begins on the side that its script begins on."""
    lines = "\n".join(text(line) for line in value.rstrip("\n").split("\n"))
    return f'<pre tabindex="0">{lines}</pre>'


def folded(summary: str, body: str) -> str:
    """What only some readers want to see; it is not printed while it is closed."""
    return f"<details>\n<summary>{isolated(summary)}</summary>\n{body}\n</details>"


def heading(value: str) -> str:
    """Of a part within a section."""
    return f"<h3>{isolated(value)}</h3>"


def table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, words: Sequence[int] = (), across: int = 99
) -> str:
    """A table, whose first column names the rows; columns beside it hold numbers, flush right.

    Args:
        words: columns that hold words instead.
        across: columns beside the first that fit; of more, several tables are made one below the other.
    """
    if len(header) - 1 > across:
        count = len(header) - 1
        pieces = -(-count // across)
        width = -(-count // pieces)
        parts: list[str] = []
        for first in range(1, count + 1, width):
            columns = range(first, min(first + width, count + 1))
            parts.append(
                table(
                    f"{caption} ({len(parts) + 1} of {pieces})",
                    [header[0], *(header[column] for column in columns)],
                    [[row[0], *(row[column] for column in columns)] for row in rows],
                    words=[column - first + 1 for column in words if column in columns],
                )
            )
        return "\n".join(parts)
    kind = "table short" if len(rows) <= _SHORT else "table"
    head = "".join(_header_cell(name, column, words) for column, name in enumerate(header))
    body = "\n".join(
        "<tr>" + "".join(_cell(cell, column, words) for column, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return (
        f'<div class="{kind}" role="group" tabindex="0" aria-label="{text(caption)}"><table>\n'
        f"<caption>{isolated(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        "</table></div>"
    )


def _header_cell(name: str, column: int, words: Sequence[int]) -> str:
    if not name:
        return "<td></td>"
    kind = "" if column == 0 or column in words else ' class="number"'
    return f'<th scope="col"{kind}>{isolated(name)}</th>'


def _cell(cell: Cell, column: int, words: Sequence[int]) -> str:
    if column == 0:
        return f'<th scope="row">{_breakable(cell if isinstance(cell, str) else cell.text)}</th>'
    if isinstance(cell, Shaded):
        return f'<td class="number shaded" style="--share:{cell.share:.3f}">{isolated(cell.text)}</td>'
    return f"<td>{_breakable(cell)}</td>" if column in words else f'<td class="number">{isolated(cell)}</td>'


def _breakable(value: str) -> str:
    """With the places where a name like own_language_advantage may go on in the next line."""
    return isolated(value).replace("_", "_<wbr>")


def figure(name: str, svg: str, caption: str) -> str:
    """A drawing of matplotlib's within the page.

    Args:
        name: unique in the page: the drawing's own ids are kept apart from others' by it.
        caption: also what is read aloud instead of the drawing.
    """
    element = _METADATA.sub("", svg[svg.index("<svg") :]).strip()
    start, end, rest = element.partition(">")
    start = _NAMESPACES.sub("", start)
    points = _POINTS.match(start + end)
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'href="#', f'href="#{name}-', rest).replace("url(#", f"url(#{name}-")
    size = "" if points is None else f' style="--points:{points[1]}"'
    label = text(caption)
    opened = start.replace("<svg", f'<svg role="img" aria-labelledby="{name}-title"{size}', 1)
    return (
        f'<figure id="{name}">\n{opened}{end}\n<title id="{name}-title">{label}</title>{rest}\n'
        f"<figcaption>{isolated(caption)}</figcaption>\n</figure>"
    )


def document(title: str, introduction: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole file.

    Args:
        introduction: HTML that stands between title and contents.
    """
    links = "\n".join(f'<li><a href="#{section.id}">{isolated(section.title)}</a></li>' for section in sections)
    bodies = "\n".join(
        f'<section id="{section.id}" aria-labelledby="{section.id}-title">\n'
        f'<h2 id="{section.id}-title">{isolated(section.title)}</h2>\n{section.body}\n</section>'
        for section in sections
    )
    contents = f'<nav aria-label="Contents">\n<ol>\n{links}\n</ol>\n</nav>' if sections else ""
    return page(title, f"<h1>{isolated(title)}</h1>\n" + "\n".join([*introduction, contents, bodies]))


def page(title: str, body: str) -> str:
    """A file of ``body``, which is HTML, in the one style that all reports have."""
    style = _STYLE.read_text(encoding="utf-8").strip()
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )
