"""What is being done, on stderr: one line that is rewritten on a terminal, one line a part elsewhere."""

from __future__ import annotations

import shutil
import sys
import time

from engine.runs.text import visible
from tui.commands.output import unguarded
from tui.draw.text import cut

REDRAW_SECONDS = 0.1


class ProgressLine:
    """Shows one piece of work after the other; a context manager that leaves the cursor on a line of its own."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._part = ""
        self._start = self._drawn = 0.0  # monotonic seconds
        self._done = 0  # when the part was first seen: what was there already says nothing about the speed

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave_line()

    def tell(self, line: str) -> None:
        """A line that stays."""
        self._leave_line()
        print(line, file=sys.stderr, flush=True)

    def show(self, what: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` units of ``what``; None: nobody knows how many there are."""
        now = time.monotonic()
        if what != self._part:
            self._part, self._start, self._done = what, now, done
            if not self._live:
                print(what if total is None else f"{what}: {total:,}", file=sys.stderr, flush=True)
        elif now - self._drawn < REDRAW_SECONDS and done != total:
            return
        if self._live:
            self._drawn = now
            of = "" if total is None else f"/{total:,}{self._left(now, done, total)}"
            cells = shutil.get_terminal_size().columns - 1  # a line that wraps could not be drawn over
            line = cut(visible(f"{what} {done:,}{of}"), cells)
            print(f"\r{line}\033[K", end="", file=unguarded(sys.stderr), flush=True)

    def _leave_line(self) -> None:
        if self._live and self._part:
            print(file=sys.stderr)
        self._part = ""

    def _left(self, now: float, done: int, total: int) -> str:
        spent, made = now - self._start, done - self._done
        if spent < 1 or made <= 0 or done >= total:
            return ""
        seconds = round(spent * (total - done) / made)
        return f", {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"
