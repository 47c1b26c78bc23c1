"""Many runs at once: those of a study that are there already are taken up again, the others are launched.

All are launched together and wait for a device as ``queued`` runs do; there is no process that must live on to start
the next. A queued run is light: on the CPU it has not imported torch, on a GPU it holds no memory there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from engine.config import RunConfig
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.launch import launch, resume, with_absolute_paths
from engine.runs.preflight import preflight
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from engine.runs.status import status_of
from engine.runs.study import PlannedRun, Study

Fate = Literal["finished before", "under way", "resumed", "launched"]

_RESUMABLE = frozenset({"paused", "stopped", "crashed"})


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run of a study, and what was done to have it."""

    planned: PlannedRun
    folder: RunFolder
    fate: Fate


def start_study(home: Path, study: Study, command_line: Sequence[str] = ()) -> list[StartedRun]:
    """Sees to it that every run of the study is finished, under way or queued, in the study's order.

    A run of this study with the same config is taken as it is when it is finished or under way, and resumed when it is
    paused, stopped or crashed; one that failed is left and launched anew.

    Raises:
        ConfigError: a config cannot be run, or its files cannot be read; then nothing was launched.
    """
    for config in _distinct_data([planned.config for planned in study.runs]):
        preflight(config)
    there = _runs_of(home, study.name)
    started = []
    for planned in study.runs:
        wanted = with_absolute_paths(planned.config)
        known = next(((folder, state) for folder, config, state in there if config == wanted), None)
        if known is None:
            folder = launch(home, planned.config, command_line=command_line)
            started.append(StartedRun(planned, folder, "launched"))
            continue
        folder, state = known
        fate: Fate = "finished before" if state == "finished" else "under way"
        if state in _RESUMABLE:
            resume(folder)
            fate = "resumed"
        started.append(StartedRun(planned, folder, fate))
    return started


def _runs_of(home: Path, study: str) -> list[tuple[RunFolder, RunConfig, str]]:
    """Runs of the study that did not fail, those that are further along first."""
    found = []
    for folder in list_runs(home):
        try:
            config = read_spec(folder).config
        except RunError:
            continue  # of another release, or damaged: not ours to judge
        if config.study == study:
            state = status_of(RunReader(folder)).state
            if state != "failed":
                found.append((folder, config, state))
    return sorted(found, key=lambda item: item[2] != "finished")


def _distinct_data(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """One config for every set of files: reading them takes seconds."""
    return list({msgspec.json.encode((config.sources, config.evaluation)): config for config in configs}.values())
