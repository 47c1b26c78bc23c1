"""What runs measured on one benchmark, query by query: what every comparison of them starts from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from engine.evaluation.results import query_values, read_ranks
from engine.export.conditions import RunGroup
from engine.export.run_results import ExportError, RunResult, only_benchmark, reason_missing
from engine.measures import HEADLINE, primary_measure

if TYPE_CHECKING:
    from polars import DataFrame as Frame

    from engine.evaluation.statistics import Paired

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

    def reason_missing(self, measure: str) -> str | None:
        """Why the runs cannot be compared in a measure; None: they can, unless no query has what it is about."""
        reasons = {run: reason for run, result in self.results.items() if (reason := reason_missing(result, measure))}
        if len(set(reasons.values())) == 1 and len(reasons) == len(self.results):
            return next(iter(reasons.values()))
        return "; ".join(f"{run}: {reason}" for run, reason in reasons.items()) or None

    def values(self, measure: str) -> dict[str, Frame]:
        """Run -> its values as ``query_values`` gives them; empty frames where no query has what it is about."""
        if measure not in self._values:
            self._values[measure] = {run: query_values(self._ranks[run], measure) for run in self.results}
        return self._values[measure]

    def has_values(self, measure: str) -> bool:
        """Whether every run has some."""
        return all(len(frame) for frame in self.values(measure).values())

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

    @cached_property
    def _ranks(self) -> dict[str, Frame]:
        return {run: read_ranks(result.folder) for run, result in self.results.items()}


def primary_of(result: RunResult) -> str:
    """The usual measure of single-language quality on the benchmark of a result."""
    return primary_measure(result.benchmark, result.summary.settings.get("crosslingual", 0) > 0)


def headline_measures(primary: str) -> tuple[str, ...]:
    """What a comparison without a named measure takes: the primary one, and those of other languages and of bias."""
    return (primary, *(name for name in HEADLINE if name not in (primary, _OF_PARALLEL_POOLS)))
