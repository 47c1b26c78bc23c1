"""What part of the run all charts show, and the step that is read out."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tui.draw.lines import steady_end

LEAST_SPAN = 10  # steps: no chart is magnified further


@dataclass
class Viewport:
    """``span`` None: the whole run. ``end`` None: the window follows the newest step. All in steps."""

    span: int | None = None
    end: int | None = None
    crosshair: int | None = None

    def window(self, newest: int) -> tuple[int, int]:
        """First and last step in sight; the first may be 0, which is before training."""
        if self.span is None:
            return 0, max(2, steady_end(newest))
        if self.end is not None:
            return self.end - self.span, self.end
        grain = max(1, self.span // 128)  # a window that follows moves in jumps of about a dot
        last = max(self.span, -(-newest // grain) * grain)
        return last - self.span, last

    @property
    def whole(self) -> bool:
        return self.span is None

    def show_all(self) -> None:
        self.span = self.end = None

    def zoom(self, closer: bool, newest: int) -> None:
        """Halves or doubles what is in sight, around the crosshair, else towards the end that is followed."""
        first, last = self.window(newest)
        span = max(LEAST_SPAN, (last - first + 1) // 2) if closer else (last - first) * 2
        if span >= max(2, steady_end(newest)):
            self.show_all()
            return
        follows = self.end is None
        anchor = last if follows else (first + last) // 2
        if self.crosshair is not None and first <= self.crosshair <= last:
            anchor = self.crosshair
        share = span / max(1, last - first)
        if 2 * anchor <= first + last:  # rounded so that the closer edge, and what lies on it, stays in sight
            start = anchor - math.ceil((anchor - first) * share)
        else:
            start = anchor + math.ceil((last - anchor) * share) - span
        self._place(start, span, newest, follows and anchor >= last)

    def pan(self, by: int, newest: int) -> None:
        """Moves by quarters of what is in sight; at the newest step the window follows again."""
        if self.span is None:
            return
        first, _ = self.window(newest)
        self._place(first + by * max(1, self.span // 4), self.span, newest, follows=False)

    def move(self, by: int, newest: int, columns: int) -> None:
        """Moves the crosshair by columns of a chart ``columns`` wide, and the window after it; sets it at first."""
        first, last = self.window(newest)
        if self.crosshair is None:
            self.crosshair = min(newest, last)
            return
        step = max(1, round((last - first) / max(1, columns - 1)))
        self.set_crosshair(self.crosshair + by * step, newest)

    def set_crosshair(self, step: int, newest: int) -> None:
        """The crosshair to a step, and the window after it."""
        first, last = self.window(newest)
        self.crosshair = max(0, min(newest, step))
        if self.span is not None and not first <= self.crosshair <= last:
            wanted = self.crosshair if self.crosshair < first else self.crosshair - self.span
            self._place(wanted, self.span, newest, follows=False)

    def move_to_end(self, last: bool, newest: int) -> None:
        """The crosshair to the first or last step in sight."""
        window = self.window(newest)
        self.crosshair = max(0, min(newest, window[1] if last else window[0]))

    def _place(self, first: int, span: int, newest: int, follows: bool) -> None:
        first = max(0, first)
        self.span = span
        self.end = None if follows or first + span >= newest else first + span
