"""Down to a single query: the worst ones of a heatmap cell, and what was ranked for one of them.

Everything comes from the stored results: average precision and ranks from ranks.parquet, which has every relevant
passage, and the ranking from topk.parquet, which has the best candidates of the pool of all languages. So no model is
needed, and what stands below those candidates is known of relevant passages only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.evaluation.query_values import query_values
from engine.evaluation.results import read_ranks
from engine.export.run_results import ExportError, FoundResult
from engine.export.texts import Texts

if TYPE_CHECKING:
    from polars import DataFrame as Frame
    from polars import Expr

Order = Literal["worst", "lost", "gained"]
ORDERS: tuple[Order, ...] = ("worst", "lost", "gained")


class Cell(msgspec.Struct, frozen=True):
    """A cell of the heatmap; None: queries of all languages, or against the candidates of all languages."""

    query_language: str | None = None
    candidate_language: str | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one query of a cell fares in one evaluation."""

    average_precision: float
    rank: int | None  # of the best relevant passage among the cell's candidates; None: none was retrieved
    last_rank: int | None  # of the worst; None: some were not retrieved


class QueryRow(msgspec.Struct, frozen=True, kw_only=True):
    query_id: str
    query_language: str
    text: str | None
    standing: Standing
    against: Standing | None


class WorstQueries(msgspec.Struct, frozen=True, kw_only=True):
    """Queries of a cell, those that were asked for first."""

    run: str
    step: int
    benchmark: str
    cell: Cell
    queries: int  # in the cell
    mean_average_precision: float | None  # over all of them; None: the cell has none
    against_run: str | None
    against_step: int | None
    against_mean_average_precision: float | None
    texts: str  # why there are none, or empty
    rows: list[QueryRow]


