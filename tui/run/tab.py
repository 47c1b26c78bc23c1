"""What the tabs of the run screen have in common: panels in columns, or one panel at a time on a narrow screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from tui.follow.detail import RunDetail
from tui.host import Host, host_of
from tui.run.selection import Selection
from tui.terminal.kept_lines import kept


class Tab(Widget):
    """``columns`` of panels from left to right; ``panels`` are those that can have the focus, in the order of `o`.

    Its keys are those of ``name_in_keymap``; what it has to say to the screen goes up as a message.
    """

    DEFAULT_CSS = """
    Tab { layout: horizontal; height: 1fr; width: 1fr; }
    Tab > Vertical { width: 1fr; height: 1fr; }
    Tab .-front { border-title-color: $accent; border-title-style: bold; }
    """
    name_in_keymap: ClassVar[str] = ""
    footer_order: ClassVar[tuple[str, ...]] = ()  # what is needed most first
    follows_steps: ClassVar[bool] = True  # shows an evaluation, which is one of several steps and benchmarks

    class Turned(Message):
        """Another evaluation is looked at, or held against it: the tab is to be shown again."""

    class Moved(Message):
        """The message line or the footer may have something else to say."""

    class Contrasting(Message):
        """Something is to be chosen that the evaluation, or the config, is held against."""

    class Opened(Message):
        """Another tab is to be opened."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, columns: Sequence[Sequence[Widget]], panels: Sequence[Widget]) -> None:
        super().__init__(id=f"tab-{self.name_in_keymap}")
        kept(self)
        self._columns = [kept(Vertical(*column)) for column in columns]
        self.panels = panels
        self.chosen = 0  # of the panels: the one in front, which a narrow screen shows alone
        self.narrow = False
        self.detail: RunDetail | None = None
        self.selection = Selection()

    @property
    def host(self) -> Host:
        return host_of(self)

    @property
    def front(self) -> Widget:
        return self.panels[self.chosen]

    def compose(self) -> ComposeResult:
        yield from self._columns

    def lay_out(self, narrow: bool) -> None:
        """Shows all panels, or the one in front alone."""
        self.narrow = narrow
        self.chosen %= len(self.panels)
        self.set_class(narrow, "-single")
        for index, panel in enumerate(self.panels):
            panel.display = not narrow or index == self.chosen
        for column in self._columns:
            column.display = any(panel.display for panel in column.children)
        self._mark_front()

    def to_front(self, index: int) -> None:
        """Gives the focus to that panel, at once: the next key may be there already."""
        self.chosen = index % len(self.panels)
        self.lay_out(self.narrow)
        self.focus_front()
        self.post_message(self.Moved())

    def focus_front(self) -> None:
        if self.is_attached:
            self.screen.set_focus(self.front)

    def on_descendant_focus(self) -> None:
        """By a key, a click or a jump."""
        focused = self.screen.focused
        line = [] if focused is None else [focused, *focused.ancestors]
        at = next((index for index, panel in enumerate(self.panels) if panel in line), None)
        if at is not None and at != self.chosen:
            self.chosen = at
            self._mark_front()
        self.post_message(self.Moved())

    def show(self, detail: RunDetail, selection: Selection) -> None:
        """Takes what is new."""
        self.detail, self.selection = detail, selection

    def tick(self, now: float) -> None:
        """A second has passed."""

    def leave(self) -> None:
        """Another tab comes to the front."""

    def remark(self) -> str:
        """What the message line should say about the cursor."""
        return ""

    def hint(self) -> str:
        """What the message line says of keys when there is nothing else to say."""
        return ""

    def labels(self) -> dict[str, str]:
        """What actions mean right now, for the footer; an empty label leaves one out."""
        return {}

    def say(self, text: str, style: str = "dim") -> None:
        self.host.tell(text, style)

    def action_panel(self) -> None:
        self.to_front(self.chosen + 1)

    def action_step(self, by: int) -> None:
        if self.detail is not None:
            self.leave()
            self.selection.move_step(self.detail, by)
            self.post_message(self.Turned())

    def action_benchmark(self) -> None:
        if self.detail is None:
            return
        chosen = self.selection.next_benchmark(self.detail)
        self.say(f"benchmark {chosen}" if chosen else "this run has one benchmark")
        self.post_message(self.Turned())

    def action_contrast(self) -> None:
        self.post_message(self.Contrasting())

    def _mark_front(self) -> None:
        """The title of the panel in front is bright, where there are others beside it."""
        for index, panel in enumerate(self.panels):
            panel.set_class(index == self.chosen and not self.narrow and len(self.panels) > 1, "-front")
