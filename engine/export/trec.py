"""The ranking of the pool of all languages as trec_eval reads it: a run file and a file of relevance judgements.

trec_eval orders by descending score and breaks ties by descending id, which is this program's own rule, so it arrives
at the stored ranks. The run file holds the candidates of topk.parquet, by default the 100 best of every query. Where
that is all of them, every measure is that of the full ranking; else what ranks below counts as not retrieved:
recall_100, ndcg_cut_10 and the like are exact, ``map`` is at that cutoff and at most the full ranking's.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.evaluation.results import read_ranks, read_top_k
from engine.export.run_results import ExportError, RunResult

if TYPE_CHECKING:
    from polars import DataFrame as Frame


@dataclass(frozen=True, slots=True)
class TrecFiles:
    """Both files as text, and how far the run file goes."""

    run: str  # "query Q0 passage rank score tag"; the tag is the run's id
    qrels: str  # "query 0 passage relevance"
    cutoff: int | None  # candidates a query; None: all there are


def trec_files(result: RunResult) -> TrecFiles:
    """Run file and judgements of one evaluation.

    Raises:
        ExportError: an id holds white space, which separates the fields of these files.
        ResultError: the result folder cannot be read.
    """
    import polars as pl

    top, ranks = read_top_k(result.folder).drop_nulls("passage_id"), read_ranks(result.folder)
    run = top.select(
        "query_id", pl.lit("Q0").alias("q0"), "passage_id", "rank", "score", pl.lit(result.run).alias("tag")
    )
    qrels = ranks.select("query_id", pl.lit(0).alias("zero"), "passage_id", "relevance")
    for frame in (run, qrels):
        for column in ("query_id", "passage_id"):
            spaced = frame.filter(pl.col(column).str.contains(r"\s"))
            if len(spaced):
                raise ExportError(f"{result.run}: {column} {spaced[column][0]!r} holds white space: TREC files cannot")
    deepest = int(top["rank"].max() or 0)  # type: ignore[arg-type]
    return TrecFiles(_spaced(run), _spaced(qrels), deepest if deepest < result.summary.candidates else None)


def _spaced(frame: Frame) -> str:
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, separator=" ", quote_style="never")
    return buffer.getvalue().decode()
