"""Down to single queries: the worst ones of a heatmap cell, and what was ranked for each of them.

Everything comes from the stored results: average precision and ranks from ranks.parquet, which has every relevant
passage, and the ranking from topk.parquet, which has the best candidates of the pool of all languages. So no model is
needed, and what stands below those candidates is known of relevant passages only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.evaluation.results import pool_of, query_values, read_ranks
from engine.export.run_results import ExportError, RunResult
from engine.export.texts import Texts, load_texts

if TYPE_CHECKING:
    from polars import DataFrame as Frame
    from polars import Expr

    from engine.progress import Tick

Order = Literal["worst", "lost", "gained"]
ORDERS: tuple[Order, ...] = ("worst", "lost", "gained")


class Cell(msgspec.Struct, frozen=True):
    """A cell of the heatmap; None: queries of all languages, or against the candidates of all languages."""

    query_language: str | None = None
    candidate_language: str | None = None


class QueryOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one query of a cell fares in one evaluation."""

    average_precision: float
    rank: int | None  # of the best relevant passage among the cell's candidates; None: none was retrieved
    last_rank: int | None  # of the worst; None: some were not retrieved


class QueryRow(msgspec.Struct, frozen=True, kw_only=True):
    query_id: str
    query_language: str
    text: str | None
    standing: QueryOutcome
    against: QueryOutcome | None


class WorstQueries(msgspec.Struct, frozen=True, kw_only=True):
    """Queries of a cell, those that were asked for first."""

    run: str
    step: int | None  # None: the run is an evaluation, which has no steps
    benchmark: str
    cell: Cell
    queries: int  # in the cell
    sampled_of: int | None  # the benchmark's queries are a sample of so many; None: all of them
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
    step: int | None  # None: the run is an evaluation, which has no steps
    query_id: str
    query_language: str
    text: str | None
    kept: int  # candidates from rank 1 on that are all there
    candidates: int  # in the pool
    passages: list[RankedPassage]


class QueryReport(msgspec.Struct, frozen=True, kw_only=True):
    """Queries with what was ranked for each, and by the other evaluation where there is one."""

    found: WorstQueries
    rankings: list[Ranking]  # one a row of ``found``
    against: list[Ranking]  # the same of the other evaluation, or empty


