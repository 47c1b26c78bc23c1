"""What is read of a run beside its log: the worker's output and the commands that wait for an answer."""

from __future__ import annotations

from engine.runs.commands import Command, pending_commands
from engine.runs.folder import RunFolder
from engine.runs.last_words import SLACK, last_words
from tui.numbers import visible


class Beside:
    """Owned by the reader thread; ``look`` costs a look at two folders where nothing is new."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._stamp = (0, 0)  # of worker.log: nanoseconds, bytes
        self.words: tuple[str, ...] = ()  # the last lines of the worker's output, safe to show
        self.pending: tuple[Command, ...] = ()

    def look(self) -> None:
        self.pending = tuple(pending_commands(self._folder))

    def read_words(self) -> None:
        try:
            status = self._folder.log.stat()
            stamp = status.st_mtime_ns, status.st_size
        except OSError:
            stamp = 0, 0
        if stamp != self._stamp:
            self._stamp = stamp
            self.words = tuple(map(visible, last_words(self._folder)))

    def words_since(self, moment: float) -> tuple[str, ...]:
        """None where nothing was said since then (unix seconds)."""
        return self.words if self._stamp[0] / 1e9 >= moment - SLACK else ()