class RankedPassage(msgspec.Struct, frozen=True, kw_only=True):
    rank: int | None  # in the pool of all languages; None: not retrieved
    rank_language: int | None  # among the candidates of its language; None: not known
    language: str
    passage_id: str
    score: float | None  # None: not kept, by results from before scores of relevant passages were
    relevance: int  # grade; 0: not relevant
    text: str | None


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluation ranked for one query: the best candidates, then the relevant ones below them."""

    run: str
    step: int
    query_id: str
    query_language: str
    text: str | None
    kept: int  # candidates from rank 1 on that are all there
    candidates: int  # in the pool
    passages: list[RankedPassage]


def worst_queries(
    result: FoundResult, texts: Texts, cell: Cell, limit: int, against: FoundResult | None = None,
    order: Order = "worst",
) -> WorstQueries:  # fmt: skip
    """``limit`` queries of a cell by ascending average precision, or by what they lost or gained ``against`` another.

    Raises:
        ExportError: no such language, nothing to compare with, or an evaluation on other data.
        ResultError: the results cannot be read.
    """
    import polars as pl

    if against is None and order != "worst":
        raise ExportError(f"order {order!r} needs an evaluation to compare with")
    if against is not None and against.summary.protocol.data_digest != result.summary.protocol.data_digest:
        raise ExportError(f"{against.run} at step {against.step:,} was evaluated on other data of {result.benchmark}")
    found = _standings(result, cell)
    other = _standings(against, cell) if against is not None else None
    shared = found if other is None else found.join(other, on="query_id", how="left", suffix="_against")
    keys = {"worst": [pl.col("value")], "lost": [_gain(), pl.col("value")], "gained": [-_gain(), pl.col("value")]}
    by_rank = -pl.col("last_rank").fill_null(2**31 - 1).cast(pl.Int64)  # a passage that was not found is the worst
    ordered = shared.sort([*keys[order], by_rank, "query_id"], nulls_last=True)
    return WorstQueries(
        run=result.run,
        step=result.step,
        benchmark=result.benchmark,
        cell=cell,
        queries=found.height,
        mean_average_precision=_mean(found),
        against_run=against.run if against is not None else None,
        against_step=against.step if against is not None else None,
        against_mean_average_precision=_mean(other) if other is not None else None,
        texts=texts.missing,
        rows=[_row(row, texts) for row in ordered.head(limit).iter_rows(named=True)],
    )


def rankings(result: FoundResult, texts: Texts, query_ids: Sequence[str]) -> list[Ranking]:
    """What was ranked for each of the queries, in their order.

    Raises:
        ExportError: the benchmark has no such query.
        ResultError: the results cannot be read.
    """
    import polars as pl

    from engine.evaluation.results import TOP_K, ResultError

    ranks = read_ranks(result.folder).filter(pl.col("query_id").is_in(list(query_ids)))
    try:  # read in part: of a large benchmark, the file has millions of rows
        top = (
            pl.scan_parquet(result.folder / TOP_K, glob=False)
            .filter(pl.col("query_id").is_in(list(query_ids)) & pl.col("passage_id").is_not_null())
            .collect()
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ResultError(f"{result.folder / TOP_K}: {str(error).splitlines()[0]}") from None
    if "score" not in ranks.columns:
        ranks = ranks.with_columns(score=pl.lit(None, pl.Float32))
    exact = result.summary.protocol.cutoff is None
    found = []
    for query_id in query_ids:
        judged = ranks.filter(pl.col("query_id") == query_id)
        if not judged.height:
            raise ExportError(f"{result.benchmark} has no query {query_id!r}")
        kept = top.filter(pl.col("query_id") == query_id).sort("rank")
        found.append(
            Ranking(
                run=result.run,
                step=result.step,
                query_id=query_id,
                query_language=judged["query_language"][0],
                text=texts.query(query_id),
                kept=kept.height,
                candidates=result.summary.candidates,
                passages=_passages(kept, judged, texts, exact),
            )
        )
    return found


def _passages(kept: Frame, judged: Frame, texts: Texts, exact: bool) -> list[RankedPassage]:
    import polars as pl

    grades = dict(zip(judged["passage_id"], judged["relevance"], strict=True))
    passages = []
    seen: dict[str, int] = {}  # candidates of a language so far: all of them, as long as nothing is left out
    for row in kept.iter_rows(named=True):
        language, passage_id = row["passage_language"], row["passage_id"]
        seen[language] = seen.get(language, 0) + 1
        passages.append(
            RankedPassage(
                rank=row["rank"],
                rank_language=seen[language] if exact else None,
                language=language,
                passage_id=passage_id,
                score=row["score"],
                relevance=grades.pop(passage_id, 0),
                text=texts.passage(passage_id),
            )
        )
    below = judged.filter(pl.col("passage_id").is_in(list(grades))).sort("rank_pool", "passage_id", nulls_last=True)
    passages += [
        RankedPassage(
            rank=row["rank_pool"],
            rank_language=row["rank_language"],
            language=row["passage_language"],
            passage_id=row["passage_id"],
            score=row["score"],
            relevance=row["relevance"],
            text=texts.passage(row["passage_id"]),
        )
        for row in below.iter_rows(named=True)
    ]
    return passages


def _standings(result: FoundResult, cell: Cell) -> Frame:
    """``query_id, query_language, value, rank, last_rank`` of the queries of a cell.

    Raises:
        ExportError: the evaluation has no such language.
    """
    import polars as pl

    ranks = read_ranks(result.folder)
    asked, answered = cell.query_language, cell.candidate_language
    for name in (asked, answered):
        if name is not None and name not in result.summary.languages:
            known = ", ".join(result.summary.languages)
            raise ExportError(f"{result.benchmark} has no language {name!r}, it has {known}")
    if asked is not None:
        ranks = ranks.filter(pl.col("query_language") == asked)
    if answered is None:
        values, rank = query_values(ranks, "map_multilingual"), pl.col("rank_pool")
    else:
        ranks, rank = ranks.filter(pl.col("passage_language") == answered), pl.col("rank_language")
        both = [query_values(ranks, metric) for metric in ("map_monolingual", "map_crosslingual")]
        values = pl.concat([part.with_columns(pl.col("passage_language").cast(pl.String)) for part in both])
    places = ranks.group_by("query_id").agg(
        rank=rank.min(), last_rank=pl.when(rank.is_not_null().all()).then(rank.max())
    )
    return values.select("query_id", "query_language", "value").join(places, on="query_id").sort("query_id")


def _gain() -> Expr:
    import polars as pl

    return pl.col("value") - pl.col("value_against")


def _mean(found: Frame) -> float | None:
    mean = found["value"].mean()
    return float(mean) if isinstance(mean, float) else None


def _row(row: dict[str, object], texts: Texts) -> QueryRow:
    standing, against = _standing(row, ""), _standing(row, "_against")
    assert standing is not None
    query_id = str(row["query_id"])
    return QueryRow(
        query_id=query_id,
        query_language=str(row["query_language"]),
        text=texts.query(query_id),
        standing=standing,
        against=against,
    )


def _standing(row: dict[str, object], suffix: str) -> Standing | None:
    value = row.get(f"value{suffix}")
    if value is None:
        return None
    named = {"average_precision": value, "rank": row[f"rank{suffix}"], "last_rank": row[f"last_rank{suffix}"]}
    return msgspec.convert(named, Standing)
