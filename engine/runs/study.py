"""A study: conditions times seeds. Every config is checked before any run is launched.

A study file is TOML::

    name = "cldr-batches"
    config = "../cldr-hybrid.toml"      # relative to the study file
    seeds = [0, 1, 2]
    baseline = "mono"

    [[conditions]]
    name = "mono"
    set = ["batch.mode=mono"]           # as after --set

A sweep is a study whose conditions are the points of a grid.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.benchmark_names import parse_benchmark
from engine.config import ConfigError, Count, RunConfig, RunName, load_config, split_validation_error
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.launch import launch, resume, with_absolute_paths
from engine.runs.preflight import preflight
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from engine.runs.status import status_of

_SEEDS_ONLY = "seeds"  # the condition of a sweep without a grid
_GRID_VALUE = re.compile(r"""(?:\[[^\]]*\]|"[^"]*"|'[^']*'|[^,])+""")  # commas within brackets and quotes belong to it
_RESUMABLE = frozenset({"paused", "stopped", "crashed"})

Fate = Literal["finished before", "under way", "resumed", "launched"]


class StudyCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What sets one condition apart."""

    name: RunName
    set: tuple[str, ...] = ()  # overrides of the config, as after --set


class StudyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a study's TOML file holds."""

    name: RunName
    config: str  # file, relative to the study file
    conditions: Annotated[tuple[StudyCondition, ...], Meta(min_length=2)]
    seeds: Annotated[tuple[Count, ...], Meta(min_length=1)] = (0,)
    baseline: str | None = None  # a condition's name; null: the first
    # What the report is about; null: evaluation.validation unless it selects checkpoints, else the first benchmark.
    benchmark: str | None = None
    slow_on_cpu: str | None = None  # a warning for who starts it without a GPU


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a study."""

    condition: str
    config: RunConfig  # with its seed, its name and the study's


@dataclass(frozen=True, slots=True)
class Study:
    """A study whose configs have all been checked."""

    name: str
    runs: tuple[PlannedRun, ...]  # seed by seed, so that every condition has results early
    baseline: str  # a condition
    benchmark: str  # its key
    slow_on_cpu: str | None = None


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run of a study, and what was done to get it."""

    planned: PlannedRun
    folder: RunFolder
    fate: Fate