def worst_queries(
    result: RunResult, texts: Texts, cell: Cell, limit: int, against: RunResult | None = None,
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
    outcomes = _outcomes(result, cell)
    other = _outcomes(against, cell) if against is not None else None
    shared = outcomes if other is None else outcomes.join(other, on="query_id", how="left", suffix="_against")
    keys = {"worst": [pl.col("value")], "lost": [_gain(), pl.col("value")], "gained": [-_gain(), pl.col("value")]}
    by_rank = -pl.col("last_rank").fill_null(2**31 - 1).cast(pl.Int64)  # a passage that was not retrieved is the worst
    ordered = shared.sort([*keys[order], by_rank, "query_id"], nulls_last=True)
    return WorstQueries(
        run=result.run,
        step=_step(result),
        benchmark=result.benchmark,
        cell=cell,
        queries=outcomes.height,
        sampled_of=result.summary.sampled_of,
        mean_average_precision=_mean(outcomes),
        against_run=against.run if against is not None else None,
        against_step=_step(against) if against is not None else None,
        against_mean_average_precision=_mean(other) if other is not None else None,
        texts=texts.missing,
        rows=[_row(row, texts) for row in ordered.head(limit).iter_rows(named=True)],
    )


def rankings(result: RunResult, texts: Texts, query_ids: Sequence[str]) -> list[Ranking]:
    """What was ranked for each of the queries, in their order.

    Raises:
        ExportError: the benchmark has no such query.
        ResultError: the results cannot be read.
    """
    import polars as pl

    from engine.evaluation.results import TOP_K, ResultError, parquet_source

    ranks = read_ranks(result.folder).filter(pl.col("query_id").is_in(list(query_ids)))
    try:  # read in part: of a large benchmark, the file has millions of rows
        top = (
            pl.scan_parquet(parquet_source(result.folder / TOP_K), glob=False)
            .filter(pl.col("query_id").is_in(list(query_ids)) & pl.col("passage_id").is_not_null())
            .collect()
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ResultError(f"{result.folder / TOP_K}: {str(error).splitlines()[0]}") from None
    if "score" not in ranks.columns:
        ranks = ranks.with_columns(score=pl.lit(None, pl.Float32))
    exact = result.summary.protocol.cutoff is None
    ranked = []
    for query_id in query_ids:
        judged = ranks.filter(pl.col("query_id") == query_id)
        if not judged.height:
            raise ExportError(f"{result.benchmark} has no query {query_id!r}")
        candidates = top.filter(pl.col("query_id") == query_id).sort("rank")
        ranked.append(
            Ranking(
                run=result.run,
                step=_step(result),
                query_id=query_id,
                query_language=judged["query_language"][0],
                text=texts.query(query_id),
                kept=candidates.height,
                candidates=result.summary.candidates,
                passages=_passages(candidates, judged, texts, exact),
            )
        )
    return ranked


def query_report(
    result: RunResult, cell: Cell, limit: int, *, query_id: str | None = None, against: RunResult | None = None,
    order: Order = "worst", top: int = 3, tick: Tick | None = None,
) -> QueryReport:  # fmt: skip
    """The first ``limit`` queries of a cell, or the one named, each with its ``top`` best passages and the relevant
    ones of the cell.

    Raises:
        ExportError: see ``worst_queries``; or the cell has no such query.
        ResultError: the results cannot be read.
    """
    texts = load_texts(result, tick)
    if query_id is None:
        worst = worst_queries(result, texts, cell, limit, against, order)
    else:
        worst = worst_queries(result, texts, cell, 2**31, against, order)
        rows = [row for row in worst.rows if row.query_id == query_id]
        if not rows:
            raise ExportError(f"{result.benchmark} has no query {query_id!r}{_in_cell(cell)}")
        worst = msgspec.structs.replace(worst, rows=rows)
    ids = [row.query_id for row in worst.rows]

    def best(evaluation: RunResult) -> list[Ranking]:
        return [_shortened(ranking, cell, top) for ranking in rankings(evaluation, texts, ids)]

    return QueryReport(found=worst, rankings=best(result), against=best(against) if against is not None else [])


def _passages(candidates: Frame, judged: Frame, texts: Texts, exact: bool) -> list[RankedPassage]:
    import polars as pl

    grades = dict(zip(judged["passage_id"], judged["relevance"], strict=True))
    passages = []
    seen: dict[str, int] = {}  # candidates of a language so far: all of them, as long as nothing is left out
    for row in candidates.iter_rows(named=True):
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


def _outcomes(result: RunResult, cell: Cell) -> Frame:
    """``query_id, query_language, value, rank, last_rank`` of the queries of a cell.

    Raises:
        ExportError: the evaluation has no such language.
    """
    import polars as pl

    ranks = read_ranks(result.folder)
    asked, answered = cell.query_language, cell.candidate_language
    for name in (asked, answered):
        if name is not None and name not in result.summary.languages:
            languages = ", ".join(result.summary.languages)
            raise ExportError(f"{result.benchmark} has no language {name!r}, it has {languages}")
    pool, rank = pool_of(result.folder, result.summary), pl.col("rank_pool" if answered is None else "rank_language")
    if asked is not None:
        ranks = ranks.filter(pl.col("query_language") == asked)
    if answered is not None:
        ranks = ranks.filter(pl.col("passage_language") == answered)
        both = [query_values(ranks, metric, pool) for metric in ("map_monolingual", "map_crosslingual")]
        values = pl.concat([part.with_columns(pl.col("passage_language").cast(pl.String)) for part in both])
    else:  # the pool of one language is that language
        values = query_values(ranks, "map_multilingual" if len(pool.languages) > 1 else "map_monolingual", pool)
    best_and_worst = ranks.group_by("query_id").agg(
        rank=rank.min(), last_rank=pl.when(rank.is_not_null().all()).then(rank.max())
    )
    return values.select("query_id", "query_language", "value").join(best_and_worst, on="query_id").sort("query_id")


def _step(result: RunResult) -> int | None:
    return None if result.config.kind == "evaluation" else result.step


def _gain() -> Expr:
    import polars as pl

    return pl.col("value") - pl.col("value_against")


def _mean(outcomes: Frame) -> float | None:
    mean = outcomes["value"].mean()
    return float(mean) if isinstance(mean, float) else None


def _row(row: dict[str, object], texts: Texts) -> QueryRow:
    standing, against = _outcome(row, ""), _outcome(row, "_against")
    assert standing is not None
    query_id = str(row["query_id"])
    return QueryRow(
        query_id=query_id,
        query_language=str(row["query_language"]),
        text=texts.query(query_id),
        standing=standing,
        against=against,
    )


def _outcome(row: dict[str, object], suffix: str) -> QueryOutcome | None:
    value = row.get(f"value{suffix}")
    if value is None:
        return None
    named = {"average_precision": value, "rank": row[f"rank{suffix}"], "last_rank": row[f"last_rank{suffix}"]}
    return msgspec.convert(named, QueryOutcome)


def _shortened(ranking: Ranking, cell: Cell, top: int) -> Ranking:
    passages = [
        passage
        for index, passage in enumerate(ranking.passages)
        if index < top or (passage.relevance and cell.candidate_language in (None, passage.language))
    ]
    return msgspec.structs.replace(ranking, passages=passages)


def _in_cell(cell: Cell) -> str:
    asked = "" if cell.query_language is None else f" in {cell.query_language}"
    return asked if cell.candidate_language is None else f"{asked} with a relevant passage in {cell.candidate_language}"
