"""Devices: what is busy, and why does my run wait?"""

from __future__ import annotations

from textual.app import ComposeResult

from tui import keymap
from tui.devices.lines import Item, item_lines, items, machine_lines, summary
from tui.draw.text import Row
from tui.follow.devices import DevicesState
from tui.follow.feed import Snapshot
from tui.follow.wish import Wish
from tui.widgets.lists import Items
from tui.widgets.panel import Drawn
from tui.widgets.view import View


class MachineLines(Drawn):
    """Load and memory of the machine."""

    DEFAULT_CSS = "MachineLines { height: auto; }"

    def __init__(self, screen: DevicesScreen) -> None:
        super().__init__(id="machine")
        self._devices = screen

    def rows(self, width: int, height: int) -> list[Row]:
        state = self._devices.state
        return machine_lines(state, width, self.glyphs) if state is not None else []


class DevicesScreen(View):
    """GPUs, the slots of the CPU, and the line before them; read only while it is in sight."""

    BINDINGS = keymap.bindings("devices")
    DEFAULT_CSS = """
    DevicesScreen > #machine { height: 3; }
    DevicesScreen > #devices { height: 1fr; }
    """
    name_in_keymap = "devices"

    def __init__(self) -> None:
        super().__init__()
        self.state: DevicesState | None = None
        self.items: list[Item] = []
        self.machine = MachineLines(self)
        self.list = Items(self._lines, id="devices")
        self.list.empty = [(), (("   reading the devices of this machine", "dim"),)]
        self.list.moved = self.show_footer

    def body(self) -> ComposeResult:
        yield self.list
        yield self.machine

    def wish(self) -> Wish:
        return Wish(devices=True)

    def apply(self, snapshot: Snapshot) -> None:
        if snapshot.devices is None or snapshot.devices is self.state:
            return
        self.state = snapshot.devices
        self.items = items(self.state)
        self.list.show(len(self.items))
        self._fit_machine()
        self.show_footer()

    def on_resize(self) -> None:
        self._fit_machine()

    def tick(self, now: float) -> None:
        self._show_header()
        self.show_message(now)

    def show_footer(self) -> None:
        item = self._current()
        labels = {"open": "open the run" if item is not None and item.row is not None else ""}
        self.footer.show(keymap.footer("devices", labels=labels))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        waiting = len(self.state.queue) if self.state is not None else 0
        if self.state is not None and not waiting:
            return (("nobody waits for a device", "dim"),), ()
        return (), ()

    def action_open(self) -> None:
        item = self._current()
        if item is None or item.row is None:
            self.say("no run of this home is there", "dim")
        else:
            self.host.open_run(item.row.folder)

    def _current(self) -> Item | None:
        return self.items[self.list.cursor.index] if self.items else None

    def _lines(self, index: int, width: int) -> list[Row]:
        assert self.state is not None
        return item_lines(self.items[index], self.state, width, self.glyphs, self.host.minutes_east)

    def _fit_machine(self) -> None:
        if self.state is not None:
            self.machine.styles.height = len(machine_lines(self.state, self.size.width, self.glyphs))
            self.machine.redraw()

    def _show_header(self) -> None:
        if self.state is None:
            self.header.show((("devices", "title"), ("   reading", "dim")), ())
            return
        left: Row = (("devices", "title"), (f"   {self.state.host}", "dim"))
        self.header.show(left, ((summary(self.state), "dim"),))
