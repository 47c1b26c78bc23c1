"""A report as a list of blocks, Markdown and pictures: one Markdown file, or one HTML file that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from engine.export.markdown import plain_text
from engine.runs.text import visible

FIGURES_FOLDER = "figures"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1, h2, h3 { line-height: 1.25; }
table { border-collapse: collapse; font-size: 0.875rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.6rem; text-align: left; white-space: nowrap; border-bottom: 1px solid #d0d0d0; }
thead th { border-bottom: 2px solid #1a1a1a; }
figure { margin: 1rem 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; }
figcaption { font-size: 0.875rem; color: #555; }
""".strip()


@dataclass(frozen=True, slots=True)
class Picture:
    name: str  # of its file, without suffix; unique in the document
    svg: str
    caption: str


Block = str | Picture  # a str is Markdown: a heading, a paragraph, a list or a table


def bullets(items: Sequence[str]) -> str:
    """A list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def to_markdown(blocks: Sequence[Block]) -> str:
    """Pictures are links to ``figures/<name>.svg``."""
    return "\n\n".join(_linked(block) if isinstance(block, Picture) else block for block in blocks) + "\n"


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """One file: styles and pictures are in it, and nothing is fetched. HTML within the Markdown is shown as text."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = "\n".join(_figure(block) if isinstance(block, Picture) else markdown.render(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(visible(title))}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _linked(picture: Picture) -> str:
    caption = plain_text(picture.caption)
    return f"![{caption}]({FIGURES_FOLDER}/{picture.name}.svg)\n\n{caption}"


def _figure(picture: Picture) -> str:
    """The picture's <svg> element, with ids that no other picture of the document has."""
    caption = escape(visible(picture.caption))
    element = picture.svg[picture.svg.index("<svg") :].strip()
    element = re.sub(r'\bid="', f'id="{picture.name}-', element)
    element = re.sub(r'href="#', f'href="#{picture.name}-', element)
    element = element.replace("url(#", f"url(#{picture.name}-")
    element = element.replace("<svg", f'<svg role="img" aria-label="{caption}"', 1)
    return f"<figure>\n{element}\n<figcaption>{caption}</figcaption>\n</figure>"
