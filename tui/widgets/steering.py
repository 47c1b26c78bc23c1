"""Pause, resume, stop, evaluate, checkpoint and export, for every screen that has a run under its cursor."""

from __future__ import annotations

from functools import partial

from tui import steer
from tui.follow.rows import RunRow
from tui.numbers import visible
from tui.widgets.view import View


class Steering(View):
    """Subclasses say which run is meant."""

    def current(self) -> RunRow | None:
        raise NotImplementedError

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

    def action_pause_resume(self) -> None:
        if (row := self.current()) is not None:
            self.steer(partial(steer.pause_or_resume, row.folder, row.state))

    def action_evaluate(self) -> None:
        row = self.current()
        if row is None:
            return
        work = partial(steer.evaluate, row.folder)
        if done := [benchmark for benchmark, step, _ in row.evaluated if step == row.step]:
            found = visible(", ".join(done))
            question = [f"{row.name} is evaluated at step {row.step:,} already, on {found}.", "Evaluate it again?"]
            self.host.ask(question, lambda: self.steer(work))
        else:
            self.steer(work)

    def action_save(self) -> None:
        if (row := self.current()) is not None:
            self.steer(partial(steer.send, row.folder, "checkpoint"))

    def action_stop(self) -> None:
        row = self.current()
        if row is None:
            return
        if row.state in ("finished", "stopped"):
            self.say(f"{row.name} is {row.state} already", "warning")
            return
        question = [
            f"Stop {row.name} at step {row.step:,} of {row.max_steps:,}?",
            "It saves a checkpoint and ends as stopped; it can be resumed later.",
        ]
        self.host.ask(question, lambda: self.steer(partial(steer.stop, row.folder)))

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
