"""The dashboard: it shows and steers runs; whatever it shows is read from their folders."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen

from engine.runs.folder import RunFolder
from tui import keymap
from tui.background import Background
from tui.draw.glyphs import choose_charset
from tui.follow.ends import ends, told
from tui.follow.feed import Feed, Problem, Snapshot
from tui.follow.labels import labels
from tui.follow.rows import RunRow
from tui.host import Kept
from tui.numbers import short_path, visible
from tui.runs.screen import RunsScreen
from tui.settings import Settings
from tui.terminal.abilities import environment_at_start, has_braille
from tui.terminal.app import TerminalApp
from tui.terminal.leaving import ends_at_signals
from tui.terminal.sequences import signals
from tui.theme import Palette, choose_palette
from tui.widgets.view import View

if TYPE_CHECKING:
    from engine.export.compare_job import CompareOutcome
    from tui.compare.job import Key
    from tui.launch.fields import Typed
    from tui.run.screen import RunScreen

SILENCE_TOLD_FROM = 5.0  # seconds
_SIGNALLED = 128  # an exit status above it names a signal


class NewSnapshot(Message):
    """From the feed's thread; a newer one makes an older one that still waits superfluous."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, NewSnapshot)


class Answered(Message):
    """Something that a thread has to say; from any thread, delivered in the interface's."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        super().__init__()
        self.deliver = deliver


class Dashboard(TerminalApp):
    """Owns the feed, the screens and what they share."""

    TITLE = "hybrid-tui"
    CSS = """
    Screen { layout: vertical; overflow: hidden; background: $background; color: $foreground; }
    ModalScreen { align: center middle; background: transparent; }
    Dashboard.-ascii Panel { border: ascii $line; }
    Dashboard.-ascii Dialog > #dialog { border: ascii $accent; }
    Dashboard.-ascii Dialog Panel { border: none; }
    Dashboard.-ascii HeatPanel { border: ascii $line; }
    Dashboard.-ascii Part:focus { border: ascii $accent; }
    Dashboard.-ascii Chooser OptionList { scrollbar-size-vertical: 0; }
    Dashboard.-reversing Chooser OptionList > .option-list--option-highlighted { text-style: reverse; }
    Dashboard.-ascii Form { border: ascii $line; }
    Dialog Form, Dashboard.-ascii Dialog Form { border: none; padding: 0; }
    Dashboard.-reversing FieldInput:focus { background: transparent; text-style: underline; }
    """
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar = [Binding("ctrl+c", "interrupt", show=False)]

    def __init__(
        self, home: Path, *, open_run: RunFolder | None = None, charset: str = "auto",
        now: Callable[[], float] = time.time, environment: dict[str, str] | None = None,
        minutes_east: int | None = None, palette: Palette | None = None, settings: Settings | None = None,
        problem: str = "",
    ) -> None:  # fmt: skip
        settings = settings or Settings()
        environment = environment_at_start() if environment is None else environment
        # True keeps Textual from turning what has no colour into greys; None leaves it to the theme.
        super().__init__(
            ansi_color="NO_COLOR" in environment or None, own_output=settings.output != "textual",
        )  # fmt: skip
        self.animation_level = "none"
        self._notify = settings.notify
        self.home = home
        self.now = now
        self.minutes_east = minutes_east
        self.glyphs = choose_charset(charset, has_braille(environment))
        self.palette = palette or choose_palette(self.no_color, self.console.color_system, environment, settings.theme)
        self.set_class(self.glyphs.name == "ascii", "-ascii")
        self.set_class(self.palette.ansi, "-reversing")  # where the terminal's colours leave no other mark
        self.register_theme(self.palette.theme)
        self.theme = self.palette.theme.name
        self.set_keymap(keymap.overrides())
        self.snapshot: Snapshot | None = None
        self._ages_are_new = False  # a snapshot came since the last tick
        self.feed = Feed(home, lambda snapshot: self._receive(snapshot), now, settings.rates)
        self.background = Background(
            lambda deliver: self.post_message(Answered(deliver)), lambda line: self.tell(line, "error"), self.feed.hurry
        )
        self.read_failures: set[str] = set()
        self._problem = visible(problem)
        self._told: tuple[Problem, ...] = ()
        self.comparisons: OrderedDict[Key, CompareOutcome] = OrderedDict()  # the newest of those that were computed
        self.typed: Typed | None = None
        self._warned_of: list[str] = []  # what leaving would cut off, as it was told
        self._open_first = open_run
        self._kept: dict[type[Any], Any] = {}  # what screens leave for those that come after them

    @property
    def home_label(self) -> str:
        """The runs home as a person would write it."""
        return short_path(self.home)

    def get_default_screen(self) -> Screen[None]:
        return RunsScreen()

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, lambda screen: self.follow_sight(), immediate=True)
        self.feed.start()
        self.set_interval(1.0, self.tick)
        if not gc.isenabled():
            self.set_timer(1.0, _collect_again)
        if self._open_first is not None:
            self.open_run(self._open_first)
        if self._problem:
            self.call_after_refresh(self.tell, self._problem, "error")

    def on_unmount(self) -> None:
        self.background.close()
        self.feed.stop()

    def on_answered(self, message: Answered) -> None:
        message.deliver()

    def kept(self, kind: type[Kept]) -> Kept:
        made: Kept = self._kept.setdefault(kind, kind())
        return made

    def tell(self, text: str, style: str = "text") -> None:
        for view in self._views_in_sight()[:1]:
            view.say(text, style)

    def on_new_snapshot(self, message: NewSnapshot) -> None:
        ended = ends(self.snapshot.rows, message.snapshot.rows) if self.snapshot is not None else []
        self.snapshot = message.snapshot
        self._tell_problems()
        with self.batch_update():
            for view in self._views_in_sight():
                view.take(message.snapshot)
        self._ages_are_new = True
        if ended:
            text, style = told(ended)
            self.tell(text, style)
            self.send(signals(text, self._notify, os.environ))

    def open_run(self, folder: RunFolder, tab: str = "overview", benchmark: str | None = None) -> RunScreen:
        """``benchmark``: whose evaluation is shown; None is the run's main one."""
        from tui.run.screen import RunScreen

        screen = RunScreen(folder, tab, benchmark)
        self.push_screen(screen)
        return screen

    def open_launch(self) -> None:
        from tui.launch.screen import LaunchScreen

        self.push_screen(LaunchScreen())

    def open_export(
        self, rows: Sequence[RunRow], benchmark: str | None, step: int | None, table: str | None = None
    ) -> None:
        """``table``: what the dialog offers first; None is the heatmap of a benchmark, else the summary."""
        from tui.dialogs.export import ExportScreen

        named = labels(self.snapshot.rows if self.snapshot is not None else rows)
        names = [named.get(row.folder.path, row.name) for row in rows]
        self.push_screen(ExportScreen([row.folder for row in rows], names, benchmark, step, table))

    def open_compare(
        self, rows: Sequence[RunRow], baseline: RunRow | None = None, benchmark: str | None = None
    ) -> None:
        """``baseline`` is one of the rows, None the usual one; ``benchmark`` None is the first they have in common."""
        from tui.compare.screen import CompareScreen

        self.push_screen(CompareScreen(rows, baseline, benchmark))

    def open_study(self, name: str) -> None:
        """``name`` as the rows of its runs have it. Where one came from it, back to it."""
        from tui.study.screen import StudyScreen

        if any(isinstance(screen, StudyScreen) and screen.study == name for screen in self.screen_stack):
            while not (isinstance(self.screen, StudyScreen) and self.screen.study == name):
                self.pop_screen()
        else:
            self.push_screen(StudyScreen(name))

    def open_help(self, screen_name: str, part: str = "") -> None:
        from tui.dialogs.help import HelpScreen

        self.push_screen(HelpScreen(screen_name, part))

    def open_devices(self) -> None:
        from tui.devices.screen import DevicesScreen

        self.push_screen(DevicesScreen())

    def open_problems(self) -> None:
        from tui.dialogs.help import ProblemsScreen

        problems = self.snapshot.problems if self.snapshot is not None else ()
        self.push_screen(ProblemsScreen([problem.line() for problem in problems]))

    def open_palette(self, view: View, screen_name: str) -> None:
        from tui.dialogs.palette import PaletteScreen

        self.push_screen(PaletteScreen(view, screen_name))

    def ask(self, question: Sequence[str], then: Callable[[], None]) -> None:
        """Asks before something that is hard to take back."""
        from tui.dialogs.confirm import ConfirmScreen

        self.push_screen(ConfirmScreen(question), lambda yes: then() if yes else None)

    def pick(
        self, choices: Sequence[tuple[str, str]], at: int, title: str, then: Callable[[int | None], object]
    ) -> None:
        from tui.dialogs.choose import ChooseScreen

        def chosen(index: int | None) -> None:
            then(index)

        self.push_screen(ChooseScreen(choices, at, title), chosen)

    def open_jump(self, view: View) -> None:
        from tui.dialogs.jump import JumpScreen, places

        if places_in_sight := places(view):
            self.push_screen(JumpScreen(places_in_sight))
        else:  # it would only swallow the next key
            view.say("there is nothing to jump to here", "dim")

    def copy(self, text: str) -> None:
        """Puts ``text`` into the terminal's clipboard, where it can, and into a file whose path is told."""
        from tui.clipboard import clean, osc52, write_copy

        text = clean(text)
        lines = text.count("\n") + 1
        what = f"{lines} lines" if lines > 1 else text
        sequence = osc52(text, os.environ)
        self.send(sequence)
        how = f"copied {what}; it is" if sequence else f"{what} are too much for a terminal's clipboard: they are"
        self.background.run(
            self.screen,
            lambda: write_copy(text),
            lambda path: self.tell(f"{how} in {short_path(path)}", "accent"),
        )

    def leave(self) -> None:
        """At once; where something would be cut off that says so first, and leaves when it is asked again."""
        unfinished = self.background.unfinished
        if unfinished and unfinished != self._warned_of:
            self._warned_of = unfinished
            more = f" and {len(unfinished) - 1} more" if len(unfinished) > 1 else ""
            self.tell(f"still {unfinished[0]}{more}: the same key again leaves", "warning")
            return
        self.exit()

    async def action_interrupt(self) -> None:
        """Closes a dialog, or a form that something was typed into; elsewhere it leaves the dashboard."""
        screen = self.screen
        if screen.is_modal or (isinstance(screen, View) and screen.holds_text):
            await screen.run_action("close")
        else:
            self.leave()

    def live_names(self) -> list[str]:
        """Runs that go on when the dashboard is left."""
        rows = self.snapshot.rows if self.snapshot is not None else ()
        return [row.name for row in rows if row.live]

    def _tell_problems(self) -> None:
        """Each once; all of them stand in a list that is a key away."""
        snapshot = self.snapshot
        if snapshot is None or self._told == snapshot.problems:
            return
        if not self._views_in_sight():
            return  # nobody would see it: the next tick tells it
        fresh = [problem for problem in snapshot.problems if problem not in self._told]
        self._told = snapshot.problems
        if fresh:
            more = f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""
            self.tell(f"{fresh[0].line()}{more}   ! lists problems", "error")

    def follow_sight(self) -> None:
        """The feed follows what the screens in sight want, from the moment on at which they are in sight."""
        self.feed.want([wish for view in self._top_views() if (wish := view.wish()) is not None])

    def silence(self) -> float:
        silence = self.feed.silence()
        return silence if silence > SILENCE_TOLD_FROM else 0.0

    def _receive(self, snapshot: Snapshot) -> None:
        self.post_message(NewSnapshot(snapshot))

    def tick(self) -> None:
        """Ages go on; not where a snapshot has just told them, as it mostly has of a live run."""
        self._tell_problems()
        if self._ages_are_new:
            self._ages_are_new = False
            return
        now = self.now()
        if self.silence() and self.feed.looked_at:
            now = self.feed.looked_at  # nobody knows how old things are now
        with self.batch_update():
            for view in self._views_in_sight():
                view.tick(now)

    def _views_in_sight(self) -> list[View]:
        return [view for view in self._top_views() if view.is_mounted]

    def _top_views(self) -> list[View]:
        """The screen on top and, while that is a dialog, the one below it."""
        found: list[View] = []
        for screen in reversed(self.screen_stack):
            if isinstance(screen, View):
                found.append(screen)
            if not screen.is_modal:
                break
        return found


def _collect_again() -> None:
    """What the start made stays: it is left out of every later collection."""
    gc.freeze()
    gc.enable()


def run_dashboard(
    home: Path, *, open_run: RunFolder | None = None, settings: Settings | None = None, problem: str = ""
) -> int:
    """Opens the dashboard on a runs home; returns the exit status.

    ``problem`` is one line to be told when it opens. Afterwards one line on stdout names the runs that go on.
    """
    settings = settings or Settings()
    app = Dashboard(home, open_run=open_run, charset=settings.charset, settings=settings, problem=problem)
    with ends_at_signals(lambda status: app.exit(return_code=status)):
        app.run(mouse=settings.mouse)
    if (status := app.return_code or 0) > _SIGNALLED:
        return status  # whoever sent the signal reads no more
    if names := app.live_names():
        print(
            f"left the dashboard; {'this run goes on' if len(names) == 1 else 'these runs go on'}: {', '.join(names)}"
        )
    if problem:
        print(f"hybrid-tui: {visible(problem)}", file=sys.stderr)
    return status


__all__ = ["Dashboard", "run_dashboard"]
