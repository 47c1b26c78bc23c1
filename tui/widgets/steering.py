"""Pause, resume, stop, evaluate, checkpoint and export, for every screen that has runs under its cursor or marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from textual import events

from tui import steer
from tui.draw.text import Row
from tui.follow.requests import news
from tui.follow.rows import GONE, RunRow
from tui.numbers import visible
from tui.steer import Answer
from tui.widgets.view import View

_NAMED = 8  # runs that a question names
Work = Callable[[], Answer]


class Steering(View):
    """Subclasses say which runs are meant."""

    def __init__(self) -> None:
        super().__init__()
        self.told_failures: frozenset[str] = frozenset()  # uuids of commands whose failure is in sight

    def current(self) -> RunRow | None:
        """The run under the cursor."""
        raise NotImplementedError

    def chosen(self) -> list[RunRow]:
        """What a key that takes several runs is about: the marked ones where there are any."""
        row = self.current()
        return [row] if row is not None else []

    def for_export(self) -> list[RunRow]:
        row = self.current()
        return [row] if row is not None else []

    def export_step(self) -> tuple[str | None, int | None]:
        """Benchmark and step in sight; None for the last."""
        return None, None

    def copies(self) -> list[tuple[str, str, str]]:
        row = self.current()
        if row is None:
            return super().copies()
        path = str(row.folder.path)
        return [("the run's id", row.folder.id, row.folder.id), ("the run's folder", path, path), *super().copies()]

    def news(self, now: float) -> tuple[Row, Row] | None:
        """What has become of the commands that were given, whoever gave them."""
        rows = self.host.snapshot.rows if self.host.snapshot is not None else ()
        told = news(rows, now, self.host.read_failures)
        self.told_failures = told.failures
        return (((told.text, told.style),), ()) if told.text else None

    def on_key(self, event: events.Key) -> None:
        """Whoever presses a key has read what stood there."""
        self.host.read_failures |= self.told_failures

    def action_pause_resume(self) -> None:
        rows = self._steerable("pause or resume", ("finished",))
        resumed = [row for row in rows if row.state in steer.RESUMABLE]
        paused = [row for row in rows if row not in resumed]
        works = [(row, partial(steer.pause_or_resume, row.folder, row.state)) for row in rows]
        question = [f"Pause {_runs(paused)}?"] if paused else []
        question += [f"{'Resume' if not paused else 'And resume'} {_runs(resumed)}?"] if resumed else []
        costs = [cost for row in paused if (cost := self._cost_of_pausing(row))]
        if costs or len(rows) > 1:
            self.host.ask([*question, *costs, *(["p resumes what is paused."] if paused else [])],
                          lambda: self.command("pause or resume", works))  # fmt: skip
        else:
            self.command("pause or resume", works)

    def action_evaluate(self) -> None:
        rows = self._steerable("evaluate")
        works = [(row, partial(steer.evaluate, row.folder)) for row in rows]
        done = {row.name: [key for key, step, _ in row.evaluated if step == row.step] for row in rows}
        question = [f"Evaluate {_runs(rows)}?"] if len(rows) > 1 else []
        question += [
            f"{row.name} is evaluated at step {row.step:,} already, on {visible(', '.join(keys))}."
            for row in rows
            if (keys := done[row.name])
        ]
        if question and len(rows) == 1:
            question.append("Evaluate it again?")
        self._ask_if(question, "evaluate", works)

    def action_save(self) -> None:
        rows = self._steerable("write a checkpoint of")
        question = [f"Write a checkpoint of {_runs(rows)}?"] if len(rows) > 1 else []
        self._ask_if(question, "checkpoint", [(row, partial(steer.send, row.folder, "checkpoint")) for row in rows])

    def action_stop(self) -> None:
        rows = self._steerable("stop", ("finished", "stopped"))
        if not rows:
            return
        row = rows[0]
        question = [f"Stop {row.name} at step {row.step:,} of {row.max_steps:,}?",
                    "It saves a checkpoint and ends as stopped; it can be resumed later."]  # fmt: skip
        if len(rows) > 1:
            question = [f"Stop {_runs(rows)}?", "Each saves a checkpoint and ends as stopped; p resumes them later."]
        self._ask_if(question, "stop", [(row, partial(steer.stop, row.folder)) for row in rows])

    def action_study(self) -> None:
        row = self.current()
        if row is not None:
            self.open_study_of(row.study, row.name)

    def open_study_of(self, study: str, name: str) -> None:
        """``study`` is empty where the run called ``name`` belongs to none."""
        if study:
            self.host.open_study(study)
        else:
            self.say(f"{name} belongs to no study", "dim")

    def action_export(self) -> None:
        rows = self.for_export()
        if rows:
            self.host.open_export(rows, *self.export_step())

    def command(self, what: str, works: Sequence[tuple[RunRow, Work]]) -> None:
        """Gives a command to each run in a thread of its own, and says what came of it once all have answered.

        A run that has a command under way, given on whatever screen, gets no second one.
        """
        answers = _Answers(len(works), self._told)
        for row, work in works:
            failed = partial(answers.fail, row.name)
            started = self.host.background.run(
                self, work, answers.take, failed=failed, late=lambda answer: self.host.tell(answer.text, "accent"),
                key=(row.folder.path, "command"), name=f"{what} {row.name}",
            )  # fmt: skip
            if not started:
                failed("another command is under way")

    def _told(self, text: str, style: str) -> None:
        self.say(text, style)

    def _ask_if(self, question: Sequence[str], what: str, works: Sequence[tuple[RunRow, Work]]) -> None:
        """Asks where there is a question."""
        if question:
            self.host.ask(question, lambda: self.command(what, works))
        else:
            self.command(what, works)

    def _steerable(self, verb: str, over: Sequence[str] = ()) -> list[RunRow]:
        """The chosen runs without those for which there is nothing to be done, which are named."""
        rows = self.chosen()
        left = [row for row in rows if row.state not in (*over, GONE)]
        if not left and rows:
            states = " and ".join(sorted({row.state for row in rows}))
            self.say(f"nothing to {verb}: {_runs(rows)} {'is' if len(rows) == 1 else 'are'} {states}", "warning")
        return left

    def _cost_of_pausing(self, row: RunRow) -> str:
        """Why a pause cannot be undone at no cost; empty where it can."""
        rows = self.host.snapshot.rows if self.host.snapshot is not None else ()
        if row.state != "queued" and (waiting := [each for each in rows if _waits_behind(each, row)]):
            return f"{_runs(waiting)} {'is' if len(waiting) == 1 else 'are'} queued and may take its device."
        if row.state == "evaluating":
            return f"{row.name} is evaluating: that is thrown away, and done anew when it resumes."
        return ""


class _Answers:
    """Collects what came of a command to several runs; tells it once, with the names of those where it failed."""

    def __init__(self, count: int, tell: Callable[[str, str], None]) -> None:
        self._left, self._count, self._tell = count, count, tell
        self._taken: list[Answer] = []
        self._failed: list[str] = []

    def take(self, answer: Answer) -> None:
        self._taken.append(answer)
        self._one_less()

    def fail(self, name: str, why: str) -> None:
        self._failed.append(why if self._count == 1 and name in why else f"{name}: {why}")
        self._one_less()

    def _one_less(self) -> None:
        self._left -= 1
        if self._left:
            return
        said = list(dict.fromkeys(answer.text for answer in self._taken if not answer.is_pending))
        if self._failed:
            done = [f"{len(self._taken)} of {self._count} were asked"] if self._count > 1 else []
            self._tell("; ".join([*self._failed, *done]), "error")
        elif said:
            self._tell("; ".join(said), "accent")


def _waits_behind(other: RunRow, row: RunRow) -> bool:
    return other.state == "queued" and other.folder != row.folder and (not row.host or other.host in ("", row.host))


def _runs(rows: Sequence[RunRow]) -> str:
    """Their names, or how many there are and the first names."""
    names = [row.name for row in rows]
    if len(names) == 1:
        return names[0]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} runs: {', '.join(names[:_NAMED])}{more}"
