"""What dialogs have in common: a box over the screen, with its keys in its last line."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui import keymap
from tui.draw.text import Row
from tui.host import Host, host_of
from tui.widgets.bars import Footer
from tui.widgets.panel import Drawn

Result = TypeVar("Result")
_FRAME = (4, 4)  # cells and lines of the box around its body: border, padding, and the keys below a blank line


class Blank(Drawn):
    """One empty line."""

    DEFAULT_CSS = "Blank { height: 1; }"

    def rows(self, width: int, height: int) -> list[Row]:
        return []


class Dialog(ModalScreen[Result], inherit_bindings=False):
    """Subclasses give the body and how many lines and columns it would like."""

    AUTO_FOCUS = "*"  # the first widget that can have it
    BINDINGS: ClassVar = [Binding("ctrl+c", "close", show=False)]  # a dialog hides the keys of the application
    DEFAULT_CSS = """
    Dialog > #dialog { background: $panel; border: solid $accent; border-title-color: $foreground; padding: 0 1; }
    Dialog Panel { border: none; padding: 0; }
    """
    name_in_keymap = ""
    labels: ClassVar[dict[str, str]] = {}  # in the footer, by action, where they are not the usual ones

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.footer = Footer()
        self._box = Vertical(id="dialog")
        self._box.border_title = Content(title) if title else None

    @property
    def host(self) -> Host:
        return host_of(self)

    def body(self) -> ComposeResult:
        raise NotImplementedError

    def wanted(self) -> tuple[int, int]:
        """(cells, lines) of the body."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with self._box:
            yield from self.body()
            yield Blank()
            yield self.footer

    def on_mount(self) -> None:
        self.footer.show(keymap.footer(self.name_in_keymap, labels=self.labels))
        self.fit_box()

    def on_resize(self) -> None:
        self.fit_box()

    def fit_box(self) -> None:
        cells, lines = self.wanted()
        self._box.styles.width = min(cells + _FRAME[0], self.app.size.width)
        self._box.styles.height = min(lines + _FRAME[1], self.app.size.height)

    def inner_width(self, cells: int) -> int:
        """What is left of ``cells`` on this terminal."""
        return min(cells, self.app.size.width - _FRAME[0])

    def action_close(self) -> None:
        self.dismiss(None)

    def action_repaint(self) -> None:
        self.host.repaint()

    def action_help(self) -> None:
        self.host.open_help(self.name_in_keymap)
