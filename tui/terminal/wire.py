"""The last stage before the terminal: only cells that differ from what stands there are sent.

Textual repaints whole widgets, and whole screens when a dialog opens or a tab changes. Over a slow line most of that
is repetition, so what was sent is remembered cell by cell, and a change is the least text that turns the one into the
other. While the line is still busy with the former change nothing more is queued: what comes next is then the newest
state, not every state in between.

All of this is private to Textual. ``tui.terminal.private_api`` says whether it may be imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import compress, repeat
from operator import itemgetter, ne
from typing import TYPE_CHECKING, NamedTuple, cast

from rich.cells import get_character_cell_size, split_graphemes
from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from engine.runs.text import visible
from tui.draw.text import is_spacing_mark
from tui.terminal.direction import CLOSE, OPEN, has_right_to_left, right_to_left_parts
from tui.terminal.stand_ins import restored

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.app import App
    from textual.screen import Screen


_RETRY_SECONDS = 0.02
_JOINING = "\u200d\ufe0f"  # what makes one emoji of several, or an emoji of a sign
_GAP = 6  # equal cells between two differences that are cheaper to send again than to jump over
_COLOUR_SYSTEMS = {
    "standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR,
}  # fmt: skip


class Pen(NamedTuple):
    """SGR parameters of a cell: attributes, foreground, background; empty for the terminal's own."""

    attributes: str = ""
    foreground: str = ""
    background: str = ""
    isolated: bool = False  # part of a right-to-left text


Cell = tuple[str, Pen]  # a character with its combining marks, empty in the right half of a wide one
_UNKNOWN: Cell = ("\0", Pen())
PLAIN = Pen()
_TEXT = itemgetter(0)  # of a cell
_ATTRIBUTES = {
    "bold": "1", "dim": "2", "italic": "3", "underline": "4", "blink": "5", "reverse": "7", "conceal": "8",
    "strike": "9",
}  # fmt: skip


class Wire:
    """What should stand on a terminal of ``width`` x ``height`` cells, and what was last sent to it."""

    def __init__(self) -> None:
        self.width = self.height = 0
        self._wanted: list[list[Cell]] = []
        self._sent: list[list[Cell]] = []
        self._dirty: set[int] = set()

    def forget(self) -> None:
        """What stands on the terminal is no longer known: the next change sends everything."""
        self._sent = [[_UNKNOWN] * self.width for _ in range(self.height)]
        self._dirty = set(range(self.height))

    def take(self, update: LayoutUpdate | ChopsUpdate, width: int, height: int, colours: ColorSystem) -> None:
        """Remembers what an update of Textual's wants to show."""
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self._wanted = [[(" ", PLAIN)] * width for _ in range(height)]
            self.forget()
        for y, x, strip in _pieces(update):
            if y >= height or x >= width:
                continue
            cells = _cells(strip, colours)[: width - x]
            line = self._wanted[y]
            if line[x : x + len(cells)] != cells:
                line[x : x + len(cells)] = cells
                self._dirty.add(y)

    def changes(self) -> str:
        """What to write so that the terminal shows what is wanted; empty when it does."""
        written: list[str] = []
        pen: Pen | None = None
        for y in sorted(self._dirty):
            wanted, sent = self._wanted[y], self._sent[y]
            for start, end in _differences(sent, wanted):
                written.append(f"\x1b[{y + 1};{start + 1}H")
                lost = False
                for x, (text, style) in enumerate(wanted[start:end], start + 1):
                    if style != pen:
                        written.append(_turn(pen, style))
                        lost = lost or style.isolated != (pen is not None and pen.isolated)
                        pen = style
                    if lost and text:
                        written.append(f"\x1b[{x}G")  # wherever this terminal thinks that it is
                        lost = False
                    written.append(text)
                    lost = lost or _doubtful(text)
                if pen is not None and pen.isolated:
                    written.append(CLOSE)
                    pen = pen._replace(isolated=False)
            self._sent[y] = wanted.copy()
        self._dirty.clear()
        if written:
            written.append("\x1b[0m")
        return "".join(written)


class _Ready(CompositorUpdate):
    """Text that is already what the terminal is to get."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render_segments(self, console: Console) -> str:
        return self._text


class Wiring:
    """Puts a ``Wire`` between an app and its terminal."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._wire = Wire()
        self._waiting = False
        self._whole = False  # what the wire holds is a whole screen of the terminal's present size
        self._colours = _COLOUR_SYSTEMS.get(app.console.color_system or "", ColorSystem.TRUECOLOR)

    def resized(self) -> None:
        """A terminal may rearrange what it shows."""
        self._wire.forget()
        self._whole = False

    def repaint(self) -> None:
        """Sends the whole screen again, whatever another program has written over it."""
        self._wire.forget()
        self._show()

    def reduced(self, screen: Screen[object], renderable: RenderableType | None) -> RenderableType | None:
        """What Textual should write in place of ``renderable``; None for nothing.

        Textual draws at the size before until the screen has been laid out anew, and after a resize only what it
        thinks has moved. So nothing is taken of another size than the terminal's, and then first a whole screen.
        """
        app = self._app
        if not isinstance(renderable, (LayoutUpdate, ChopsUpdate, type(None))):
            return renderable
        if app._batch_count or app.is_headless or app._driver is None or not app._running:
            return renderable
        if screen._compositor.size != app.size:
            self._whole = False
            return None
        if not self._whole:
            renderable = screen._compositor.render_update(full=True, screen_stack=app._background_screens)
            self._whole = True
        if not isinstance(renderable, (LayoutUpdate, ChopsUpdate)):
            return None
        self._wire.take(renderable, *app.size, self._colours)
        return self._change()

    def _change(self) -> RenderableType | None:
        if not self._whole:
            return None
        if self._line_is_busy():
            if not self._waiting:
                self._waiting = True
                self._app.set_timer(_RETRY_SECONDS, self._show_later)
            return None
        text = self._wire.changes()
        return cast("RenderableType", _Ready(text)) if text else None

    def _show(self) -> None:
        if (change := self._change()) is not None:
            self._app._display(self._app.screen, change)

    def _show_later(self) -> None:
        self._waiting = False
        self._show()

    def _line_is_busy(self) -> bool:
        thread = getattr(self._app._driver, "_writer_thread", None)
        return thread is not None and thread._queue.qsize() > 0


