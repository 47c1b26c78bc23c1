"""Jump mode: letters stand on the rows, tabs and fields of the screen in front; typing one goes there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import ModalScreen

from tui import keymap
from tui.draw.text import Row, width
from tui.widgets.bars import Tabs
from tui.widgets.lists import HeadedItems, Items
from tui.widgets.panel import Drawn, Spot
from tui.widgets.view import View

_LETTERS = "asdfghjklqwertyuiopzxcvbnm"  # those under the fingers first


@dataclass(frozen=True)
class Place:
    """Where one can go to, in cells of the whole screen."""

    x: int
    y: int
    go: Callable[[], object]


def places(view: View) -> list[Place]:
    """What one can go to on a screen, from top to bottom."""
    found: list[Place] = []
    for widget in view.query(Drawn):
        region = widget.content_region
        if not widget.is_on_screen or not region.area:
            continue
        for x, y, go in _of(view, widget):
            if 0 <= y < region.height and 0 <= x < region.width:
                found.append(Place(region.x + x, region.y + y, go))
    return sorted(found, key=lambda place: (place.y, place.x))


def letters(count: int) -> list[str]:
    """So many names of the same length, none the beginning of another."""
    if count <= len(_LETTERS):
        return list(_LETTERS[:count])
    return ["".join(pair) for pair in itertools.islice(itertools.product(_LETTERS, repeat=2), count)]


class Letter(Drawn):
    """One name on its place."""

    DEFAULT_CSS = "Letter { position: absolute; height: 1; }"

    def __init__(self, name: str, at: Offset) -> None:
        super().__init__()
        self.letter = name
        self.styles.offset = at
        self.styles.width = len(name)

    def rows(self, width: int, height: int) -> list[Row]:
        return [((self.letter, "cursor.cell"),)]


class JumpScreen(ModalScreen[None], inherit_bindings=False):
    """Lies over the screen in front until a place or anything else is chosen."""

    AUTO_FOCUS = ""
    BINDINGS = keymap.bindings("jump")
    DEFAULT_CSS = "JumpScreen { align: left top; layout: vertical; }"
    name_in_keymap = "jump"

    def __init__(self, found: Sequence[Place]) -> None:
        super().__init__()
        self._places = dict(zip(letters(len(found)), found, strict=True))
        self._typed = ""

    def compose(self) -> ComposeResult:
        for name, place in self._places.items():
            yield Letter(name, Offset(place.x, place.y))

    def on_key(self, event: events.Key) -> None:
        """A letter narrows the choice; whatever is no letter of a place leaves."""
        event.stop()
        event.prevent_default()
        self._typed += (event.character or "\0").lower()
        if place := self._places.get(self._typed):
            self.dismiss(None)
            self.app.call_later(place.go)
        elif not any(name.startswith(self._typed) for name in self._places):
            self.dismiss(None)
        else:
            for letter in self.query(Letter):
                letter.display = letter.letter.startswith(self._typed)

    def action_close(self) -> None:
        self.dismiss(None)


def _of(view: View, widget: Drawn) -> Iterator[Spot]:
    yield from widget.spots()
    if isinstance(widget, Items):
        yield from _items(widget)
    elif isinstance(widget, Tabs):
        x = 1
        for index in range(len(widget.names)):
            label = widget.label(index)
            yield x, 0, partial(view.run_action, f"tab({index + 1})")
            x += width(label)


def _items(items: Items) -> Iterator[Spot]:
    y = 0
    if isinstance(items, HeadedItems):
        if not items.has_class("-front"):
            return  # keys move the one in front
        y = len(items.head(items.size.width))
    for index in range(items.cursor.top, items.count):
        if y >= items.size.height:
            return
        yield 0, y, partial(_to_item, items, index)
        y += len(items.draw_item(index, items.size.width))


def _to_item(items: Items, index: int) -> None:
    items.focus()
    items.move_to(index)
