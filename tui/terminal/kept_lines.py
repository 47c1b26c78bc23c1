"""A cache of a widget's lines that costs less than Textual's where few of them change.

All of it is private to Textual. Where ``private_api`` finds a difference, Textual's own cache stays.
"""

from __future__ import annotations

from typing import Any, TypeVar

from rich.segment import Segment
from textual._styles_cache import RenderLineCallback, StylesCache
from textual.color import Color
from textual.content import Content
from textual.css.styles import StylesBase
from textual.geometry import Region, Size, Spacing
from textual.strip import Strip
from textual.widget import Widget

from tui.terminal import private_api

AnyWidget = TypeVar("AnyWidget", bound=Widget)


class Kept(StylesCache):
    """Hands out the same lines until one of them is to be drawn again.

    At any change in sight Textual asks all widgets for all their lines, and would filter and crop each of them anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Strip] | None = None
        self._kept_for = Region()

    def clear(self) -> None:
        super().clear()
        self._kept = None

    def set_dirty(self, *regions: Region) -> None:
        super().set_dirty(*regions)
        self._kept = None

    def render_widget(self, widget: Widget, crop: Region) -> list[Strip]:
        if self._kept is None or self._kept_for != crop:
            self._kept, self._kept_for = super().render_widget(widget, crop), crop
        return self._kept


def kept(container: AnyWidget) -> AnyWidget:
    """The container, which shows nothing of its own and changes least of all, with such a cache."""
    if not private_api.difference():
        container._styles_cache = Kept()
    return container


def keep_sides(widget: Widget) -> None:
    """Gives a widget that draws its lines one by one a cache of ``Sides``."""
    if not private_api.difference():
        widget._styles_cache = Sides()


def forget_lines(widget: Widget) -> None:
    """All lines of a widget that is about to be rendered are to be drawn anew; nothing else is asked of Textual."""
    if not private_api.difference():
        widget._styles_cache.clear()


def set_title(widget: Widget, title: Content) -> None:
    """Sets the title in a widget's border and draws that line again; Textual's setter would draw all of them."""
    if private_api.difference():
        widget.border_title = title
        return
    widget._border_title = title
    widget.refresh(Region(0, 0, widget.outer_size.width, 1).translate(-widget.content_offset))


class Sides(Kept):
    """Works out border and padding once instead of for every line.

    For each line that is drawn again Textual goes through all rules of the widget to find what stands left and right of
    it, which takes longer than the line. It is the same beside all of them, until the widget's look changes, and that
    clears this store: so the first line is asked for it. Nothing here is meant for outlines, hatches or tints, which
    no widget of the dashboard has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sides: tuple[int, list[Segment], list[Segment]] | None = None  # lines above the content, left, right

    def clear(self) -> None:
        super().clear()
        self._sides = None

    def render_line(
        self, styles: StylesBase, y: int, size: Size, content_size: Size, padding: Spacing, base_background: Color,
        background: Color, render_content_line: RenderLineCallback, *look: Any, **named: Any,
    ) -> Strip:  # fmt: skip
        if self._sides is not None:
            top, left, right = self._sides
            if 0 <= y - top < content_size.height:
                line = render_content_line(y - top).adjust_cell_length(content_size.width)
                return Strip([*left, *line, *right], size.width)
        strip = super().render_line(
            styles, y, size, content_size, padding, base_background, background, render_content_line, *look, **named
        )
        gutter = styles.gutter
        if gutter.top <= y < gutter.top + content_size.height:
            beside = strip.crop(0, gutter.left), strip.crop(size.width - gutter.right, size.width)
            self._sides = gutter.top, list(beside[0]), list(beside[1])
        return strip
