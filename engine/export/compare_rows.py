"""The rows of a comparison: a difference with what may be said of it, adjusted for the others of its family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.measures import MEASURES

if TYPE_CHECKING:
    from engine.evaluation.statistics import Difference


_IN_RANKS = ("rank_distance", "own_language_advantage", "worst_relevant_rank")  # the other metrics are shares


class CompareRow(msgspec.Struct, frozen=True, kw_only=True):
    """One condition against the baseline in one setting, or in one of its cells. Null: too little data to say."""

    run: str
    setting: str  # a metric, with the languages of a cell, "map_crosslingual en->de", or a suite's data set
    value: float
    baseline_value: float
    difference: float
    interval: tuple[float, float] | None  # 95 %
    p_holm: float | None  # adjusted over the cells of one metric and setting, and over the runs compared
    different: bool
    not_inferior: bool | None  # null also for measures of bias, which have no margin
    verdict: str
    metric: str
    query_language: str | None  # null: the mean over languages
    passage_language: str | None  # null: the pool of all languages, or the mean
    lower_bound: float | None  # of the one-sided 95 % interval; both bounds are the ends of the 90 % interval
    p: float | None
    seed_interval: tuple[float, float] | None  # 95 %, over seeds on these queries
    basis: str  # "for these seeds", "over seeds" from five seeds on a side, or "for these models": none was trained
    clusters: int
    upper_bound: float | None = None  # of the one-sided 95 % interval on the other side
    benchmark: str = ""  # a key, or of the mean over data sets the suite

    @property
    def places(self) -> int:
        """Behind the point, where people read its numbers: four of a share, two of ranks and of doublings of them."""
        return 2 if self.metric.startswith(_IN_RANKS) else 4

    @property
    def is_mean(self) -> bool:
        """Over the languages of a benchmark, or over the data sets of a suite."""
        return self.query_language is None


def judged_rows(
    metric: str,
    benchmark: str,
    differences: Sequence[tuple[str, str | None, str | None, Difference]],
    margin: float,
) -> Iterator[CompareRow]:
    """Rows with Holm's adjustment within the means, and within the cells."""
    from engine.evaluation.statistics import holm

    adjusted: dict[int, float | None] = {}
    for is_mean in (True, False):
        family = [index for index, (_, asked, _, _) in enumerate(differences) if (asked is None) == is_mean]
        adjusted.update(zip(family, holm([differences[index][3].p for index in family]), strict=True))
    for index, (run, asked, answered, difference) in enumerate(differences):
        cell = "" if asked is None else f" {asked}" if answered is None else f" {asked}->{answered}"
        yield _row(run, metric, metric + cell, benchmark, (asked, answered), difference, adjusted[index], margin)


def data_set_rows(
    metric: str, differences: Sequence[tuple[str, str, Difference]], margin: float
) -> Iterator[CompareRow]:
    """Rows of (run, data set, difference), with Holm's adjustment over all of them."""
    from engine.evaluation.statistics import holm

    adjusted = holm([difference.p for _, _, difference in differences])
    for (run, key, difference), p in zip(differences, adjusted, strict=True):
        yield _row(run, metric, f"{metric} {key}", key, (None, None), difference, p, margin)


def _row(
    run: str,
    metric: str,
    setting: str,
    benchmark: str,
    cell: tuple[str | None, str | None],
    difference: Difference,
    p_holm: float | None,
    margin: float,
) -> CompareRow:
    from engine.evaluation.statistics import is_different, is_not_inferior, verdict

    direction = MEASURES[metric].wanted
    different = is_different(p_holm)
    not_inferior = is_not_inferior(difference, margin) if direction == "higher" else None
    return CompareRow(
        run=run,
        setting=setting,
        value=difference.value,
        baseline_value=difference.baseline_value,
        difference=difference.difference,
        interval=difference.interval,
        p_holm=p_holm,
        different=different,
        not_inferior=not_inferior,
        verdict=verdict(difference, different=different, not_inferior=not_inferior, margin=margin, wanted=direction),
        metric=metric,
        query_language=cell[0],
        passage_language=cell[1],
        lower_bound=difference.lower_bound,
        upper_bound=difference.upper_bound,
        p=difference.p,
        seed_interval=difference.seed_interval,
        basis=difference.basis,
        clusters=difference.clusters,
        benchmark=benchmark,
    )
