"""Playing the evaluations of a run one after the other, in the tabs that show one at a time."""

from __future__ import annotations

from textual.timer import Timer

from tui.run.tab import Tab

REPLAY_SECONDS = 0.5  # between two steps: as often as a chart may be redrawn


class ReplayTab(Tab):
    """A tab with `space`: from the first evaluation to the last; again, or any other step, ends it."""

    timer: Timer | None = None

    def action_replay(self) -> None:
        if self.detail is None or self._stop():
            return
        points = self.selection.points(self.detail)
        if len(points) < 2:
            self.say("one evaluation: there is nothing to play")
            return
        if self.selection.step is None or self.selection.step == points[-1].step:
            self.selection.step = points[0].step
            self.post_message(self.Turned())
        self.timer = self.set_interval(REPLAY_SECONDS, self._next)

    def leave(self) -> None:
        self._stop()

    def _stop(self) -> bool:
        """Whether one was under way."""
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.stop()
        return timer is not None

    def _next(self) -> None:
        if self.detail is None:
            self._stop()
            return
        self.selection.move_step(self.detail, 1)
        self.post_message(self.Turned())
        if self.selection.step is None:
            self._stop()
