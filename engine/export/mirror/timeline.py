"""What stands of a log, and what a resume or a new measurement has taken back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from engine.events import AnyEvent, EvalFinished, RunResumed, Step, Validation
from engine.runs.fold import fold
from engine.runs.state import RunState


class Timeline:
    """Follows all events of a log in their order, as the fold does, and knows of each step and point if it stands.

    Whatever was taken back raises ``generation``: who has passed on what came before must begin anew.
    """

    def __init__(self) -> None:
        self.state = RunState()
        self.generation = 0
        self._length = 0  # steps on the present timeline
        self._cut_at: list[int] = []  # numbers of the events that took steps back, rising
        self._kept: list[int] = []  # of the steps before that event, those up to this one stand; rising too
        self._points: dict[tuple[int, str | None], tuple[int, object]] = {}  # step, benchmark -> event, value

    def take(self, events: Iterable[AnyEvent]) -> None:
        for event in events:
            if self._takes_back(event):
                self.generation += 1
            self.state = fold(self.state, event)

    def _takes_back(self, event: AnyEvent) -> bool:
        match event:
            case Step():
                is_cut = self._cut(event.seq, event.first_step - 1)
                self._length = event.first_step - 1 + len(event.loss)
                return is_cut
            case RunResumed(purpose="train"):
                is_cut = self._cut(event.seq, event.from_step)
                return self._drop_points(event.from_step) or is_cut
            case EvalFinished():
                return self._replace(event.seq, (event.step, event.benchmark), event.result)
            case Validation():
                return self._replace(event.seq, (event.step, None), (event.measure, event.value))
        return False

    def last_step(self, seq: int) -> float:
        """Of steps that event ``seq`` tells of, those up to this one stand."""
        index = bisect_right(self._cut_at, seq)
        return self._kept[index] if index < len(self._kept) else float("inf")

    def stands(self, event: EvalFinished | Validation) -> bool:
        """False also for a value that was measured again and came out the same: the first one stands."""
        benchmark = event.benchmark if isinstance(event, EvalFinished) else None
        return self._points.get((event.step, benchmark), (None, None))[0] == event.seq

    def _cut(self, seq: int, step: int) -> bool:
        """Takes back the steps after ``step``; False where there are none."""
        if step >= self._length:
            return False
        self._length = step
        # An earlier event keeps no more than the strictest of the cuts that follow it.
        for index in range(len(self._kept) - 1, -1, -1):
            if self._kept[index] <= step:
                break
            self._kept[index] = step
        self._cut_at.append(seq)
        self._kept.append(step)
        return True

    def _drop_points(self, step: int) -> bool:
        late = [key for key in self._points if key[0] > step]
        for key in late:
            del self._points[key]
        return bool(late)

    def _replace(self, seq: int, key: tuple[int, str | None], value: object) -> bool:
        """Takes a value; True where it takes the place of another one."""
        before = self._points.get(key)
        if before is None or before[1] != value:
            self._points[key] = (seq, value)
        return before is not None and before[1] != value
