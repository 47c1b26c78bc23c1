"""The measures of language bias as one long table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.applicability import reasons_of
from engine.export.run_results import ExportError, RunResult, only_benchmark

if TYPE_CHECKING:
    from polars import DataFrame as Frame

# measure, query language, passage language, value, interval, null, p, queries left out, why not applicable
_Row = tuple[
    str, str | None, str | None, float | None, float | None, float | None, float | None, float | None, int | None,
    str | None,
]  # fmt: skip


def bias_table(results: Sequence[RunResult]) -> Frame:
    """One row per run, measure and languages; the mean over query languages has none of them.

    ``null`` is what a measure would be on the same rankings if languages did not matter; ``left_out`` counts queries
    that cannot have it. A measure that does not apply has no value, and ``not_applicable`` says why. Language effects
    and shares are by query and passage language, Friedman's tests by query language; "language_share_at_10" of no query
    language is the share of the pool.
    """
    import polars as pl

    only_benchmark(results)
    rows = [(result.run, *row) for result in results for row in _rows(result)]
    schema = {
        "run": pl.String,
        "measure": pl.String,
        "query_language": pl.String,
        "passage_language": pl.String,
        "value": pl.Float64,
        "interval_low": pl.Float64,
        "interval_high": pl.Float64,
        "null": pl.Float64,
        "p": pl.Float64,
        "left_out": pl.Int64,
        "not_applicable": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _rows(result: RunResult) -> Iterator[_Row]:
    summary, bias = result.summary, result.summary.bias
    reasons = reasons_of(summary)
    if bias is None and len(summary.languages) > 1:
        raise ExportError(f"{result.run}: its results have no measures of bias: evaluate it again")
    if bias is None or len(summary.languages) < 2:
        yield from (_missing(measure, reason) for measure, reason in reasons.items())
        return

    def row(
        measure: str,
        value: float | None,
        asked: str | None = None,
        answered: str | None = None,
        interval: tuple[float, float] | None = None,
        p: float | None = None,
        null: float | None = None,
        left_out: int | None = None,
    ) -> _Row:
        low, high = interval or (None, None)
        return measure, asked, answered, value, low, high, null, p, left_out, None

    if "rank_distance" not in reasons:
        yield row("rank_distance", summary.metrics.get("rank_distance"))
    for asked, distances in summary.rank_distance.items():
        yield row("rank_distance", distances.mean, asked)
    for measure, mean in bias.measures.items():
        interval = bias.intervals.get(measure)
        if measure == "own_language_advantage" and bias.own_language_advantage is not None:
            interval = bias.own_language_advantage.interval
        yield row(measure, mean, interval=interval, null=bias.nulls.get(measure), left_out=bias.left_out.get(measure))
        for asked, value in bias.by_language[measure].items():
            of_language = summary.own_language_advantage.get(asked) if measure == "own_language_advantage" else None
            yield row(measure, value, asked, interval=None if of_language is None else of_language.interval)
    if bias.language_effect is not None:
        yield row("language_effect", None, p=bias.language_effect.p)
        for asked, effects in bias.language_effect.effect.items():
            for answered, value in effects.items():
                yield row("language_effect", value, asked, answered)
    if bias.language_share_at_10:
        for answered, share in bias.pool_share.items():
            yield row("language_share_at_10", share, None, answered)
    for asked, shares in bias.language_share_at_10.items():
        for answered, share in shares.items():
            yield row("language_share_at_10", share, asked, answered)
    for asked, test in bias.friedman.items():
        yield row("friedman", test.statistic, asked, p=test.p if test.p_clusters is None else test.p_clusters)
    for measure, reason in reasons.items():
        yield _missing(measure, reason)


def _missing(measure: str, reason: str) -> _Row:
    return measure, None, None, None, None, None, None, None, None, reason
