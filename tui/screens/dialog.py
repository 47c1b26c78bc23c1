"""What dialogs have in common: a box over the screen, with its keys in its last line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui import keymap
from tui.widgets.bars import Footer

if TYPE_CHECKING:
    from tui.app import Dashboard

Result = TypeVar("Result")
_FRAME = 1  # lines of the box besides its body: the keys


class Dialog(ModalScreen[Result], inherit_bindings=False):
    """Subclasses give the body and how many lines and columns it would like."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    Dialog > #dialog { background: $panel; height: auto; width: auto; }
    Dialog Panel { border: solid $accent; }
    Dialog.-ascii Panel { border: ascii $accent; }
    """
    name_in_keymap = ""

    def __init__(self) -> None:
        super().__init__()
        self.footer = Footer()
        self._box = Vertical(id="dialog")

    @property
    def dashboard(self) -> Dashboard:
        return cast("Dashboard", self.app)

    def body(self) -> ComposeResult:
        raise NotImplementedError

    def wanted(self) -> tuple[int, int]:
        """(cells, lines) of the body."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with self._box:
            yield from self.body()
            yield self.footer

    def on_mount(self) -> None:
        self.set_class(self.dashboard.glyphs.name == "ascii", "-ascii")
        self.footer.show(keymap.footer(self.name_in_keymap))
        self.fit_box()

    def on_resize(self) -> None:
        self.fit_box()

    def fit_box(self) -> None:
        cells, lines = self.wanted()
        self._box.styles.width = min(cells, self.app.size.width)
        self._box.styles.height = min(lines + _FRAME, self.app.size.height)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        self.dashboard.open_help(self.name_in_keymap)
