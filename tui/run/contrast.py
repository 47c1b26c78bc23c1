"""What a person holds the evaluation in sight against: another step of the run, or another run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.reader import RunReader
from engine.runs.state import EvaluationPoint
from tui.follow.detail import RunDetail
from tui.follow.labels import labels
from tui.follow.rows import RunRow
from tui.numbers import visible


@dataclass(frozen=True)
class Other:
    """Another run, as of when it was read; ``name`` tells it apart, ``evaluated`` is what its row said then."""

    folder: RunFolder
    name: str
    evaluations: tuple[EvaluationPoint, ...]
    spec: Spec | None
    evaluated: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True)
class Contrast:
    """Either a step of the run itself, or another run at the same step (its newest, where it has none there)."""

    step: int | None = None
    other: Other | None = None

    def against(self, points: Sequence[EvaluationPoint], point: EvaluationPoint) -> Against | None:
        """What ``point``, one of ``points`` of the run, is held against; None where there is no such evaluation."""
        if self.other is None:
            former = next((other for other in points if other.step == self.step), None)
            return None if former is None or former is point else Against(f"step {former.step:,}", former, None)
        rest = [other for other in self.other.evaluations if other.benchmark == point.benchmark]
        if not rest:
            return None
        measured = next((other for other in rest if other.step == point.step), rest[-1])
        has_steps = self.other.spec is None or self.other.spec.config.kind == "training"
        at = f" at step {measured.step:,}" if has_steps else ""
        return Against(f"{self.other.name}{at}", measured, self.other.folder)


@dataclass(frozen=True)
class Against:
    """An evaluation, what to call it, and the run it is of; None: the run in sight."""

    label: str
    point: EvaluationPoint
    folder: RunFolder | None


@dataclass(frozen=True)
class Opponent:
    """A line of the list to choose from: nothing (both None), a step, or a run."""

    name: str
    about: str
    step: int | None = None
    row: RunRow | None = None


def read_other(row: RunRow, name: str) -> Other:
    """Reads what the log of a run, which is called ``name``, says now. Takes as long as the disk."""
    reader = RunReader(row.folder)
    reader.poll()
    try:
        spec = read_spec(row.folder)
    except RunError:
        spec = None
    return Other(row.folder, name, tuple(reader.state.evaluations), spec, row.evaluated)


def opponents_of(detail: RunDetail, steps: Sequence[int], rows: Sequence[RunRow]) -> list[Opponent]:
    """Nothing, then those of the run's own evaluated ``steps`` that make sense, then the other runs."""
    opponents = [Opponent("nothing", "no difference is shown")]
    opponents += [Opponent(f"step {step:,}", "of this run", step=step) for step in steps]
    named = labels(rows)
    for row in rows:
        if row.folder != detail.row.folder:
            about = f"{row.mode}, {row.state}" + (f", step {row.step:,}" if row.kind == "training" else "")
            about += f", {visible(row.benchmark)}" if row.benchmark else ""
            opponents.append(Opponent(named[row.folder.path], about, row=row))
    return opponents
