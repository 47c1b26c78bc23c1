"""A report as a list of blocks, and the same blocks as Markdown or as one HTML file that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from engine.runs.text import visible

FIGURES_FOLDER = "figures"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1, h2, h3 { line-height: 1.25; }
table { border-collapse: collapse; font-size: 0.875rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #d0d0d0; }
thead th { border-bottom: 2px solid #1a1a1a; }
.text { text-align: left; }
figure { margin: 1rem 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; }
figcaption { font-size: 0.875rem; color: #555; }
""".strip()


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 to 3
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; ``lead`` stands before it in bold."""

    text: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: Sequence[bool]  # those set flush left; numbers are flush right


@dataclass(frozen=True, slots=True)
class Picture:
    name: str  # of its file, without suffix; unique in the document
    svg: str
    caption: str


Block = Heading | Text | Bullets | Table | Picture


def to_markdown(blocks: Sequence[Block]) -> str:
    """Pictures are links to ``figures/<name>.svg``."""
    return "\n\n".join("\n".join(_markdown(block)) for block in blocks) + "\n"


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """One file: styles and pictures are in it, and nothing is fetched."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {visible(block.text)}"
        case Text():
            yield f"**{visible(block.lead)}** {visible(block.text)}" if block.lead else visible(block.text)
        case Bullets():
            yield from (f"- {visible(item)}" for item in block.items)
        case Table():
            yield _row(block.header)
            yield _row(["---" if text else "---:" for text in block.text_columns])
            yield from map(_row, block.rows)
        case Picture():
            yield f"![{visible(block.caption)}]({FIGURES_FOLDER}/{block.name}.svg)"
            yield ""
            yield visible(block.caption)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(visible(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_text(block.text)}</h{block.level}>"
        case Text():
            lead = f"<strong>{_text(block.lead)}</strong> " if block.lead else ""
            return f"<p>{lead}{_text(block.text)}</p>"
        case Bullets():
            return "<ul>\n" + "\n".join(f"<li>{_text(item)}</li>" for item in block.items) + "\n</ul>"
        case Table():
            return "\n".join(_html_table(block))
        case Picture():
            return f"<figure>\n{_inline(block)}\n<figcaption>{_text(block.caption)}</figcaption>\n</figure>"


def _html_table(table: Table) -> Iterator[str]:
    kinds = [' class="text"' if text else "" for text in table.text_columns]

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{kind}>{_text(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))

    yield f"<table>\n<thead><tr>{row(table.header, 'th')}</tr></thead>\n<tbody>"
    yield from (f"<tr>{row(cells, 'td')}</tr>" for cells in table.rows)
    yield "</tbody>\n</table>"


def _inline(picture: Picture) -> str:
    """The picture's <svg> element, with ids that no other picture of the document has."""
    element = picture.svg[picture.svg.index("<svg") :].strip()
    element = re.sub(r'\bid="', f'id="{picture.name}-', element)
    element = re.sub(r'href="#', f'href="#{picture.name}-', element)
    element = element.replace("url(#", f"url(#{picture.name}-")
    return element.replace("<svg", f'<svg role="img" aria-label="{_text(picture.caption)}"', 1)


def _text(text: str) -> str:
    return escape(visible(text))
