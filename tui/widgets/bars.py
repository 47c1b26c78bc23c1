"""The lines around a screen's body: header, tabs, message, footer."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from tui import keymap
from tui.draw.text import Piece, Row, row_width, spread, width
from tui.widgets.panel import Drawn


class Header(Drawn):
    """Where, what, and how fresh: what stands right never gives way."""

    DEFAULT_CSS = "Header { height: 1; }"

    def __init__(self) -> None:
        super().__init__(id="header")
        self._left: Row = ()
        self._right: Row = ()

    def show(self, left: Row, right: Row) -> None:
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        return [
            spread(
                (("  " if width >= 80 else " ", ""), *self._left),
                (*self._right, (" ", "")),
                width,
                self.glyphs.ellipsis,
            )
        ]


class Message(Drawn):
    """One line above the footer: the last answer, error or hint."""

    DEFAULT_CSS = "Message { height: 1; }"

    def __init__(self) -> None:
        super().__init__(id="message")
        self._left: Row = ()
        self._right: Row = ()

    def show(self, left: Row, right: Row = ()) -> None:
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.redraw()

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self._left)

    def rows(self, width: int, height: int) -> list[Row]:
        return [
            spread(
                ((" ", ""), *self._left), (*self._right, (" ", "")) if self._right else (), width, self.glyphs.ellipsis
            )
        ]


class Footer(Drawn):
    """The keys that matter here; those that do not fit are left out, except the last ones (help and the way out)."""

    DEFAULT_CSS = "Footer { height: 1; }"

    def __init__(self) -> None:
        super().__init__(id="footer")
        self._keys: Sequence[tuple[str, str]] = ()

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        if keys != self._keys:
            self._keys = keys
            self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        return [_keys_row(*self._in_sight(width))]

    def on_click(self, event: events.Click) -> None:
        """A click on a key, or on what it does, presses it; of two keys the one that was hit."""
        at = event.x - 1
        keys, gap = self._in_sight(self.size.width)
        for shown, label in keys:
            cells = width(shown) + 1 + width(label)
            if 0 <= at < cells:
                names = shown.split(" ")
                self.app.simulate_key(keymap.key_named(names[min(shown[: at + 1].count(" "), len(names) - 1)]))
                return
            at -= cells + gap

    def _in_sight(self, cells: int) -> tuple[list[tuple[str, str]], int]:
        """The keys that there is room for, and the blanks between two of them."""
        chosen = list(self._keys)
        gap = 3 if row_width(_keys_row(chosen, 3)) <= cells else 2
        kept = keymap.kept(chosen)
        while len(chosen) > 2 and row_width(_keys_row(chosen, gap)) > cells:
            del chosen[-1 - kept if len(chosen) > kept else -3]
        return chosen, gap


def _keys_row(keys: Sequence[tuple[str, str]], gap: int) -> Row:
    runs: list[Piece] = [(" ", "")]
    for key, label in keys:
        runs += [(key, "key"), (f" {label}{' ' * gap}", "dim")]
    if keys:
        runs[-1] = (f" {keys[-1][1]}", "dim")
    return tuple(runs)


_NAMED_TABS = 60  # cells from which every tab shows its name


class Tabs(Drawn):
    """The tabs of the run screen, each with its digit; a click opens one."""

    DEFAULT_CSS = "Tabs { height: 1; }"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(id="tabs")
        self.names = names
        self._active = 0
        self._right: Row = ()

    def show(self, active: int, right: Row) -> None:
        if (active, right) != (self._active, self._right):
            self._active, self._right = active, right
            self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        labels = [
            (self.label(index), "tab.active" if index == self._active else "tab") for index in range(len(self.names))
        ]
        return [
            spread(((" ", ""), *labels), (*self._right, (" ", "")) if self._right else (), width, self.glyphs.ellipsis)
        ]

    def on_click(self, event: events.Click) -> None:
        x = 1
        for index in range(len(self.names)):
            end = x + width(self.label(index))
            if x <= event.x < end:
                self.app.call_later(self.screen.run_action, f"tab({index + 1})")
            x = end

    def label(self, index: int) -> str:
        """The text of one tab."""
        named = self.size.width >= _NAMED_TABS or index == self._active
        return f" {index + 1} {self.names[index]} " if named else f" {index + 1} "
