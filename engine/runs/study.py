"""A study: conditions times seeds. Every config and every claim is checked before any run is launched.

A study file is TOML::

    name = "cldr-batches"
    config = "../cldr-hybrid.toml"      # relative to the study file
    seeds = [0, 1, 2]
    baseline = "mono"
    benchmarks = ["cldr", "beir/*=data/beir"]   # default: all of the config

    [[conditions]]
    name = "mono"
    set = ["batch.mode=mono"]           # as after --set

    [[conditions]]
    name = "labse"
    model = "sentence-transformers/LaBSE"       # measured as it is, and once

    [[claims]]
    sentence = "LaBSE ranks English passages better than mono"
    measure = "ndcg_at_10"
    benchmark = "beir/*"
    condition = "labse"
    against = "mono"
    relation = "better"                 # or lower, not inferior, no different

All keys are those of ``StudyFile``. A sweep is a study whose conditions are the points of a grid, without claims.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import msgspec

from engine.config import (
    ConfigError,
    EvaluationConfig,
    RunConfig,
    RuntimeConfig,
    load_config,
    split_validation_error,
)
from engine.runs.condition_key import condition_key
from engine.runs.folder import runs_home
from engine.runs.study_checks import benchmarks_of, check_claims, check_tables, default_names, keys_of_report
from engine.runs.study_file import StudyCondition, read_study_file
from engine.runs.study_record import StudyRecord, digest_of_claims
from engine.runs.weights import OF_A_RUN, weights_of_run

_SEEDS_ONLY = "seeds"  # the condition of a sweep without a grid
_GRID_VALUE = re.compile(r"""(?:\[[^\]]*\]|"[^"]*"|'[^']*'|[^,])+""")  # commas within brackets and quotes belong to it
_BM25 = "bm25"

