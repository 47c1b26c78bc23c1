"""Which runs make up a study, from what each carries in its spec: the study file need not be there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.reader import RunReader
from engine.runs.status import status_of
from engine.runs.study_record import StudyRecord


@dataclass(frozen=True, slots=True)
class StudyRun:
    """A run of a study."""

    folder: RunFolder
    spec: Spec  # its ``study`` is there
    state: str  # as engine.runs.status words it

    @property
    def record(self) -> StudyRecord:
        assert self.spec.study is not None
        return self.spec.study

    @property
    def is_finished(self) -> bool:
        return self.state == "finished"


@dataclass(frozen=True, slots=True)
class StudyRuns:
    """The present runs of a study: of each condition and seed the newest that did not fail."""

    record: StudyRecord  # of the newest run: the plan and the claims as they stand now
    conditions: dict[str, tuple[StudyRun, ...]]  # in the order of launching, each by ascending seed

    @property
    def runs(self) -> list[StudyRun]:
        return [run for runs in self.conditions.values() for run in runs]


def group_study(folders: Iterable[RunFolder], name: str | None = None) -> StudyRuns | None:
    """The runs of one study among ``folders``, in whatever order they come; None: there are none.

    Runs that cannot be read, belong to no study or failed are left out. An older run of a condition and seed gives way
    to a newer one that did not fail, which was launched with another config.

    Args:
        name: of the study; None: that of the newest run.
    """
    read = [(folder, spec) for folder in folders if (spec := _spec(folder)) is not None and spec.study is not None]
    read.sort(key=lambda item: (item[1].created, item[0].id))
    if name is None and read:
        name = _record(read[-1][1]).name
    runs: dict[tuple[str, int], StudyRun] = {}
    for folder, spec in reversed(read):
        record = _record(spec)
        key = record.condition, spec.config.seed
        if record.name != name or key in runs:
            continue
        state = status_of(RunReader(folder)).state
        if state != "failed":
            runs[key] = StudyRun(folder, spec, state)
    if not runs:
        return None
    launched = sorted(runs.values(), key=lambda run: (run.spec.created, run.folder.id))
    order = dict.fromkeys(run.record.condition for run in launched)
    by_seed = sorted(runs.values(), key=lambda run: run.spec.config.seed)
    return StudyRuns(
        next(iter(runs.values())).record,
        {condition: tuple(run for run in by_seed if run.record.condition == condition) for condition in order},
    )


def _record(spec: Spec) -> StudyRecord:
    assert spec.study is not None
    return spec.study


def _spec(folder: RunFolder) -> Spec | None:
    try:
        return read_spec(folder)
    except RunError:
        return None  # of another release, or damaged
