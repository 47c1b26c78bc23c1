"""What a study says so far, for a screen, computed in a process of its own: see engine.export.background."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.benchmark_names import is_suite, members
from engine.config import ConfigError
from engine.export.background import JobProgress, run_job, send
from engine.export.compare_rows import CompareRow
from engine.export.report.answer import short_answer
from engine.export.report.claims import JudgedClaim, judge_claims
from engine.export.study_comparisons import StudyComparison, compare_study, mean_over_data_sets
from engine.export.study_results import StudyResults
from engine.measures import MEASURES
from engine.runs.folder import RunFolder
from engine.runs.study_runs import StudyRuns, group_study


class StudyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``runs`` are the run folders of one study: all that were launched, finished or not."""

    runs: tuple[str, ...]


class StudyColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark or a suite in one measure."""

    benchmark: str  # a key, or a suite
    suite: str | None  # of a data set: the suite that it stands beside
    measure: str  # a name in engine.measures
    is_primary: bool  # single-language quality; other measures of a benchmark follow it
    margin: float | None  # of non-inferiority; None: a measure of bias has none
    reason: str = ""  # why no conditions are compared in it; empty where they are


class StudyCell(msgspec.Struct, frozen=True, kw_only=True):
    """One condition in one column."""

    condition: str
    benchmark: str
    measure: str
    finished: int  # runs that were measured
    planned: int
    value: float | None  # mean over these runs
    difference: float | None  # to the baseline; None: it is the baseline, or was not compared
    interval: tuple[float, float] | None  # 95 %
    p_holm: float | None
    different: bool
    not_inferior: bool | None
    verdict: str  # empty where there is no difference
    basis: str
    reason: str = ""  # why the condition has no value here, or was not compared


class ConditionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition costs and removes, in a few words: "quality kept, bias lower"."""

    condition: str
    short: str  # empty: nothing was compared yet


class StudyOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """Everything that is known so far."""

    study: str
    baseline: str
    conditions: list[str]  # in the order of the study
    columns: list[StudyColumn]  # in the order of the study; the data sets of a suite behind their mean
    cells: list[StudyCell]  # of every condition in every column
    answers: list[ConditionAnswer]
    claims: list[JudgedClaim]
    failures: dict[str, str]  # benchmark or suite -> why it could not be compared


def main() -> int:
    """Exit status 1: the last line says why."""
    return run_job(StudyRequest, study_so_far)


def study_so_far(request: StudyRequest) -> StudyOutcome:
    """Compares what is finished, telling of its progress on stdout.

    Raises:
        ConfigError: the runs make no study; one line.
    """
    runs = group_study(RunFolder(Path(run)) for run in request.runs)
    if runs is None:
        raise ConfigError("none of the runs belongs to a study, or all failed")
    study = StudyResults(
        runs.record,
        {
            # An evaluation counts as far as it is; a training when it is finished.
            name: [run.folder.path for run in of_one if run.is_finished or run.spec.config.kind == "evaluation"]
            for name, of_one in runs.conditions.items()
        },
        [run.spec for run in runs.runs],
    )
    total = len(study.record.benchmarks) + 1
    begun: list[str] = []

    def begins(what: str) -> None:
        send(JobProgress(what=what, done=len(begun), total=total))
        begun.append(what)

    comparisons = compare_study(study, begins)
    begins("claims")
    columns = [column for compared in comparisons for column in _columns(study, compared)]
    by_name = {compared.name: compared for compared in comparisons}
    return StudyOutcome(
        study=study.record.name,
        baseline=study.record.baseline,
        conditions=list(runs.conditions),
        columns=columns,
        cells=[
            _cell(study, runs, by_name[column.suite or column.benchmark], column, condition)
            for column in columns
            for condition in runs.conditions
        ],
        answers=[
            ConditionAnswer(
                condition=condition, short=short_answer({one.name: one.means(condition) for one in comparisons})
            )
            for condition in runs.conditions
        ],
        claims=judge_claims(study),
        failures={compared.name: compared.reason for compared in comparisons if compared.reason},
    )


def _columns(study: StudyResults, compared: StudyComparison) -> Iterator[StudyColumn]:
    rows = [] if compared.compared is None else compared.compared.rows
    measured = dict.fromkeys([compared.primary, *(row.metric for row in rows)])
    for measure in measured:
        yield _column(compared, compared.name, None, measure)
    if is_suite(compared.name):
        for key in members(compared.name, study.keys):
            yield _column(compared, key, compared.name, compared.primary)


def _column(compared: StudyComparison, name: str, suite: str | None, measure: str) -> StudyColumn:
    reasons = {} if compared.compared is None else compared.compared.not_applicable
    return StudyColumn(
        benchmark=name,
        suite=suite,
        measure=measure,
        is_primary=measure == compared.primary,
        margin=compared.margin if MEASURES[measure].wanted == "higher" else None,
        reason=compared.reason or reasons.get(measure, ""),
    )


def _cell(
    study: StudyResults, runs: StudyRuns, compared: StudyComparison, column: StudyColumn, condition: str
) -> StudyCell:
    group = study.conditions_on(column.benchmark).get(condition)
    row = _row(compared, column, condition)
    planned = len(runs.conditions[condition])
    value = None
    if group is not None:
        value, _ = mean_over_data_sets(study, group, members(column.benchmark, study.keys), column.measure)
    reason = column.reason
    if group is None:
        reason = "no run is finished" if not study.runs[condition] else "not measured yet"
    elif value is None:
        reason = reason or f"it has no {column.measure}"
    return StudyCell(
        condition=condition,
        benchmark=column.benchmark,
        measure=column.measure,
        finished=0 if group is None else len(group.runs),
        planned=planned,
        value=value,
        difference=None if row is None else row.difference,
        interval=None if row is None else row.interval,
        p_holm=None if row is None else row.p_holm,
        different=row is not None and row.different,
        not_inferior=None if row is None else row.not_inferior,
        verdict="" if row is None else row.verdict,
        basis="" if row is None else row.basis,
        reason=reason,
    )


def _row(compared: StudyComparison, column: StudyColumn, condition: str) -> CompareRow | None:
    rows: Sequence[CompareRow] = [] if compared.compared is None else compared.compared.rows
    wanted = condition, column.benchmark, column.measure
    return next((row for row in rows if row.is_mean and (row.run, row.benchmark, row.metric) == wanted), None)


if __name__ == "__main__":
    sys.exit(main())
