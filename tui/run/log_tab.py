"""The log tab: what happened, and when? And what did the process of the run print?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine.runs.state import NoteKind
from tui import keymap
from tui.draw.text import Row
from tui.follow.detail import RunDetail
from tui.numbers import count, day_number, visible
from tui.run.selection import Selection
from tui.run.text_rows import log_blocks, wrapped_under_indent
from tui.run.text_tab import TextTab

# What of the log is shown, in the order of the key; None: everything.
KINDS: tuple[NoteKind | None, ...] = (None, "problem", "evaluation", "checkpoint", "command")
_NAMES = {
    "problem": "problems", "evaluation": "evaluations", "checkpoint": "checkpoints", "command": "commands",
}  # fmt: skip
_TAIL = 1024 * 1024  # bytes of worker.log, from its end


class LogTab(TextTab):
    """At its end it follows."""

    BINDINGS = keymap.bindings("log")
    name_in_keymap = "log"
    footer_order = ("search", "find(1)", "kind", "worker_log", "move_up")
    follows_steps = False

    def __init__(self) -> None:
        super().__init__("log", follow=True)
        self.kind: NoteKind | None = None
        self.printed: list[str] | None = None  # of worker.log, while that is shown
        self._shown: object = None  # what the lines of the log were made of
        self._blocks: list[list[Row]] = []
        self._asked = (0.0, 0)  # change and size of worker.log when it was read last

    def show(self, detail: RunDetail, selection: Selection) -> None:
        super().show(detail, selection)
        if self.printed is not None:
            self._read()

    def tick(self, now: float) -> None:
        if self.printed is not None:
            self._read()

    def action_kind(self) -> None:
        self.printed = None
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]
        self.say(f"shows {_NAMES[self.kind]}" if self.kind else "shows everything")
        self._changed()

    def action_worker_log(self) -> None:
        if self.printed is not None:
            self.printed = None
            self._changed()
            return
        self.printed, self._asked = [], (0.0, 0)
        self._changed()
        self._read()

    def hint(self) -> str:
        return super().hint() or "/ searches   f: of one kind   l: worker.log   end follows what is new"

    def entitle(self) -> None:
        if self.printed is not None:
            title = "worker.log: what the process printed   l: the log again"
        else:
            title = f"log: {_NAMES[self.kind]}" if self.kind else "log"
        self.text.retitle(f"{title}, following" if self.text.follows else f"{title}   end follows again")

    def blocks(self, width: int) -> Sequence[Sequence[Row]]:
        if self.detail is None:
            return []
        if self.printed is not None:
            lines = self.printed or ["nothing yet"]
            return [[((part, ""),) for part in wrapped_under_indent(line, width)] for line in lines]
        made_of = (self.detail, width, self.kind)
        if made_of != self._shown:
            day = day_number(self.host.minutes_east, self.host.now())
            self._shown = made_of
            self._blocks = log_blocks(self.detail, width, self.host.minutes_east, day, self.kind)
        return self._blocks

    def _changed(self) -> None:
        self.search.at = None
        self.text.follows = True
        self.text.redraw()
        self.entitle()
        self.post_message(self.Moved())

    def _read(self) -> None:
        if self.detail is None:
            return
        path = self.detail.row.folder.log
        self.host.background.run(
            self, partial(_tail, path, self._asked), self._take, failed=self._failed, key=("worker.log", path)
        )  # fmt: skip

    def _take(self, answer: tuple[tuple[float, int], list[str]] | None) -> None:
        if answer is None or self.printed is None:
            return
        self._asked, self.printed = answer
        self.text.redraw()
        self.entitle()

    def _failed(self, line: str) -> None:
        if self.printed is not None:
            self.printed = [line]
            self.text.redraw()


def _tail(path: Path, known: tuple[float, int]) -> tuple[tuple[float, int], list[str]] | None:
    """(change and size, lines) of the end of a file; None where it is still the ``known`` one. Any thread.

    Raises:
        OSError: it cannot be read.
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        return (0.0, 0), ["there is no worker.log: no process of this run has printed anything yet"]
    if (stat.st_mtime, stat.st_size) == known:
        return None
    with path.open("rb") as file:
        file.seek(max(0, stat.st_size - _TAIL))
        lines = [visible(line) for line in file.read().decode("utf-8", "replace").splitlines()]
    if stat.st_size > _TAIL:
        lines[0] = f"(of {count(stat.st_size)} bytes the last {count(_TAIL)}; the rest is in {path})"
    return (stat.st_mtime, stat.st_size), lines
