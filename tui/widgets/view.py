"""What all full screens have: header, message line and footer, and how news reaches them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from engine.files import write_file
from engine.paths import state_folder
from tui import keymap
from tui.draw.glyphs import Glyphs
from tui.draw.text import Row
from tui.follow.feed import Snapshot
from tui.follow.wish import Wish
from tui.host import Host, host_of
from tui.numbers import age
from tui.terminal.kept_lines import kept
from tui.terminal.screen_text import screen_lines
from tui.widgets.bars import Footer, Header, Message

SAID_FOR = 8.0  # seconds that an answer stays in the message line


class View(Screen[None], inherit_bindings=False):
    """A full screen; ``apply`` takes what changed, ``tick`` only the time."""

    AUTO_FOCUS = "*"  # the first widget that can have it
    name_in_keymap = ""

    def __init__(self) -> None:
        super().__init__()
        kept(self)
        self.header, self.message, self.footer = Header(), Message(), Footer()
        self._said: tuple[str, str, float] = ("", "", 0.0)

    @property
    def host(self) -> Host:
        return host_of(self)

    @property
    def glyphs(self) -> Glyphs:
        return self.host.glyphs

    @property
    def part(self) -> str:
        """The part of the screen that is in front, as the keymap calls it; empty where all are in sight together."""
        return ""

    @property
    def narrow(self) -> bool:
        return self.size.width < 80

    @property
    def holds_text(self) -> bool:
        """Whether leaving it loses what somebody typed, or what is under way: then Ctrl-C only closes it."""
        return False

    def body(self) -> ComposeResult:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.body()
        yield self.message
        yield self.footer

    def on_mount(self) -> None:
        self.show_footer()

    def on_screen_resume(self) -> None:
        if self.host.snapshot is not None:
            self.take(self.host.snapshot)

    def take(self, snapshot: Snapshot) -> None:
        """What is new and what the time is by now, at one go."""
        self.apply(snapshot)
        self.tick(self.host.now())

    def apply(self, snapshot: Snapshot) -> None:
        """Shows what is new."""

    def wish(self) -> Wish | None:
        """What it wants to know, besides the rows of all runs, for as long as it is in sight."""
        return None

    def tick(self, now: float) -> None:
        """A second has passed: ages change, nothing else."""

    def show_footer(self) -> None:
        self.footer.show(keymap.footer(self.name_in_keymap))

    def say(self, text: str, style: str = "text") -> None:
        """One line to the person, for a few seconds."""
        self._said = (text, style, self.host.now())
        self.show_message(self.host.now())

    def show_message(self, now: float) -> None:
        text, style, at = self._said
        if silence := self.host.silence():
            self.message.show(((f"the disk has not answered for {age(silence)}: what is shown is older", "error"),))
        elif text and now - at <= SAID_FOR:
            self.message.show(((text, style),))
        else:
            self._said = ("", "", 0.0)
            self.message.show(*(self.news(now) or self.standing_message(now)))

    def news(self, now: float) -> tuple[Row, Row] | None:
        """What is said instead of the standing message, because it happens now."""
        return None

    def standing_message(self, now: float) -> tuple[Row, Row]:
        """What the message line says when nobody has just asked for anything."""
        return (), ()

    def steer(self, work: Callable[[], str]) -> None:
        """Runs ``work`` in a worker thread and says what it answers."""
        self.host.background.run(self, work, self.answered, late=lambda answer: self.host.tell(answer, "accent"))

    def answered(self, answer: str) -> None:
        """What ``steer`` brought back."""
        self.say(answer, "accent")

    def action_help(self) -> None:
        self.host.open_help(self.name_in_keymap, self.part)

    def action_problems(self) -> None:
        self.host.open_problems()

    def action_devices(self) -> None:
        self.host.open_devices()

    def action_commands(self) -> None:
        self.host.open_palette(self, self.name_in_keymap)

    def action_jump(self) -> None:
        self.host.open_jump(self)

    def action_repaint(self) -> None:
        self.host.repaint()

    def action_screenshot(self) -> None:
        """Of the screen with what lies over it; the path is told."""
        picture = self.app.export_screenshot()
        path = state_folder() / "pictures" / f"{self.name_in_keymap}-{int(self.host.now())}.svg"
        self.host.background.run(
            self, lambda: _write(path, picture), lambda _: self.say(f"a picture of it is in {path}", "accent")
        )

    def copies(self) -> list[tuple[str, str, str]]:
        """What can be copied here: its name, what it is, the text itself."""
        return [("the screen", "what stands on it, as plain text", self.plain_text())]

    def plain_text(self) -> str:
        """The body of the screen without header, message and footer."""
        return "\n".join(screen_lines(self)[1:-2]).strip("\n")

    def action_copy(self) -> None:
        texts = self.copies()

        def chosen(index: int | None) -> None:
            if index is not None:
                self.host.copy(texts[index][2])

        self.host.pick([(name, about) for name, about, _ in texts], 0, "copy", chosen)

    def on_text_selected(self, event: events.TextSelected) -> None:
        """Text that the mouse was drawn over is copied at once, as terminals do it."""
        event.stop()
        if text := (self.get_selected_text() or "").strip("\n"):
            self.host.copy(text)

    def action_close(self) -> None:
        self.app.pop_screen()


def _write(path: Path, picture: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, picture.encode(), 0o600)
