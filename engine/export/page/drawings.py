"""The figures of a report, from the frames that its tables are; without matplotlib there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.export.figures import FIGURES, figure_file
from engine.export.figures.style import available
from engine.export.page.html import figure, note
from engine.export.run_results import ExportError

if TYPE_CHECKING:
    from polars import DataFrame as Frame

LEFT_OUT = "Figures are left out, for matplotlib is not installed: pip install 'hybrid-tui[figures]' gives them."


def drawing(kind: str, frame: Callable[[], Frame], caption: str, suffix: str = "") -> str:
    """As HTML; empty without matplotlib. Where it cannot be drawn, a line says why.

    Args:
        kind: one of FIGURES.
        suffix: what tells it apart from others of its kind in the page.
    """
    if not available():
        return ""
    try:
        svg = figure_file(FIGURES[kind], frame(), "svg").decode()
    except ExportError as error:
        return note(f"There is no figure of the kind {kind}: {error}.")
    return figure(f"figure-{kind}{suffix}", svg, caption)
