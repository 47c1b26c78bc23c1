"""A Textual app on a terminal: what it writes, how it is left, suspended and repainted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding
from textual.driver import Driver
from textual.events import Event, Resize

from tui.terminal import private_api
from tui.terminal.direction import isolated
from tui.terminal.stand_ins import restored

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

    from tui.terminal.wire import Wiring


class TerminalApp(App[None], inherit_bindings=False):
    """Sends changed cells alone where it can, and what Textual would send where it cannot.

    ``own_output`` False asks for Textual's output. It is used too where the installed Textual differs from what this
    folder knows (``private_api``), and in a browser, whose line is short.
    """

    BINDINGS: ClassVar = [Binding("ctrl+z", "suspend_process", show=False, priority=True)]

    def __init__(self, *, ansi_color: bool | None, own_output: bool = True) -> None:
        self._wired = own_output and not os.environ.get("TEXTUAL_DRIVER") and not private_api.difference()
        super().__init__(ansi_color=ansi_color)
        self._wiring: Wiring | None = None
        if self._wired:
            from tui.terminal.wire import Wiring

            self._wiring = Wiring(self)

    def get_driver_class(self) -> type[Driver]:
        """Textual's own output goes through a driver that puts the right characters in at the very end."""
        driver = super().get_driver_class()
        return driver if self._wired else type(driver.__name__, (_Restoring, driver), {})

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.repaint())

    def repaint(self) -> None:
        """Sends the whole screen again, whatever another program has written over it."""
        if self._wiring is not None:
            self._wiring.repaint()
        else:
            self.screen.refresh()

    def send(self, sequence: str) -> None:
        """Writes a control sequence to the terminal, between two changes of the screen."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def action_suspend_process(self) -> None:
        """Does nothing where no shell waits that could bring the dashboard back."""
        if _has_shell():
            super().action_suspend_process()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Resize) and self._wiring is not None:
            self._wiring.resized()
        await super().on_event(event)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if self._wiring is not None:
            renderable = self._wiring.reduced(screen, renderable)
        super()._display(screen, renderable)


class _Restoring(Driver):
    """A driver that is never shown what stands for other characters."""

    def write(self, data: str) -> None:
        super().write(data if data.isascii() else isolated(restored(data)))  # type: ignore[safe-super]


def _has_shell() -> bool:
    """Whether the parent is of the same session and another job, as a shell with job control is."""
    parent = os.getppid()
    try:
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:
        return False
