"""The last stage before the terminal: only cells that differ from what stands there are sent.

Textual repaints whole widgets, and whole screens when a dialog opens or a tab changes. Over a slow line most of that
is repetition, so what was sent is remembered cell by cell, and a change is the least text that turns the one into the
other. While the line is still busy with the former change nothing more is queued: what comes next is then the newest
state, not every state in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import compress, repeat
from operator import itemgetter, ne
from typing import TYPE_CHECKING, NamedTuple, cast

from rich.cells import get_character_cell_size
from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.events import Event, Resize
from textual.strip import Strip

from engine.runs.text import visible
from tui.drawing.cells import character_width, is_spacing_mark

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

_RETRY_SECONDS = 0.02
_JOINING = "\u200d\ufe0f"  # what makes one emoji of several, or an emoji of a sign
_GAP = 6  # equal cells between two differences that are cheaper to send again than to jump over


class Pen(NamedTuple):
    """SGR parameters of a cell: attributes, foreground, background; empty for the terminal's own."""

    attributes: str = ""
    foreground: str = ""
    background: str = ""


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
                        pen = style
                    if lost and text:
                        written.append(f"\x1b[{x}G")  # wherever this terminal thinks that it is
                        lost = False
                    written.append(text)
                    lost = lost or _doubtful(text)
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


class WiredApp(App[None], inherit_bindings=False):
    """A Textual app that writes through a ``Wire``. ``_display`` is Textual's own: its version is pinned exactly."""

    def __init__(self, *, ansi_color: bool | None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._wire = Wire()
        self._waiting = False
        self._whole = False  # what the wire holds is a whole screen of the terminal's present size

    def repaint(self) -> None:
        """Sends the whole screen again, whatever another program has written over it."""
        self._wire.forget()
        self._send()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Resize):  # a terminal may rearrange what it shows
            self._wire.forget()
            self._whole = False
        await super().on_event(event)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual draws at the size before until the screen has been laid out anew, and after a resize only what it
        thinks has moved. So nothing is taken of another size than the terminal's, and then first a whole screen."""
        drawn = renderable is None or isinstance(renderable, (LayoutUpdate, ChopsUpdate))
        if not drawn or self._batch_count or self.is_headless or self._driver is None or not self._running:
            super()._display(screen, renderable)
            return
        if screen._compositor.size != self.size:
            self._whole = False
            return
        if not self._whole:
            renderable = screen._compositor.render_update(full=True, screen_stack=self._background_screens)
            self._whole = True
        if renderable is None:
            return
        assert isinstance(renderable, (LayoutUpdate, ChopsUpdate))
        width, height = self.size
        self._wire.take(renderable, width, height, self.console._color_system or ColorSystem.TRUECOLOR)
        self._send()

    def _send(self) -> None:
        if not self._whole:
            return
        if self._line_is_busy():
            if not self._waiting:
                self._waiting = True
                self.set_timer(_RETRY_SECONDS, self._send_again)
            return
        text = self._wire.changes()
        super()._display(self.screen, cast("RenderableType", _Ready(text)) if text else None)

    def _send_again(self) -> None:
        self._waiting = False
        self._send()

    def _line_is_busy(self) -> bool:
        thread = getattr(self._driver, "_writer_thread", None)
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
    """One entry a cell. What could drive the terminal should be a visible mark by now; if it is not, it ends here."""
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        pen = PLAIN if style is None else _pen(style, colours)
        if _narrow(text):
            cells.extend(zip(text, repeat(pen), strict=False))
            continue
        for character in text:
            if visible(character) != character:
                continue
            size = character_width(character)
            if size > 0:
                cells.append((character, pen))
                cells.extend([("", pen)] * (size - 1))
            elif cells:
                at = -2 if not cells[-1][0] and len(cells) > 1 else -1
                cells[at] = (cells[at][0] + character, cells[at][1])
    return cells


@lru_cache(4096)
def _narrow(text: str) -> bool:
    """Every character takes one cell."""
    return text.isprintable() and (text.isascii() or all(get_character_cell_size(each) == 1 for each in text))


@lru_cache(4096)
def _pen(style: Style, colours: ColorSystem) -> Pen:
    attributes = ";".join(code for name, code in _ATTRIBUTES.items() if getattr(style, name))
    return Pen(attributes, _codes(style.color, colours, True), _codes(style.bgcolor, colours, False))


def _codes(colour: Color | None, colours: ColorSystem, foreground: bool) -> str:
    if colour is None or colour.is_default:
        return ""
    return ";".join(colour.downgrade(colours).get_ansi_codes(foreground))


def _differences(sent: list[Cell], wanted: list[Cell]) -> list[tuple[int, int]]:
    """Ranges of cells to send. A line whose widths terminals may measure differently is sent whole or not at all."""
    if sent == wanted:
        return []
    if not all(map(_certain, {*map(_TEXT, wanted), *map(_TEXT, sent)})):
        return [(0, len(wanted))]
    ranges: list[tuple[int, int]] = []
    for x in compress(range(len(wanted)), map(ne, sent, wanted)):
        if ranges and x - ranges[-1][1] <= _GAP:
            ranges[-1] = (ranges[-1][0], x + 1)
        else:
            ranges.append((x, x + 1))
    return ranges


@lru_cache(4096)
def _certain(text: str) -> bool:
    """What stands in a cell is one cell wide on every terminal."""
    return len(text) == 1 and not is_spacing_mark(text)


@lru_cache(4096)
def _doubtful(text: str) -> bool:
    """Terminals differ in how many cells this moves the cursor."""
    return any(is_spacing_mark(character) or character in _JOINING for character in text)


@lru_cache(4096)
def _turn(old: Pen | None, new: Pen) -> str:
    """The shortest SGR sequence from one pen to another; None: whatever there was."""
    if old is None or old.attributes != new.attributes:
        return f"\x1b[{';'.join(part for part in ('0', *new) if part)}m"
    parts = []
    if old.foreground != new.foreground:
        parts.append(new.foreground or "39")
    if old.background != new.background:
        parts.append(new.background or "49")
    return f"\x1b[{';'.join(parts)}m"
