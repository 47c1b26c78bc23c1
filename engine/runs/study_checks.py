"""What can be wrong with a study, beyond types: benchmarks that its runs lack, claims that nothing could judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from engine.benchmark_names import (
    benchmark_languages,
    check_folder_key,
    expand_suite,
    is_suite,
    members,
    parse_benchmark,
    parse_benchmark_key,
    with_suites,
)
from engine.config import ConfigError, RunConfig
from engine.measures import MEASURES, primary_measure
from engine.paths import expanded
from engine.runs.study_file import StudySource
from engine.runs.study_record import NEEDS_MARGIN, Claim, stated

_FITTING = {"higher": "better", "lower": "lower"}  # which way is better -> the relation that says so
_QUALITY = tuple(name for name, measure in MEASURES.items() if measure.is_metric and measure.cells == "own language")


@dataclass(frozen=True, slots=True)
class StudyBenchmarks:
    """What a study file says of benchmarks.

    Attributes:
        names: keys and suites in the order of the report; none: all of the config.
        specs: KEY or KEY=FOLDER of those to measure on, one a data set.
        left_out: optional ones whose folder is not there.
    """

    names: tuple[str, ...]
    specs: tuple[str, ...]
    left_out: tuple[str, ...]

    def added_to(self, config: RunConfig) -> RunConfig:
        """The config with those that it lacks; a folder that the study names goes before that of the config."""
        by_key = {parse_benchmark_key(spec): spec for spec in config.evaluation.benchmarks}
        for spec in self.specs:
            key = parse_benchmark_key(spec)
            if key not in by_key or "=" in spec:
                by_key[key] = spec
        return msgspec.structs.replace(
            config, evaluation=msgspec.structs.replace(config.evaluation, benchmarks=tuple(by_key.values()))
        )


def benchmarks_of(source: StudySource) -> StudyBenchmarks:
    """
    Raises:
        ConfigError: one cannot be a benchmark; names the line.
    """
    file = source.file
    if file.benchmark is not None and file.benchmarks:
        raise source.wrong("benchmark", "the old name of benchmarks, which is there too: leave one out")
    names = [parse_benchmark_key(spec) for spec in file.benchmarks]
    specs = [
        spec
        for index, written in enumerate(file.benchmarks)
        if "=" in written or not is_suite(written)
        for spec in _expanded(source, f"benchmarks[{index}]", written)
    ]
    left_out = []
    for index, written in enumerate(file.optional):
        field = f"optional[{index}]"
        name, equals, folder = written.partition("=")
        if not equals:
            raise source.wrong(field, f"{written!r}: expected KEY=FOLDER, for only a folder can be missing")
        if folder and not expanded(folder).is_dir():
            try:
                check_folder_key(name)
            except ConfigError as error:
                raise source.wrong(field, str(error)) from None
            left_out.append(name)
            continue
        specs += _expanded(source, field, written)
        if names:
            names.append(name)
    keys = [parse_benchmark_key(spec) for spec in specs]
    for field, written_names in (("benchmarks", names), ("benchmarks", keys), ("optional", [*left_out, *names])):
        twice = next((name for name in written_names if written_names.count(name) > 1), None)
        if twice is not None:
            raise source.wrong(field, f"{twice} is named twice")
    if file.benchmark is not None:
        names.append(file.benchmark)
    return StudyBenchmarks(tuple(with_suites(names)), tuple(specs), tuple(left_out))


def keys_of_report(names: Sequence[str], configs: Iterable[tuple[str, RunConfig]]) -> list[str]:
    """The keys of all benchmarks that a study's report is about.

    Args:
        names: keys and suites.
        configs: of every run, with its condition.

    Raises:
        ConfigError: a run lacks one of them, or selects its checkpoints on it; without the file's name.
    """
    first: list[str] | None = None
    for condition, config in configs:
        evaluation = config.evaluation
        present = [parse_benchmark_key(spec) for spec in evaluation.benchmarks]
        keys = []
        for name in names:
            found = members(name, present)
            if not found:
                others = ", ".join(present)
                raise ConfigError(f"condition {condition}: {name} is not one of its benchmarks ({others})")
            keys += [key for key in found if key not in keys]
        if first is not None and set(keys) != set(first):
            raise ConfigError(f"condition {condition}: its benchmarks are not those of the others ({', '.join(first)})")
        if evaluation.select == "best" and evaluation.validation in keys:
            raise ConfigError(
                f"condition {condition} selects its checkpoints on {evaluation.validation}, and there can be no "
                "verdict on that: set evaluation.validation to 'loss' or another benchmark"
            )
        first = first or keys
    return first or []


def default_names(configs: Sequence[RunConfig]) -> list[str]:
    """What a study is about whose file names no benchmarks: all that its configs share, but for the one that selects
    checkpoints.

    The one of ``evaluation.validation`` comes first.
    """
    evaluation = configs[0].evaluation
    names = [parse_benchmark_key(spec) for spec in evaluation.benchmarks]
    for config in configs[1:]:
        names = [name for name in names if name in map(parse_benchmark_key, config.evaluation.benchmarks)]
    if evaluation.select == "best" and evaluation.validation in names:
        names.remove(evaluation.validation)
        return names  # not as a suite, which might have it
    shown_first = evaluation.validation or ""
    return sorted(with_suites(names), key=lambda name: not members(name, [shown_first]))


def check_tables(source: StudySource, names: Sequence[str], keys: Sequence[str], left_out: Sequence[str]) -> None:
    """
    Raises:
        ConfigError: ``measures`` or ``margins`` is about another benchmark, or chooses no measure of quality; the data
            sets of a suite have none in common.
    """
    for table in ("measures", "margins"):
        for name in getattr(source.file, table):
            if not _is_of_study(name, names, keys, left_out):
                raise source.wrong(f"{table}.{name}", _not_of_study(name, names))
    for name in filter(is_suite, names):
        usual = {key: _usual(key) for key in members(name, keys)}
        if stated(source.file.measures, name) is None and not set.intersection(*map(set, usual.values())):
            parts = ", ".join(f"{found[0]} of {key}" for key, found in usual.items())
            raise source.wrong(
                "benchmarks",
                f"the data sets of {name} have no usual measure in common ({parts}): choose one in measures",
            )
    for name, measure in source.file.measures.items():
        if measure not in _QUALITY:
            raise source.wrong(
                f"measures.{name}", f"{measure!r}: expected single-language quality, one of {', '.join(_QUALITY)}"
            )


def check_claims(source: StudySource, names: Sequence[str], keys: Sequence[str], left_out: Sequence[str]) -> None:
    """
    Raises:
        ConfigError: a claim is about what the study does not have, or could be judged by nothing; names the line.
    """
    for index, claim in enumerate(source.file.claims):
        for field, reason in _problems_of_claim(source, claim, names, keys, left_out):
            raise source.wrong(f"claims[{index}].{field}", reason)
    if len(set(source.file.claims)) != len(source.file.claims):
        raise source.wrong("claims", "the same claim is made twice")


def _problems_of_claim(
    source: StudySource, claim: Claim, names: Sequence[str], keys: Sequence[str], left_out: Sequence[str]
) -> Iterable[tuple[str, str]]:
    conditions = [condition.name for condition in source.file.conditions]
    for field in ("condition", "against"):
        if getattr(claim, field) not in conditions:
            yield field, f"{getattr(claim, field)!r} is not one of the conditions ({', '.join(conditions)})"
    if claim.condition == claim.against:
        yield "against", f"{claim.against!r} is compared with itself"
    if not _is_of_study(claim.benchmark, names, keys, left_out):
        yield "benchmark", _not_of_study(claim.benchmark, names)
    measure = MEASURES.get(claim.measure)
    if measure is None:
        yield "measure", f"unknown measure {claim.measure!r}, expected one of {', '.join(MEASURES)}"
        return
    of_benchmark = [benchmark_languages(key) for key in members(claim.benchmark, keys)]
    if measure.needs != "nothing" and of_benchmark and all(len(languages) == 1 for languages in of_benchmark):
        yield "measure", f"{claim.measure} needs several languages, and {claim.benchmark} has one"
    if claim.relation in ("better", "lower") and claim.relation != _FITTING[measure.wanted]:
        yield (
            "relation",
            f"{claim.relation!r} does not fit {claim.measure}, of which {measure.wanted} is better: expected "
            f"{_FITTING[measure.wanted]!r}, with condition and against exchanged if need be",
        )
    if claim.relation not in NEEDS_MARGIN:
        if claim.margin is not None:
            yield "margin", f"is for {' and '.join(map(repr, NEEDS_MARGIN))}, not for {claim.relation!r}"
    elif claim.margin is None and claim.measure not in _primary(source, claim.benchmark):
        yield (
            "margin",
            f"{claim.relation!r} needs one: that of {claim.benchmark} is for {_primary(source, claim.benchmark)[0]}",
        )


def _primary(source: StudySource, benchmark: str) -> tuple[str, ...]:
    """What may be the primary measure of a benchmark; of a user's own the data decide between two."""
    chosen = stated(source.file.measures, benchmark)
    if chosen is not None:
        return (chosen,)
    return _usual(benchmark)


def _usual(benchmark: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(primary_measure(benchmark, has_parallel) for has_parallel in (True, False)))


def _is_of_study(name: str, names: Sequence[str], keys: Sequence[str], left_out: Sequence[str]) -> bool:
    return name in (*names, *left_out) or bool(members(name, keys)) or any(members(other, [name]) for other in left_out)


def _not_of_study(name: str, names: Sequence[str]) -> str:
    return f"{name} is not one of the study's benchmarks ({', '.join(names)})"


def _expanded(source: StudySource, field: str, written: str) -> tuple[str, ...]:
    try:
        specs = expand_suite(written)
        for spec in specs:
            parse_benchmark(spec)
    except ConfigError as error:
        raise source.wrong(field, str(error)) from None
    return specs
