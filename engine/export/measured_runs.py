"""What runs measured on one benchmark, query by query: what every comparison of them starts from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from engine.applicability import answered_in_several
from engine.evaluation.results import pool_of, query_values, read_ranks
from engine.export.conditions import RunGroup
from engine.export.run_results import ExportError, RunResult, only_benchmark, reason_missing
from engine.measures import HEADLINE, primary_measure

if TYPE_CHECKING:
    from polars import DataFrame as Frame

    from engine.evaluation.statistics import Comparison, Difference, Paired, SuiteComparison

_OF_PARALLEL_POOLS = "map_monolingual"  # among the headline measures it stands for single-language quality

Cell = tuple[str | None, str | None]  # query language, and passage language where it is not the pool of all


class MeasuredRuns:
    """Results of several runs on the same queries of one benchmark; files are read when a measure is asked for."""

    def __init__(self, results: Sequence[RunResult]) -> None:
        """
        Raises:
            ExportError: they are of several benchmarks, or of other questions, candidates, languages or units.
        """
        self.key = only_benchmark(results)
        self.results = {result.run: result for result in results}
        self._values: dict[str, dict[str, Frame]] = {}
        self._compared: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[list[Cell], Comparison]] = {}
        first, *others = results
        for other in others:
            if other.summary.protocol.data_digest != first.summary.protocol.data_digest:
                raise ExportError(
                    f"{first.run} and {other.run} were measured on different data of {first.benchmark}: "
                    "other questions, candidates, languages or units"
                )

    @cached_property
    def primary(self) -> str:
        """The usual measure of single-language quality on the benchmark."""
        return primary_of(next(iter(self.results.values())))

    def reason_missing(self, measure: str, *groups: RunGroup) -> str | None:
        """Why conditions cannot be compared in a measure; None: they can, unless no query has what it is about."""
        runs = [run for group in groups for run in group.runs]
        reasons = {run: reason for run in runs if (reason := reason_missing(self.results[run], measure))}
        if len(set(reasons.values())) == 1 and len(reasons) == len(runs):
            return next(iter(reasons.values()))
        return "; ".join(f"{run}: {reason}" for run, reason in reasons.items()) or None

    def values(self, measure: str) -> dict[str, Frame]:
        """Run -> its values as ``query_values`` gives them; empty frames where no query has what it is about."""
        if measure not in self._values:
            self._values[measure] = {
                run: query_values(self._ranks[run], measure, pool_of(result.folder, result.summary))
                for run, result in self.results.items()
            }
        return self._values[measure]

    def has_values(self, measure: str, *groups: RunGroup) -> bool:
        """Whether every run of the conditions has some."""
        return all(len(self.values(measure)[run]) for group in groups for run in group.runs)

    def difference(self, measure: str, group: RunGroup, reference: RunGroup) -> Difference:
        """Of the means over cells.

        Raises:
            ExportError: the two cannot be compared in this measure.
        """
        check_comparable(self, measure, group, reference)
        return self.compared(measure, group, reference)[1].macro

    def paired(self, measure: str, group: RunGroup, reference: RunGroup) -> tuple[list[Cell], Paired]:
        """Two conditions in one measure, whose strata are the cells: languages, or pairs of languages.

        Raises:
            ExportError: the runs have values of different queries.
        """
        import numpy as np
        import polars as pl

        from engine.evaluation.statistics import Condition, Paired

        values = self.values(measure)
        keys = values[group.runs[0]].drop("value")
        for run in (*group.runs, *reference.runs):
            if not values[run].drop("value").equals(keys):
                raise ExportError(f"{run} and {group.runs[0]} were not measured on the same queries")
        cells = keys.select("query_language", "passage_language").unique().sort(pl.all())
        numbered = cells.with_row_index("stratum")
        stratum = keys.join(
            numbered, on=["query_language", "passage_language"], how="left", nulls_equal=True, maintain_order="left"
        )["stratum"]

        def condition(of: RunGroup) -> Condition:
            return Condition(np.stack([values[run]["value"].to_numpy() for run in of.runs]), of.seeds)

        paired = Paired(
            condition(group),
            condition(reference),
            stratum.to_numpy().astype(np.int64),
            keys["cluster"].to_list(),
            len(cells),
        )
        return [(asked, answered) for asked, answered in cells.rows()], paired

    def compared(self, measure: str, group: RunGroup, reference: RunGroup) -> tuple[list[Cell], Comparison]:
        """The same, compared; the statistics of a pair are computed once.

        Raises:
            ExportError: as ``paired``.
        """
        from engine.evaluation.statistics import compare_paired

        key = measure, group.runs, reference.runs
        if key not in self._compared:
            cells, paired = self.paired(measure, group, reference)
            self._compared[key] = cells, compare_paired(paired)
        return self._compared[key]

    @cached_property
    def _ranks(self) -> dict[str, Frame]:
        return {run: read_ranks(result.folder) for run, result in self.results.items()}


class MeasuredSuite:
    """The same on several benchmarks, and the mean over them."""

    def __init__(self, suite: str, data_sets: Sequence[MeasuredRuns]) -> None:
        self.key = suite
        self.data_sets = data_sets
        self._compared: dict[tuple[str, tuple[str, ...], tuple[str, ...]], SuiteComparison] = {}

    @cached_property
    def primary(self) -> str:
        """
        Raises:
            ExportError: the data sets differ in it.
        """
        primaries = list(dict.fromkeys(measured.primary for measured in self.data_sets))
        if len(primaries) > 1:
            names = " or ".join(primaries)
            raise ExportError(f"the data sets of {self.key} have no usual measure in common: choose {names}")
        return primaries[0]

    def reason_missing(self, measure: str, *groups: RunGroup) -> str | None:
        """As on one benchmark."""
        reasons = {one.key: reason for one in self.data_sets if (reason := one.reason_missing(measure, *groups))}
        if len(set(reasons.values())) == 1 and len(reasons) == len(self.data_sets):
            return next(iter(reasons.values()))
        return "; ".join(f"{key}: {reason}" for key, reason in reasons.items()) or None

    def has_values(self, measure: str, *groups: RunGroup) -> bool:
        """As on one benchmark."""
        return all(one.has_values(measure, *groups) for one in self.data_sets)

    def difference(self, measure: str, group: RunGroup, reference: RunGroup) -> Difference:
        """Of the means over data sets; raises ExportError as on one benchmark."""
        check_comparable(self, measure, group, reference)
        return self.compared(measure, group, reference).mean

    def compared(self, measure: str, group: RunGroup, reference: RunGroup) -> SuiteComparison:
        """The mean, and every data set in its order.

        Raises:
            ExportError: the runs have values of different queries.
        """
        from engine.evaluation.statistics import compare_suite

        key = measure, group.runs, reference.runs
        if key not in self._compared:
            pairs = [one.paired(measure, group, reference)[1] for one in self.data_sets]
            self._compared[key] = compare_suite(pairs)
        return self._compared[key]


def check_comparable(measured: MeasuredRuns | MeasuredSuite, measure: str, *groups: RunGroup) -> None:
    """Raises ExportError with the reason where conditions cannot be compared in a measure."""
    if reason := measured.reason_missing(measure, *groups):
        raise ExportError(f"{measure} cannot be compared: {reason}")
    if not measured.has_values(measure, *groups):
        raise ExportError(f"{measured.key} has no {measure}: no query has the relevant passages it is about")


def primary_of(result: RunResult) -> str:
    """The usual measure of single-language quality on the benchmark of a result."""
    return primary_measure(result.benchmark, answered_in_several(result.summary))


def headline_measures(primary: str) -> tuple[str, ...]:
    """What a comparison without a named measure takes: the primary one, and those of other languages and of bias."""
    return (primary, *(name for name in HEADLINE if name not in (primary, _OF_PARALLEL_POOLS)))