def load_study(path: Path, overrides: Sequence[str] = ()) -> Study:
    """Reads a study file and the config it names; ``overrides`` hold for all conditions, which may set them anew.

    Raises:
        ConfigError: one line naming file and field.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        file = msgspec.convert(document, StudyFile)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the study: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        field, reason = split_validation_error(str(error))
        raise ConfigError(f"{path}: {field}: {reason}") from None
    names = [condition.name for condition in file.conditions]
    if len(set(names)) != len(names):
        raise ConfigError(f"{path}: conditions: two have the same name")
    baseline = names[0] if file.baseline is None else file.baseline
    if baseline not in names:
        raise ConfigError(f"{path}: baseline: {baseline!r} is not one of the conditions ({', '.join(names)})")
    _check_seeds(file.seeds, f"{path}: seeds")
    load = partial(load_config, path.parent / file.config)
    runs = _plan(file.name, load, file.conditions, file.seeds, overrides, prefix=file.name)
    benchmark = _benchmark(runs, file.benchmark)
    for planned in runs:
        evaluation = planned.config.evaluation
        if evaluation.select == "best" and evaluation.validation == benchmark:
            raise ConfigError(
                f"{path}: condition {planned.condition} selects its checkpoints on {benchmark}, and there can be no "
                "verdict on that: set evaluation.validation to 'loss' or another benchmark"
            )
    return Study(file.name, runs, baseline, benchmark, file.slow_on_cpu)


def plan_sweep(
    config: Path,
    grid: Sequence[str],
    seeds: Sequence[int] = (0,),
    overrides: Sequence[str] = (),
    name: str | None = None,
) -> Study:
    """The study of all combinations of ``grid`` ("batch.mono_share=0,0.5,1", ...) and ``seeds``.

    Raises:
        ConfigError: one line naming argument, or file and field.
    """
    if not grid:
        raise ConfigError("--grid: expected at least one key=value,value")
    return sweep_of(partial(load_config, config), grid, seeds, overrides, name)


def sweep_of(
    load: Callable[[Sequence[str]], RunConfig],
    grid: Sequence[str],
    seeds: Sequence[int] = (0,),
    overrides: Sequence[str] = (),
    name: str | None = None,
) -> Study:
    """The same for a config that ``load`` makes from overrides; without a grid it is one condition over its seeds.

    Raises:
        ConfigError: one line naming argument, or file and field.
    """
    axes = [_axis(text) for text in grid]
    if len({key for key, _ in axes}) != len(axes):
        raise ConfigError("--grid: the same key twice")
    _check_seeds(seeds, "--seeds")
    base = load(overrides)
    study = name or f"{base.name}-sweep"
    points = [
        StudyCondition(
            name="-".join(
                _in_name(f"{key.rpartition('.')[2]}-{value}") for (key, _), value in zip(axes, point, strict=True)
            )
            or _SEEDS_ONLY,
            set=tuple(f"{key}={value}" for (key, _), value in zip(axes, point, strict=True)),
        )
        for point in product(*(values for _, values in axes))
    ]
    runs = _plan(study, load, points, seeds, overrides, prefix=base.name)
    return Study(study, runs, runs[0].condition, _benchmark(runs))


def start_study(home: Path, study: Study, command_line: Sequence[str] = ()) -> list[StartedRun]:
    """Launches or resumes the runs of the study, in its order, so that each is finished, under way or queued.

    All are launched together and wait for a device as ``queued`` runs, so no process must stay alive to start the next.
    A queued run is light: on the CPU it has not imported torch, on a GPU it holds no memory there.
    An older run of this study with the same config is left alone when it is finished or under way, and resumed when it
    is paused, stopped or crashed. One that failed is left, and a new run is launched.

    Raises:
        ConfigError: a config cannot be run, or its files cannot be read; then nothing was launched.
    """
    for config in _distinct_data([planned.config for planned in study.runs]):
        preflight(config)
    existing = _runs_of(home, study.name)
    started = []
    for planned in study.runs:
        recorded = with_absolute_paths(planned.config)
        match = next(((folder, state) for folder, config, state in existing if config == recorded), None)
        if match is None:
            folder = launch(home, planned.config, command_line=command_line)
            started.append(StartedRun(planned, folder, "launched"))
            continue
        folder, state = match
        fate: Fate = "finished before" if state == "finished" else "under way"
        if state in _RESUMABLE:
            resume(folder)
            fate = "resumed"
        started.append(StartedRun(planned, folder, fate))
    return started


def _plan(
    study: str,
    load: Callable[[Sequence[str]], RunConfig],
    conditions: Sequence[StudyCondition],
    seeds: Sequence[int],
    overrides: Sequence[str],
    prefix: str,
) -> tuple[PlannedRun, ...]:
    runs = []
    for seed in seeds:
        for condition in conditions:
            try:
                loaded = load([*overrides, *condition.set])
                named = {
                    **msgspec.to_builtins(loaded),
                    "name": f"{prefix}-{condition.name}",
                    "study": study,
                    "seed": seed,
                }
                runs.append(PlannedRun(condition.name, msgspec.convert(named, RunConfig)))
            except msgspec.ValidationError as error:
                field, reason = split_validation_error(str(error))
                raise ConfigError(f"condition {condition.name} of {study}: {field}: {reason}") from None
            except ConfigError as error:
                raise ConfigError(f"condition {condition.name}: {error}") from None
    return tuple(runs)


def _benchmark(runs: Sequence[PlannedRun], named: str | None = None) -> str:
    """The key of the benchmark that results are compared on: the one that all runs have."""
    evaluation = runs[0].config.evaluation
    if not evaluation.benchmarks:
        raise ConfigError("evaluation.benchmarks: a study needs one to compare its conditions on")
    keys = [parse_benchmark(benchmark)[0] for benchmark in evaluation.benchmarks]
    if evaluation.select == "best":  # what the checkpoints are selected on comes last
        keys.sort(key=lambda key: key == evaluation.validation)
    elif evaluation.validation in keys:
        keys.insert(0, evaluation.validation)
    key = named or keys[0]
    for planned in runs:
        keys = [parse_benchmark(benchmark)[0] for benchmark in planned.config.evaluation.benchmarks]
        if key not in keys:
            raise ConfigError(f"condition {planned.condition}: {key} is not one of its benchmarks ({', '.join(keys)})")
    return key


def _axis(text: str) -> tuple[str, list[str]]:
    key, equals, values = text.partition("=")
    points = [value.strip() for value in _GRID_VALUE.findall(values)]
    if not equals or not key.strip() or not points or not all(points):
        raise ConfigError(f"--grid {text!r}: expected key=value,value")
    if len(set(points)) != len(points):
        raise ConfigError(f"--grid {text!r}: the same value twice")
    return key.strip(), points


def _check_seeds(seeds: Sequence[int], label: str) -> None:
    if len(set(seeds)) != len(seeds):
        raise ConfigError(f"{label}: the same seed twice")


def _in_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-")


def _runs_of(home: Path, study: str) -> list[tuple[RunFolder, RunConfig, str]]:
    """Runs of the study that did not fail, finished ones first."""
    runs = []
    for folder in list_runs(home):
        try:
            config = read_spec(folder).config
        except RunError:
            continue  # of another release, or damaged
        if config.study == study:
            state = status_of(RunReader(folder)).state
            if state != "failed":
                runs.append((folder, config, state))
    return sorted(runs, key=lambda item: item[2] != "finished")


def _distinct_data(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """One config for every set of files: each is read once, which takes seconds."""
    return list({msgspec.json.encode((config.sources, config.evaluation)): config for config in configs}.values())