# Of a condition: overrides of the config, and what turns the config that was read into that of the run.
_Load = Callable[[Sequence[str], Callable[[RunConfig], RunConfig]], RunConfig]


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a study."""

    condition: str
    config: RunConfig  # with its seed, its name and the study's
    record: StudyRecord  # what its spec will say of the study
    parent: str | None = None  # RUN@STEP whose weights it measures


@dataclass(frozen=True, slots=True)
class Study:
    """A study whose configs and claims have all been checked."""

    name: str
    runs: tuple[PlannedRun, ...]  # seed by seed, so that every condition has results early; what is not trained is once
    baseline: str  # a condition
    keys: tuple[str, ...]  # of the benchmarks that it is about, each data set of a suite by its own
    slow_on_cpu: str | None = None

    @property
    def benchmark(self) -> str:
        """The first of its benchmarks."""
        return self.keys[0]

    @property
    def record(self) -> StudyRecord:
        """The plan, as the first run has it."""
        return self.runs[0].record


def load_study(path: Path, overrides: Sequence[str] = (), home: Path | None = None) -> Study:
    """Reads a study file and the config it names; ``overrides`` hold for all conditions, which may set them anew.

    Args:
        home: where the runs lie that conditions name as ``run:RUN``; None: the usual place.

    Raises:
        ConfigError: one line naming file and field.
    """
    source = read_study_file(path)
    file = source.file
    names = [condition.name for condition in file.conditions]
    if len(set(names)) != len(names):
        raise source.wrong("conditions", "two have the same name")
    baseline = names[0] if file.baseline is None else file.baseline
    if baseline not in names:
        raise source.wrong("baseline", f"{baseline!r} is not one of the conditions ({', '.join(names)})")
    for index, condition in enumerate(file.conditions):
        if condition.model is not None and condition.is_trained:
            raise source.wrong(
                f"conditions[{index}].trained", 'what "model" names is measured as it is: to train it, set model.name'
            )
    if len(set(file.seeds)) != len(file.seeds):
        raise source.wrong("seeds", "the same seed twice")
    benchmarks = benchmarks_of(source)

    def load(changes: Sequence[str], adapt: Callable[[RunConfig], RunConfig]) -> RunConfig:
        return load_config(
            path.parent / file.config, changes, lambda config: adapt(benchmarks.added_to(config)), origin="set"
        )

    record = StudyRecord(
        name=file.name,
        condition="",
        baseline=baseline,
        benchmarks=(),
        measures=file.measures,
        margins=file.margins,
        claims=file.claims,
        claims_digest=digest_of_claims(file.claims) if file.claims else "",
        differs=file.differs,
        left_out=benchmarks.left_out,
    )
    try:
        runs = _plan(record, load, file.conditions, file.seeds, [*file.set, *overrides], file.name, home)
        _check_distinct(runs)
        study = _with_benchmarks(runs, benchmarks.names, file.slow_on_cpu)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    check_tables(source, study.record.benchmarks, study.keys, benchmarks.left_out)
    check_claims(source, study.record.benchmarks, study.keys, benchmarks.left_out)
    return study


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
    return sweep_of(lambda changes: load_config(config, changes), grid, seeds, overrides, name)


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
    if len(set(seeds)) != len(seeds):
        raise ConfigError("--seeds: the same seed twice")
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
    base = _base_name(load, overrides, points[0])
    record = StudyRecord(name=name or f"{base}-sweep", condition="", baseline=points[0].name, benchmarks=())
    runs = _plan(record, lambda changes, adapt: adapt(load(changes)), points, seeds, overrides, base)
    return _with_benchmarks(runs)


def _base_name(load: Callable[[Sequence[str]], RunConfig], overrides: Sequence[str], first: StudyCondition) -> str:
    """Of the config that is swept. What it lacks the grid may have: the end of a schedule, for example."""
    try:
        return load(overrides).name
    except ConfigError:
        with contextlib.suppress(ConfigError):
            return load([*overrides, *first.set]).name
        raise


def _plan(
    record: StudyRecord,
    load: _Load,
    conditions: Sequence[StudyCondition],
    seeds: Sequence[int],
    overrides: Sequence[str],
    prefix: str,
    home: Path | None = None,
) -> tuple[PlannedRun, ...]:
    runs = []
    for seed in seeds:
        for condition in conditions:
            if not condition.is_trained and seed != seeds[0]:
                continue
            try:
                system, parent = _system(condition, home)
                adapt = _unchanged if condition.is_trained else _as_evaluation
                loaded = load([*overrides, *system, *condition.set], adapt)
                named = {
                    **msgspec.to_builtins(loaded),
                    "name": f"{prefix}-{condition.name}",
                    "study": record.name,
                    "seed": seed if condition.is_trained else 0,
                }
                config = msgspec.convert(named, RunConfig)
            except msgspec.ValidationError as error:
                field, reason = split_validation_error(str(error))
                raise ConfigError(f"condition {condition.name} of {record.name}: {field}: {reason}") from None
            except ConfigError as error:
                raise ConfigError(f"condition {condition.name}: {error}") from None
            of_condition = msgspec.structs.replace(record, condition=condition.name)
            runs.append(PlannedRun(condition.name, config, of_condition, parent))
    return tuple(runs)


def _check_distinct(runs: Sequence[PlannedRun]) -> None:
    """
    Raises:
        ConfigError: two conditions would do the same, so that no report could tell their runs apart.
    """
    seen: dict[bytes, str] = {}
    for run in runs:
        same = seen.setdefault(condition_key(run.config), run.condition)
        if same != run.condition:
            raise ConfigError(f"conditions: {same} and {run.condition} have the same settings: leave one out")


def _system(condition: StudyCondition, home: Path | None) -> tuple[list[str], str | None]:
    """Overrides that name what is measured without training, and the run that it is of.

    The [model] section of the config is about another model: what is not set is then as the model itself says.
    """
    name, parent = condition.model, None
    if name is None:
        return [], None
    if name == _BM25:
        return ["model={}", f'system={{kind="{_BM25}"}}'], None
    if name.startswith(OF_A_RUN):
        _, weights, parent = weights_of_run(home or runs_home(), name.removeprefix(OF_A_RUN), OF_A_RUN)
        name = str(weights)
    return [f"model={{name={json.dumps(name, ensure_ascii=False)}}}"], parent


def _unchanged(config: RunConfig) -> RunConfig:
    return config


def _as_evaluation(config: RunConfig) -> RunConfig:
    """What measures the config's model or system as it is; settings of training are as if nobody had set them.

    A correction of its vectors (system.debias) is estimated on what the other conditions are trained on.
    """
    evaluation, runtime = config.evaluation, config.runtime
    corrects = config.system.debias != "none"
    return RunConfig(
        kind="evaluation",
        name=config.name,
        share=config.share,
        model=config.model,
        system=config.system,
        sources=tuple(source for source in config.sources if corrects and source.role == "train"),
        runtime=RuntimeConfig(
            devices=runtime.devices,
            precision=runtime.precision,
            tf32=runtime.tf32,
            deterministic=runtime.deterministic,
            threads=runtime.threads,
            layout=runtime.layout,
        ),
        evaluation=EvaluationConfig(
            benchmarks=evaluation.benchmarks,
            languages=evaluation.languages,
            max_queries=evaluation.max_queries,
            memory=evaluation.memory,
            unit=evaluation.unit,
            articles=evaluation.articles,
            drop_own_id=evaluation.drop_own_id,
            forbid_overlap=corrects and evaluation.forbid_overlap,
            margin=evaluation.margin,
        ),
        hooks=config.hooks,
        alerts=config.alerts,
    )


def _with_benchmarks(runs: Sequence[PlannedRun], names: Sequence[str] = (), slow_on_cpu: str | None = None) -> Study:
    """The study of these runs, about the benchmarks ``names``, or else about all that they have.

    Raises:
        ConfigError: a run lacks one of them, or selects its checkpoints on it.
    """
    by_training = sorted((run.config for run in runs), key=lambda config: config.kind != "training")
    names = tuple(names) or tuple(default_names(by_training))
    if not names:
        raise ConfigError(
            "evaluation.benchmarks: a study needs one to compare its conditions on, which all of them have and none "
            "selects its checkpoints by"
        )
    keys = keys_of_report(names, [(run.condition, run.config) for run in runs])
    record = runs[0].record
    with_names = [
        PlannedRun(run.condition, run.config, msgspec.structs.replace(run.record, benchmarks=names), run.parent)
        for run in runs
    ]
    return Study(record.name, tuple(with_names), record.baseline, tuple(keys), slow_on_cpu)


def _axis(text: str) -> tuple[str, list[str]]:
    key, equals, values = text.partition("=")
    points = [value.strip() for value in _GRID_VALUE.findall(values)]
    if not equals or not key.strip() or not points or not all(points):
        raise ConfigError(f"--grid {text!r}: expected key=value,value")
    if len(set(points)) != len(points):
        raise ConfigError(f"--grid {text!r}: the same value twice")
    return key.strip(), points


def _in_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-")
