"""Widgets that draw rows of styled text and send only the lines that changed to the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style as TextualStyle
from textual.widget import Widget

from tui.draw.glyphs import Glyphs
from tui.draw.text import Piece, Row, fit_row, row_width
from tui.host import Host, host_of
from tui.terminal.kept_lines import forget_lines, keep_sides, set_title
from tui.terminal.stand_ins import measurable
from tui.theme import Palette

if TYPE_CHECKING:
    from textual import events


Spot = tuple[int, int, Callable[[], object]]  # cell and line within a widget, and what goes there


class Drawn(Widget):
    """Subclasses say what ``rows`` they show; ``redraw`` compares with what stands there."""

    DEFAULT_CSS = "Drawn { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []
        self._drawn_for = (-1, -1)
        self._ground: Style | None = None
        keep_sides(self)

    @property
    def host(self) -> Host:
        return host_of(self)

    @property
    def glyphs(self) -> Glyphs:
        return self.host.glyphs

    @property
    def palette(self) -> Palette:
        return self.host.palette

    def rows(self, width: int, height: int) -> list[Row]:
        """At most ``height`` rows; each is cut or padded to ``width`` cells."""
        raise NotImplementedError

    def spots(self) -> Iterable[Spot]:
        """What one can jump to within it."""
        return ()

    def redraw(self) -> None:
        """Draws again and marks the lines that differ; nothing is drawn for a widget that is not in sight."""
        width, height = size = self.size
        if not self.is_mounted or 0 in (width, height):
            self._drawn_for = (-1, -1)
            return
        fresh = self._fresh_rows(width, height)
        if self._drawn_for != size:
            self._rows, self._drawn_for = fresh, size
            self.refresh()
            return
        changed = [
            Region(0, y, width, 1) for y, (old, new) in enumerate(zip(self._rows, fresh, strict=True)) if old != new
        ]
        self._rows = fresh
        if changed:
            self.refresh(*changed)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Before anything of it is rendered, its border included, the widget is drawn for the size it has by now."""
        size = self.size
        if self._drawn_for != size:
            self._rows, self._drawn_for = self._fresh_rows(*size), size
            forget_lines(self)  # it may hold lines from before it was out of sight
        self._ground = None
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        if self._ground is None:  # once for all lines: Textual works it out anew from all that lies below
            self._ground = self._base()
        width, ground, style = self._drawn_for[0], self._ground, self.palette.style
        if y >= len(self._rows):
            return Strip.blank(width, ground)
        row = self._rows[y]
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            row = marked(row, *span)
        strip = Strip([Segment(measurable(text), ground + style(name)) for text, name in row], width)
        return strip.apply_offsets(0, y)  # where a selection that begins here begins

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """What is selected of its text, without the blanks at the ends of lines."""
        lines = ["".join(text for text, _ in row) for row in self._rows]
        return "\n".join(line.rstrip() for line in selection.extract("\n".join(lines)).split("\n")), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        forget_lines(self)
        self.refresh()

    def _base(self) -> Style:
        """Colours of the surface, or the terminal's own where the palette has only its colours."""
        return Style.null() if self.palette.ansi else self.rich_style

    def _fresh_rows(self, width: int, height: int) -> list[Row]:
        rows = [fit_row(row, width, self.glyphs.ellipsis) for row in self.rows(width, height)[:height]]
        return rows + [((" " * width, ""),)] * (height - len(rows))

    def on_resize(self, event: events.Resize) -> None:
        self.redraw()


_TITLE_FRAME = 6  # cells of a border beside its title: corners, lines and spaces


class Panel(Drawn):
    """A bordered part of a screen; its title may change with what it shows."""

    DEFAULT_CSS = """
    Panel { border: solid $line; border-title-color: $titles; padding: 0 1; }
    """

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._title: Row = ()
        self._title_cut_for = -1
        self._hidden = ("", "")
        self.retitle(title)

    def retitle(self, title: str | Row) -> None:
        """Sets the title, as text or as a row of styled text: nothing in it is markup."""
        row = ((title, ""),) if isinstance(title, str) else title
        if row != self._title:
            self._title = row
            self._show_title()

    def tell_hidden(self, above: int, below: int) -> None:
        """Counts in the lower border what stands above and below the lines in sight."""
        up, down = self.glyphs.scroll
        hidden = (f"{up} {above}" if above > 0 else "", f"{down} {below}" if below > 0 else "")
        if hidden != self._hidden:
            self._hidden = hidden
            self.border_subtitle = Content("  ".join(part for part in hidden if part))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The title is cut anew before it is drawn at another width: the resize event comes later."""
        if self.title_room != self._title_cut_for:
            self._show_title()
        return super().render_lines(crop)

    @property
    def title_room(self) -> int:
        """Cells that a title can have."""
        return self.outer_size.width - _TITLE_FRAME

    def _show_title(self) -> None:
        """Cut here where it is too long: Textual would cut it with a character that ASCII does not have."""
        self._title_cut_for = room = self.title_room
        if not row_width(self._title) or room <= 0:  # not laid out yet: it is told once it is
            self.border_title = None
            return
        title = self._title
        if row_width(title) > room:
            title = fit_row(title, room, self.glyphs.ellipsis)
        set_title(self, content_of(title, self.palette).rstrip())


def content_of(row: Row, palette: Palette) -> Content:
    """A row for the widgets that Textual draws itself; nothing in it is markup."""
    return Content.assemble(*((measurable(text), _title_style(palette, name)) for text, name in row))


def _title_style(palette: Palette, name: str) -> TextualStyle | str:
    """For Textual, which writes titles; the terminal's own colours have names of their own there."""
    style = palette.style(name)
    if style.color is None and not style:
        return ""
    converted = TextualStyle.from_rich_style(style)
    if palette.ansi and style.color is not None:
        return replace(converted, foreground=Color.parse(f"ansi_{style.color.name}"))
    return converted


def marked(row: Row, start: int, end: int) -> Row:
    """The row with its characters from ``start`` up to ``end`` as they look when they are selected; -1: to its end."""
    pieces: list[Piece] = []
    at = 0
    for text, style in row:
        first = max(0, min(len(text), start - at))
        last = len(text) if end < 0 else max(first, min(len(text), end - at))
        parts = (text[:first], style), (text[first:last], f"{style} selected".strip()), (text[last:], style)
        pieces += [part for part in parts if part[0]]
        at += len(text)
    return tuple(pieces)


def selected(row: Row) -> Row:
    """The row as it looks under the cursor."""
    return tuple((text, f"{style} selected".strip()) for text, style in row)
