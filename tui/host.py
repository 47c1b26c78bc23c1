"""What screens and widgets may ask of the application that they are part of.

They know this protocol and never the application itself, so each of them can be tested in an application of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from textual.message_pump import MessagePump
from textual.screen import Screen

from engine.runs.folder import RunFolder
from tui.background import Background
from tui.draw.glyphs import Glyphs
from tui.follow.feed import Feed, Snapshot
from tui.follow.rows import RunRow
from tui.theme import Palette

if TYPE_CHECKING:
    from engine.export.compare_job import CompareOutcome


Kept = TypeVar("Kept")


class Host(Protocol):
    """The dashboard, as its parts see it."""

    glyphs: Glyphs
    palette: Palette
    now: Callable[[], float]  # unix seconds
    minutes_east: int | None  # of the time zone; None: the local one, summer and winter as they come
    home: Path  # the runs folder
    feed: Feed
    snapshot: Snapshot | None  # the newest; None before the first
    background: Background
    read_failures: set[str]  # uuids of commands whose failure somebody has seen
    comparisons: OrderedDict[Any, CompareOutcome]  # the newest of those that were computed
    typed: (
        Any | None
    )  # tui.launch.fields.Typed: what stood in the form of a new run when it was left; None: nothing worth keeping

    @property
    def home_label(self) -> str:
        """The runs folder as a person would write it."""
        ...

    def follow_sight(self) -> None:
        """To be called where the wish of a screen in sight has changed."""
        ...

    def silence(self) -> float:
        """Seconds for which the disk has not answered, once that is worth a word; else 0."""
        ...

    def kept(self, kind: type[Kept]) -> Kept:
        """The one object of this kind that lasts as long as the dashboard; made where there is none yet."""
        ...

    def tell(self, text: str, style: str = "text") -> None:
        """Says one line on the screen in front, for a few seconds."""
        ...

    def ask(self, question: Sequence[str], then: Callable[[], None]) -> None:
        """Asks before something that is hard to take back."""
        ...

    def copy(self, text: str) -> None:
        """Puts ``text`` into the terminal's clipboard and into a file whose path is told."""
        ...

    def pick(
        self, choices: Sequence[tuple[str, str]], at: int, title: str, then: Callable[[int | None], object]
    ) -> None:
        """Has one of ``choices`` (name, what it is) chosen; ``then`` gets its index, or None."""
        ...

    def repaint(self) -> None: ...

    def leave(self) -> None: ...

    def open_run(self, folder: RunFolder, tab: str = "overview", benchmark: str | None = None) -> Any:
        """``benchmark``: whose evaluation is shown; None is the run's main one."""
        ...

    def open_launch(self) -> None: ...

    def open_export(
        self, rows: Sequence[RunRow], benchmark: str | None, step: int | None, table: str | None = None
    ) -> None:
        """``table``: what the dialog offers first; None is the heatmap of a benchmark, else the summary."""
        ...

    def open_compare(
        self, rows: Sequence[RunRow], baseline: RunRow | None = None, benchmark: str | None = None
    ) -> None:
        """``baseline`` is one of the rows, None the usual one; ``benchmark`` None is the first they have in common."""
        ...

    def open_study(self, name: str) -> None: ...

    def open_help(self, screen_name: str, part: str = "") -> None:
        """``part``: the part of the screen whose keys come first, with what its words mean."""
        ...

    def open_devices(self) -> None: ...

    def open_problems(self) -> None:
        """What cannot be read now, and why."""
        ...

    def open_palette(self, view: Any, screen_name: str) -> None: ...

    def open_jump(self, view: Any) -> None:
        """Jump mode over ``view``; says so where there is nothing to jump to."""
        ...


def host_of(part: MessagePump | Screen[Any]) -> Host:
    """The host of a screen or widget."""
    return cast("Host", part.app)
