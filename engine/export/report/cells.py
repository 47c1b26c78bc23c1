"""Cells of the report's tables as text."""

from __future__ import annotations

from collections.abc import Sequence

from engine.export.markdown import markdown_table, plain_text


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """A Markdown table of cells that are plain text."""
    return markdown_table(header, [[plain_text(cell) for cell in row] for row in rows], right)


def interval_text(ends: tuple[float, float] | None, places: int) -> str:
    """Both ends of an interval with their signs; "-" for none."""
    return "-" if ends is None else f"[{ends[0]:+.{places}f}, {ends[1]:+.{places}f}]"
