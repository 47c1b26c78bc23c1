"""Starts what is missing of a study, and tells what was changed in it since its runs were launched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from engine.config import RunConfig
from engine.progress import Tick
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.launch import launch, resume, with_absolute_paths
from engine.runs.preflight import preflight
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from engine.runs.status import status_of
from engine.runs.study import PlannedRun, Study
from engine.runs.study_record import StudyRecord, stated, was_stated

_RESUMABLE = frozenset({"paused", "stopped", "crashed"})

Fate = Literal["finished before", "under way", "resumed", "launched"]


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run of a study, and what was done to get it."""

    planned: PlannedRun
    folder: RunFolder
    fate: Fate
    record: StudyRecord | None  # of the study as it was when the run was launched; None: before there were records
    created: float  # unix seconds


def start_study(
    home: Path, study: Study, command_line: Sequence[str] = (), tick: Tick | None = None
) -> list[StartedRun]:
    """Launches or resumes the runs of the study, in its order, so that each is finished, under way or queued.

    All are launched together and wait for a device as ``queued`` runs, so no process must stay alive to start the next.
    A queued run is light: on the CPU it has not imported torch, on a GPU it holds no memory there.
    An older run of this study with the same config is left alone when it is finished or under way, and resumed when it
    is paused, stopped or crashed. One that failed is left, and a new run is launched.

    ``tick`` is called while files are looked at, before anything is launched; may raise to abandon the work.

    Raises:
        ConfigError: a config cannot be run, or its files cannot be read; then nothing was launched.
    """
    for config in _distinct_data([planned.config for planned in study.runs]):
        preflight(config, tick)
    if tick is not None:
        tick("starting the runs", 0, None)  # the last moment to abandon it
    existing = _runs_of(home, study.name)
    started = []
    for planned in study.runs:
        recorded = with_absolute_paths(planned.config)
        match = next(((folder, spec, state) for folder, spec, state in existing if spec.config == recorded), None)
        if match is None:
            folder = launch(
                home, planned.config, command_line=command_line, parent=planned.parent, study=planned.record
            )
            started.append(StartedRun(planned, folder, "launched", planned.record, time.time()))
            continue
        folder, spec, state = match
        fate: Fate = "finished before" if state == "finished" else "under way"
        if state in _RESUMABLE:
            resume(folder)
            fate = "resumed"
        started.append(StartedRun(planned, folder, fate, spec.study, spec.created))
    return started


def changed_since_training(started: Sequence[StartedRun]) -> list[str]:
    """What the study says now that it did not say when a run of it was launched, a sentence each.

    A claim and a margin are worth what was stated before training: the report marks such claims, and takes the margin
    that the first of the runs was launched with.
    """
    sentences = []
    now = started[0].planned.record
    for claim in now.claims:
        late = [
            run.planned.condition
            for run in started
            if run.planned.condition in (claim.condition, claim.against) and not was_stated(claim, now, run.record)
        ]
        if late:
            runs = f"{len(late)} {'run' if len(late) == 1 else 'runs'} of {', '.join(dict.fromkeys(late))}"
            sentences.append(f"made or changed after {runs} had been launched: {claim.sentence}")
    sentences += [
        f"measure of {name}: {before} before training; the study now says {after}"
        for name, before, after in changed_measures(started)
    ]
    return sentences + [
        f"margin of {name}: {before:g} was stated before training, and counts; the study now says {after:g}"
        for name, before, after in changed_margins(started)
    ]


def changed_margins(started: Sequence[StartedRun]) -> list[tuple[str, float, float]]:
    """(benchmark or suite, margin that the first of the runs was launched with, margin now) where they differ."""
    first = min(started, key=lambda run: run.created)
    now, before = first.planned.record.margins, {} if first.record is None else first.record.margins
    usual = first.planned.config.evaluation.margin
    margins = (
        (name, _margin(before, name, usual), _margin(now, name, usual)) for name in dict.fromkeys([*now, *before])
    )
    return [margin for margin in margins if margin[1] != margin[2]]


def changed_measures(started: Sequence[StartedRun]) -> list[tuple[str, str, str]]:
    """(benchmark or suite, chosen measure of quality that the first of the runs was launched with, and now) where they
    differ; "the usual one" where none is chosen."""
    first = min(started, key=lambda run: run.created)
    now, before = first.planned.record.measures, {} if first.record is None else first.record.measures
    usual = "the usual one"
    measures = (
        (name, stated(before, name) or usual, stated(now, name) or usual) for name in dict.fromkeys([*now, *before])
    )
    return [measure for measure in measures if measure[1] != measure[2]]


def _margin(margins: dict[str, float], name: str, usual: float) -> float:
    margin = stated(margins, name)
    return usual if margin is None else margin


def _runs_of(home: Path, study: str) -> list[tuple[RunFolder, Spec, str]]:
    """Runs of the study that did not fail, finished ones first."""
    runs = []
    for folder in list_runs(home):
        try:
            spec = read_spec(folder)
        except RunError:
            continue  # of another release, or damaged
        if spec.config.study == study:
            state = status_of(RunReader(folder)).state
            if state != "failed":
                runs.append((folder, spec, state))
    return sorted(runs, key=lambda item: item[2] != "finished")


def _distinct_data(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """One config for every set of files: each is read once, which takes seconds."""
    return list({msgspec.json.encode((config.sources, config.evaluation)): config for config in configs}.values())
