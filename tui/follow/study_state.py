"""A study as of one moment, made from the states of its runs: plain values, without a widget and without a disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from engine.benchmark_names import is_suite, members, parse_benchmark_key
from engine.events import EvaluationResult
from engine.measures import primary_measure
from engine.runs.folder import Spec
from engine.runs.state import EvaluationPoint, RunState
from engine.runs.study_record import Claim, StudyRecord, stated
from tui.follow.rows import RunRow
from tui.follow.study_time_left import TimeLeft, time_left
from tui.numbers import visible

PRIMARY = "primary"
SHOWN_MEASURES = (PRIMARY, "map_crosslingual", "map_multilingual", "rank_distance", "own_language_advantage")
ONE_LANGUAGE = "one language: there is no other for a ranking to prefer"
NO_PARALLEL = "a question's answers are in its own language only: there are no translations to rank"


@dataclass(frozen=True)
class Member:
    """A run of the study, with what its folder says."""

    row: RunRow
    spec: Spec
    state: RunState

    @property
    def record(self) -> StudyRecord | None:
        return self.spec.study

    @property
    def condition(self) -> str:
        """A run from before plans were recorded has it in its name."""
        if self.record is not None:
            return self.record.condition
        config = self.spec.config
        return config.name.removeprefix(f"{config.study}-")

    @property
    def benchmarks(self) -> tuple[str, ...]:
        return tuple(parse_benchmark_key(key) for key in self.spec.config.evaluation.benchmarks)


@dataclass(frozen=True)
class Result:
    """What a run says of a benchmark: at its end, or ``final`` False so far."""

    run: Path
    step: int
    final: bool
    result: EvaluationResult


@dataclass(frozen=True)
class Condition:
    """``rows`` are its runs, one a seed."""

    name: str
    label: str  # safe to show
    trained: bool
    rows: tuple[RunRow, ...]

    @property
    def finished(self) -> int:
        return sum(row.state == "finished" for row in self.rows)


@dataclass(frozen=True)
class Column:
    """A benchmark, or a suite of ``datasets`` whose mean it is."""

    key: str
    label: str  # safe to show
    measure: str  # primary
    languages: int  # 0: not known yet
    parallel: bool  # whether translations of an answer are in the pool, so that a ranking can prefer a language
    datasets: tuple[str, ...] = ()
    margin: float | None = None  # None: that of the configs

    @property
    def keys(self) -> tuple[str, ...]:
        """The benchmarks it is measured on."""
        return self.datasets or (self.key,)

    def name_of(self, measure: str) -> str:
        """The measure that is meant by one of ``SHOWN_MEASURES``."""
        return self.measure if measure == PRIMARY else measure

    def reason_against(self, measure: str) -> str:
        """Why the measure has no meaning here; empty where it has."""
        if measure == PRIMARY or not self.languages or self.parallel:
            return ""
        if self.languages == 1:
            return ONE_LANGUAGE
        return "" if measure == "map_multilingual" else NO_PARALLEL


@dataclass(frozen=True)
class Cell:
    """A condition on a benchmark by one measure."""

    value: float | None = None
    final: bool = False  # False: of runs that still go on
    seeds: int = 0  # that the value is the mean of
    of: int = 0  # seeds of the condition
    step: int | None = None  # the least that a value that is not final is of; None: of an evaluation
    difference: float | None = None  # to the baseline, both final
    reason: str = ""  # why there can be no value
    runs: tuple[Path, ...] = ()
    sampled: bool = False  # measured on a sample of the queries


@dataclass(frozen=True)
class StudyState:
    """``conditions`` with the baseline first, ``columns`` in the order of the report."""

    name: str
    baseline: str
    planned: bool  # False: from before plans were recorded; the baseline is then a guess
    conditions: tuple[Condition, ...]
    columns: tuple[Column, ...]
    results: Mapping[tuple[str, str], tuple[Result, ...]]  # (condition, benchmark)
    left: TimeLeft
    claims: tuple[Claim, ...] = ()
    claims_differ: bool = False  # runs of the study were started with other claims
    left_out: tuple[str, ...] = ()  # benchmarks that were not there, safe to show

    @property
    def rows(self) -> tuple[RunRow, ...]:
        return tuple(row for condition in self.conditions for row in condition.rows)

    @property
    def finished(self) -> frozenset[Path]:
        """The runs whose results are final."""
        return frozenset(row.folder.path for row in self.rows if row.state == "finished")

    @property
    def updated(self) -> float:
        """Unix seconds of the newest event."""
        return max((row.updated for row in self.rows), default=0.0)

    def cell(self, condition: Condition, column: Column, measure: str) -> Cell:
        """The mean over the finished seeds; before the first of them over those that go on."""
        if reason := column.reason_against(measure):
            return Cell(of=len(condition.rows), reason=reason)
        found = self._mean(condition, column, column.name_of(measure))
        if condition.name == self.baseline or not found.final:
            return found
        base = self._mean(self.conditions[0], column, column.name_of(measure))
        if found.value is None or base.value is None or not base.final:
            return found
        return replace(found, difference=found.value - base.value)

    def _mean(self, condition: Condition, column: Column, name: str) -> Cell:
        of = len(condition.rows)
        by_run = self._values(condition, column, name)
        for final in (True, False):
            chosen = {run: value for run, (is_final, _, value) in by_run.items() if is_final is final}
            if chosen:
                steps = [step for run, (_, step, _) in by_run.items() if run in chosen]
                step = min(steps) if condition.trained and not final else None
                sampled = any(
                    result.result.sampled_of is not None
                    for key in column.keys
                    for result in self.results.get((condition.name, key), ())
                    if result.run in chosen
                )
                value = fmean(chosen.values())
                return Cell(value, final, len(chosen), of, step, runs=tuple(chosen), sampled=sampled)
        reasons = [
            reason
            for key in column.keys
            for result in self.results.get((condition.name, key), ())
            if (reason := reason_missing(result.result, name))
        ]
        return Cell(of=of, reason=reasons[0] if reasons else "")

    def _values(self, condition: Condition, column: Column, name: str) -> dict[Path, tuple[bool, int, float]]:
        """(final, step, value) of every run that has all data sets of the column."""
        parts: dict[Path, list[tuple[bool, int, float]]] = {}
        for key in column.keys:
            for result in self.results.get((condition.name, key), ()):
                value = result.result.value_of(name)
                if value is not None:
                    parts.setdefault(result.run, []).append((result.final, result.step, value))
        return {
            run: (all(final for final, _, _ in found), min(step for _, step, _ in found), fmean(v for _, _, v in found))
            for run, found in parts.items()
            if len(found) == len(column.keys)
        }


def reason_missing(result: EvaluationResult, measure: str) -> str:
    """Why an evaluation has no such value; empty where it has."""
    if result.value_of(measure) is not None:
        return ""
    reason = None if result.bias is None else result.bias.not_applicable.get(measure)
    return visible(reason or "the evaluation has no such value")


def study_state(name: str, all_runs: Iterable[Member]) -> StudyState | None:
    """``name`` is safe to show. None: no run is of this study any more."""
    runs = _one_a_seed(all_runs)
    if not runs:
        return None
    records = [member.record for member in runs if member.record is not None]
    newest = records[-1] if records else None
    by_condition: dict[str, list[Member]] = {}
    for member in runs:
        by_condition.setdefault(member.condition, []).append(member)
    baseline = newest.baseline if newest is not None and newest.baseline in by_condition else _usual_baseline(runs)
    conditions = tuple(
        Condition(
            each,
            visible(each),
            any(member.row.kind == "training" for member in found),
            tuple(member.row for member in sorted(found, key=lambda member: (member.row.seed, member.row.created))),
        )
        for each, found in sorted(by_condition.items(), key=lambda item: item[0] != baseline)
    )
    results: dict[tuple[str, str], tuple[Result, ...]] = {}
    for member in runs:
        for result_key, result in _results(member):
            place = member.condition, result_key
            results[place] = (*results.get(place, ()), result)
    return StudyState(
        name=name,
        baseline=baseline,
        planned=newest is not None,
        conditions=conditions,
        columns=_columns(newest, runs, results),
        results=results,
        left=time_left([(member.row, member.spec.config, member.state, member.condition) for member in runs]),
        claims=newest.claims if newest is not None else (),
        claims_differ=len({record.claims_digest for record in records}) > 1,
        left_out=tuple(map(visible, newest.left_out)) if newest is not None else (),
    )


def _one_a_seed(all_runs: Iterable[Member]) -> list[Member]:
    """In the order in which they were started: of a condition and seed the newest that did not fail, as in reports."""
    chosen: dict[tuple[str, int], Member] = {}
    for member in sorted(all_runs, key=lambda member: (member.row.created, member.row.id)):
        place = member.condition, member.row.seed
        if place not in chosen or member.row.state != "failed" or chosen[place].row.state == "failed":
            chosen[place] = member
    return sorted(chosen.values(), key=lambda member: (member.row.created, member.row.id))


def _usual_baseline(runs: Sequence[Member]) -> str:
    """Monolingual training where there is such a condition, else the first."""
    return next((member.condition for member in runs if member.row.mode == "mono"), runs[0].condition)


def _results(member: Member) -> Iterable[tuple[str, Result]]:
    """Of each benchmark that of the step that validation chose, else the newest."""
    state = member.state
    ended = member.row.state == "finished"
    newest: dict[str, EvaluationPoint] = {}
    for point in state.evaluations:
        if ended and point.step == state.selected_step:
            continue
        newest[point.benchmark] = point
    newest |= {point.benchmark: point for point in state.evaluations if ended and point.step == state.selected_step}
    for key, point in newest.items():
        # What is not trained does not change from one benchmark to the next.
        final = ended or member.row.kind == "evaluation"
        yield key, Result(member.row.folder.path, point.step, final, point.result)


def _columns(
    record: StudyRecord | None, runs: Sequence[Member], results: Mapping[tuple[str, str], Sequence[Result]]
) -> tuple[Column, ...]:
    known = list(dict.fromkeys([*(key for member in runs for key in member.benchmarks), *(key for _, key in results)]))
    wanted = list(record.benchmarks) if record is not None and record.benchmarks else known
    kinds: dict[str, EvaluationResult] = {}
    for (_, key), found in results.items():
        kinds.setdefault(key, found[0].result)
    columns: dict[str, Column] = {}
    for key in wanted:
        datasets = tuple(members(key, known)) if is_suite(key) else ()
        for each, parts in ((key, datasets), *((dataset, ()) for dataset in datasets)):
            if each not in columns and (parts or not is_suite(each)):
                columns[each] = _column(each, parts, record, kinds)
    return tuple(columns.values())


def _column(
    key: str, datasets: tuple[str, ...], record: StudyRecord | None, kinds: Mapping[str, EvaluationResult]
) -> Column:
    found = [kinds[each] for each in datasets or (key,) if each in kinds]
    languages = max((len(result.languages) for result in found), default=0)
    parallel = any(result.metrics.get("map_crosslingual") is not None for result in found)
    measure, margin = primary_measure(key, parallel), None
    if record is not None:
        measure = stated(record.measures, key) or measure
        margin = stated(record.margins, key)
    return Column(key, visible(key), measure, languages, parallel, datasets, margin)
