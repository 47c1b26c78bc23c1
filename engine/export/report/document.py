"""A report as a list of blocks, Markdown and pictures: one Markdown file, or one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.export.markdown import plain_text
from engine.export.page.html import figure, page

FIGURES_FOLDER = "figures"


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
    body = "\n".join(
        figure(block.name, block.svg, block.caption) if isinstance(block, Picture) else markdown.render(block)
        for block in blocks
    )
    return page(
        title, body.replace("<table>", '<div class="table" tabindex="0"><table>').replace("</table>", "</table></div>")
    )


def _linked(picture: Picture) -> str:
    caption = plain_text(picture.caption)
    return f"![{caption}]({FIGURES_FOLDER}/{picture.name}.svg)\n\n{caption}"
