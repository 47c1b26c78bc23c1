"""The comparisons of a study with its baseline: one for every benchmark and suite of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.benchmark_names import is_suite, members
from engine.config import ConfigError
from engine.export.compare import CompareResult, compare_groups, compare_suite_groups
from engine.export.compare_rows import CompareRow
from engine.export.conditions import RunGroup
from engine.export.study_results import StudyResults
from engine.measures import primary_measure
from engine.runs.study_record import stated


@dataclass(frozen=True, slots=True)
class StudyComparison:
    """All conditions of a study against its baseline, on one benchmark or suite."""

    name: str  # of the benchmark or suite
    primary: str  # measure of single-language quality
    margin: float
    groups: dict[str, RunGroup]  # condition -> its runs that were measured here
    compared: CompareResult | None  # None: ``reason`` says why
    reason: str = ""

    def means(self, condition: str) -> list[CompareRow]:
        """Of one condition: means over languages, or over the data sets of the suite, the primary measure first."""
        rows = [] if self.compared is None else self.compared.rows
        return [row for row in rows if row.run == condition and row.is_mean and row.benchmark == self.name]


def compare_study(study: StudyResults, begins: Callable[[str], object] = lambda name: None) -> list[StudyComparison]:
    """In the order of the report; what is wrong with one benchmark leaves the others as they are.

    ``begins`` is told of every benchmark and suite before it is computed.
    """
    found = []
    for name in study.record.benchmarks:
        begins(name)
        try:
            found.append(_compare(study, name))
        except ConfigError as error:
            primary = stated(study.record.measures, name) or _usual_primary(study, name)
            groups = study.conditions_on(name)
            found.append(StudyComparison(name, primary, study.margin(name), groups, None, str(error)))
    return found


def mean_value(group: RunGroup, measure: str) -> float | None:
    """Over a condition's runs on one benchmark; None where one of them has no such value."""
    return _mean_of_all([result.summary.value_of(measure) for result in group.results])


def mean_over_data_sets(
    study: StudyResults, group: RunGroup, keys: Sequence[str], measure: str
) -> tuple[float | None, list[float | None]]:
    """(mean over the data sets ``keys``, each of them) of those runs of a condition that are in ``group``.

    A mean is None where one of its values is missing.
    """
    runs = [run for run in study.runs[group.name] if run.path.name in group.runs]
    values = [mean_value(RunGroup(group.name, tuple(run.results[key] for run in runs)), measure) for key in keys]
    return _mean_of_all(values), values


def _mean_of_all(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _compare(study: StudyResults, name: str) -> StudyComparison:
    primary, margin, groups = study.primary(name), study.margin(name), study.conditions_on(name)
    baseline = groups.get(study.record.baseline)
    if baseline is None:
        reason = f"the baseline {study.record.baseline} was not measured on {name} yet"
        return StudyComparison(name, primary, margin, groups, None, reason)
    of_suite = is_suite(name)
    compared = (
        compare_suite_groups(study.suite(name), list(groups.values()), baseline, margin, primary=primary)
        if of_suite
        else compare_groups(study.benchmark(name), list(groups.values()), baseline, margin, primary=primary)
    )
    return StudyComparison(name, primary, margin, groups, compared)


def _usual_primary(study: StudyResults, name: str) -> str:
    """Of a benchmark whose results could not be read, or that has none."""
    return primary_measure(next(iter(members(name, study.keys)), name), has_parallel=True)
