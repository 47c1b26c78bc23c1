"""One value per query, or per query and passage language, of every metric that runs are compared by.

Computed from ranks.parquet alone, so that what is compared is what was stored. A relevant passage that was not
retrieved has a null rank: it contributes 0 to shares, and its query is left out of measures of bias that are made of
ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from polars import DataFrame as Frame
    from polars import Expr

Cells = Literal["own language", "other languages", "pool"]
Wanted = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a metric averages: queries against their own language, one other language, or the pool of all."""

    cells: Cells
    wanted: Wanted  # a higher share is better, less of a measure of bias is
    value: Callable[[str], Expr]  # of one cell, from its relevant passages; the argument is "language" or "pool"
    needs: Callable[[], Expr] | None = None  # queries that have the metric at all


def _average_precision(pool: str) -> Expr:
    import polars as pl

    rank = pl.col(f"rank_{pool}")
    return (rank.rank("ordinal") / rank).fill_null(0).sum() / pl.len()


def _recall(k: int) -> Callable[[str], Expr]:
    def value(pool: str) -> Expr:
        import polars as pl

        return (pl.col(f"rank_{pool}") <= k).fill_null(False).mean()

    return value


def _ndcg_at_10(pool: str) -> Expr:
    """Linear gains discounted by log2(1 + rank), over those of the ideal ranking: trec_eval's ndcg_cut.10."""
    import polars as pl

    gain, rank = pl.col("relevance").cast(pl.Float64), pl.col(f"rank_{pool}")
    found = (gain / (rank + 1).log(2)).filter(rank <= 10).sum()
    ideal = gain.sort(descending=True).head(10) / (pl.int_range(pl.min_horizontal(pl.len(), 10)) + 2).log(2)
    return found / ideal.sum()


def _rank_distance(pool: str) -> Expr:
    import polars as pl

    rank = pl.col(f"rank_{pool}")
    return (rank.max() - rank.min()).cast(pl.Float64)


def _own_language_advantage(pool: str) -> Expr:
    import polars as pl

    log_rank = pl.col(f"mid_rank_{pool}").log(2)
    return log_rank.filter(~_is_own()).mean() - log_rank.filter(_is_own()).mean()


def _other_language_recall(pool: str) -> Expr:
    import polars as pl

    return (pl.col(f"mid_rank_{pool}") <= 10).fill_null(False).filter(~_is_own()).mean()


def _worst_rank(pool: str) -> Expr:
    import polars as pl

    return pl.max_horizontal(pl.col(f"mid_rank_{pool}").max(), pl.len())


def _is_own() -> Expr:
    import polars as pl

    return pl.col("query_language") == pl.col("passage_language")


def _several() -> Expr:
    import polars as pl

    return (pl.len() >= 2) & _all_ranked()


def _has_other() -> Expr:
    return (~_is_own()).any()


def _has_both() -> Expr:
    return _is_own().any() & _has_other() & _all_ranked()


def _all_ranked() -> Expr:
    import polars as pl

    return pl.col("rank_pool").is_not_null().all()


SETTINGS: dict[str, Setting] = {
    "map_monolingual": Setting("own language", "higher", _average_precision),
    "map_crosslingual": Setting("other languages", "higher", _average_precision),
    "map_multilingual": Setting("pool", "higher", _average_precision),
    "recall_at_1_monolingual": Setting("own language", "higher", _recall(1)),
    "recall_at_1_crosslingual": Setting("other languages", "higher", _recall(1)),
    "recall_at_10_multilingual": Setting("pool", "higher", _recall(10)),
    "ndcg_at_10": Setting("own language", "higher", _ndcg_at_10),
    "recall_at_100": Setting("own language", "higher", _recall(100)),
    "rank_distance": Setting("pool", "lower", _rank_distance, _several),
    "own_language_advantage": Setting("pool", "lower", _own_language_advantage, _has_both),
    "other_language_recall_at_10": Setting("pool", "higher", _other_language_recall, _has_other),
    "worst_relevant_rank": Setting("pool", "lower", _worst_rank, _all_ranked),
}


def query_values(ranks: Frame, metric: str) -> Frame:
    """``query_id, cluster, query_language, passage_language, value``, in ascending order of the ids.

    passage_language is null where a query is ranked against the pool of all languages. Mid-ranks are those of stored
    counts of higher scores; results from before those were stored have the rank by id in their place.

    Raises:
        KeyError: no such metric.
    """
    return setting_values(ranks, SETTINGS[metric])


def setting_values(ranks: Frame, setting: Setting) -> Frame:
    """The same for a metric in any setting."""
    import polars as pl

    pool = "pool" if setting.cells == "pool" else "language"
    above = pl.col(f"above_{pool}") if f"above_{pool}" in ranks.columns else None
    mid_rank = pl.col(f"rank_{pool}") if above is None else 1 + above + pl.col(f"tied_{pool}") / 2
    rows = ranks.with_columns(mid_rank.cast(pl.Float64).alias(f"mid_rank_{pool}"))
    keys = ["query_id", "cluster", "query_language"]
    if setting.cells != "pool":
        rows = rows.filter(_is_own() if setting.cells == "own language" else ~_is_own())
        keys.append("passage_language")
    needed = pl.lit(True) if setting.needs is None else setting.needs()
    found = rows.group_by(keys).agg(value=setting.value(pool).cast(pl.Float64), needed=needed).filter("needed")
    if setting.cells == "pool":
        found = found.with_columns(passage_language=pl.lit(None, pl.String))
    columns = ["query_id", "cluster", "query_language", "passage_language", "value"]
    return found.select(columns).sort("query_id", "passage_language")