def _pieces(update: LayoutUpdate | ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """(line, first cell, strip) of everything that an update holds."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
        return
    seen: set[tuple[int, int]] = set()
    for y, first, last in update.spans:
        for end, (x, found) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if found is not None and x < last and end > first and (y, x) not in seen:
                seen.add((y, x))
                yield y, x, found


def _cells(strip: Strip, colours: ColorSystem) -> list[Cell]:
    """One entry a cell, as Textual counts them."""
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        pen = PLAIN if style is None else _pen(style, colours)
        if _simple(text):
            cells.extend(zip(text, repeat(pen), strict=False))
            continue
        for letter, size, isolated in _letters(text):
            if size > 0:
                each = pen._replace(isolated=True) if isolated else pen
                cells.append((letter, each))
                cells.extend([("", each)] * (size - 1))
            elif cells:
                at = -2 if not cells[-1][0] and len(cells) > 1 else -1
                cells[at] = (cells[at][0] + letter, cells[at][1])
    return cells


@lru_cache(4096)
def _simple(text: str) -> bool:
    """Every character takes one cell, and none is of a right-to-left script."""
    if not text.isprintable():
        return False
    return text.isascii() or (all(get_character_cell_size(each) == 1 for each in text) and not has_right_to_left(text))


@lru_cache(4096)
def _letters(text: str) -> tuple[tuple[str, int, bool], ...]:
    """(a character with its marks, its cells, whether it is part of a right-to-left text), as Textual splits text.

    What could drive the terminal should be a visible mark by now; if it is not, it ends here.
    """
    parts = right_to_left_parts(text)
    letters = []
    for start, end, size in split_graphemes(text)[0]:
        letter = "".join(each for each in restored(text[start:end]) if visible(each) == each)
        letters.append((letter or " " * min(size, 1), size, any(first <= start < last for first, last in parts)))
    return tuple(letters)


@lru_cache(4096)
def _pen(style: Style, colours: ColorSystem) -> Pen:
    attributes = ";".join(code for name, code in _ATTRIBUTES.items() if getattr(style, name))
    return Pen(attributes, _codes(style.color, colours, True), _codes(style.bgcolor, colours, False))


def _codes(colour: Color | None, colours: ColorSystem, foreground: bool) -> str:
    if colour is None or colour.is_default:
        return ""
    return ";".join(colour.downgrade(colours).get_ansi_codes(foreground))


def _differences(sent: list[Cell], next_cells: list[Cell]) -> list[tuple[int, int]]:
    """Ranges of cells to send. A line whose widths terminals may measure differently is sent whole or not at all."""
    if sent == next_cells:
        return []
    if not all(map(_certain, {*map(_TEXT, next_cells), *map(_TEXT, sent)})):
        return [(0, len(next_cells))]
    ranges: list[tuple[int, int]] = []
    for x in compress(range(len(next_cells)), map(ne, sent, next_cells)):
        if ranges and x - ranges[-1][1] <= _GAP:
            ranges[-1] = (ranges[-1][0], x + 1)
        else:
            ranges.append((x, x + 1))
    return ranges


@lru_cache(4096)
def _certain(text: str) -> bool:
    """What stands in a cell is one cell wide on every terminal."""
    return len(text) == 1 and not is_spacing_mark(text) and not has_right_to_left(text)


@lru_cache(4096)
def _doubtful(text: str) -> bool:
    """Terminals differ in how many cells this moves the cursor."""
    return any(is_spacing_mark(character) or character in _JOINING for character in text)


@lru_cache(4096)
def _turn(old: Pen | None, new: Pen) -> str:
    """The shortest sequence from one pen to another; None: whatever there was."""
    closed = CLOSE if old is not None and old.isolated and not new.isolated else ""
    opened = OPEN if new.isolated and (old is None or not old.isolated) else ""
    return closed + _colours(old, new) + opened


def _colours(old: Pen | None, new: Pen) -> str:
    if old is None or old.attributes != new.attributes:
        return f"\x1b[{';'.join(part for part in ('0', *new[:3]) if part)}m"
    parts = []
    if old.foreground != new.foreground:
        parts.append(new.foreground or "39")
    if old.background != new.background:
        parts.append(new.background or "49")
    return f"\x1b[{';'.join(parts)}m" if parts else ""
