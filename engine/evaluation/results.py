"""What an evaluation leaves behind: summary.json, ranks.parquet and topk.parquet in a folder, written and read here.

Every table, figure and test is computed from these. polars and numpy are imported when a table is written or read:
importing this module costs little more than msgspec.

Shapes: J judgements.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.applicability import answered_in_several, applicable, inapplicable, without
from engine.config import ConfigError
from engine.data.task_source import TaskSource
from engine.events import EvaluationResult
from engine.files import write_folder
from engine.measures import MEASURES, Measure
from engine.runs.text import writable

if TYPE_CHECKING:
    import polars as pl

    from engine.data.benchmark import AbsentPassages, Benchmark
    from engine.evaluation.judgements import Judgements
    from engine.evaluation.ranks import Ranks, TopK

RANKS, TOP_K, SUMMARY = "ranks.parquet", "topk.parquet", "summary.json"

TIE_RULE = "equal scores rank by descending passage id (trec_eval)"
SCORE = "dot product of L2-normalised vectors, float32"
DOT_SCORE = "dot product of the vectors as they are, float32"
ROUNDED = "of vectors rounded to float16"  # behind one of them


class DebiasProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """A correction of vectors after encoding, see ``engine.evaluation.debias``."""

    method: str  # "centre", "shift" or "lir"
    formula: str  # in words
    rank: int | None = None  # of lir
    alpha: float | None = None  # of shift
    pivot: str | None = None  # of shift
    sources: list[str]  # what it was estimated on
    pairs: dict[str, int]  # of each language
    uncorrected: list[str] = []  # languages whose vectors stay as they are for want of pairs
    digest: str  # SHA-256 of what is taken away


class EncodingProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """How the texts became vectors. Empty or null where a result is from before this was recorded, or of a system that
    is no encoder and has nothing of the kind."""

    system: str = ""  # what was measured, where it is no encoder
    pooling: str
    query_prefix: str
    passage_prefix: str
    max_query_tokens: int | None  # special tokens included; None: no limit
    max_passage_tokens: int | None
    include_prompt: bool | None = None  # whether tokens of the prefix are pooled too
    lower_case: bool | None = None
    similarity: str = "cosine"
    truncate_dim: int | None = None  # only the first so many dimensions; None: all
    origins: dict[str, str] = {}  # who set each of the above: "config", "model" or "default"
    modules: str = ""  # from text to vector, in words
    revision: str | None = None  # the commit of a model of the hub
    precision: str = ""  # of matrix products: float32, tf32, bfloat16 or float16
    tf32: bool | None = None  # whether float32 products on CUDA ran in TF32; None: not on CUDA
    attention: str = ""  # how sequences are laid out and which kernel computes them
    truncated_queries: int  # distinct texts that were longer
    truncated_passages: int
    model_digest: str
    tokenizer_digest: str
    debias: DebiasProtocol | None = None  # what was done to the vectors; None: nothing


class EvaluationProtocol(EncodingProtocol, frozen=True, kw_only=True):
    """Everything a reader must know to compare a number with another."""

    unit: str  # what a candidate is
    pool: str  # what the pool holds
    data_digest: str
    tie_rule: str = TIE_RULE
    ties: int  # relevant passages whose score another candidate shares
    score: str = SCORE
    cutoff: int | None = None  # candidates that a query retrieved at most; None: the full ranking
    unretrieved: int = 0  # relevant passages of the pool that have no rank, and count as not found
    absent: int = 0  # judgements of relevant passages that are not in the pool, and count as not found
    task: TaskSource | None = None  # of mteb; None: the benchmark is none of its tasks
    averaging: str = "metrics and matrix: mean over queries, then over languages; micro: over queries"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics if tied candidates stood in the best, or in the worst, order."""

    optimistic: dict[str, float | None]
    pessimistic: dict[str, float | None]


class Summary(EvaluationResult, frozen=True, kw_only=True):
    """An evaluation's result, with what is too much for an event."""

    benchmark: str
    micro: dict[str, float | None]
    bounds: Bounds
    protocol: EvaluationProtocol


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Ranks, and what was computed from them."""

    benchmark: Benchmark
    ranks: Ranks
    top: TopK
    summary: Summary

    @property
    def result(self) -> EvaluationResult:
        """The part of the summary that travels in ``eval.finished``."""
        names = EvaluationResult.__struct_fields__
        return EvaluationResult(**{name: getattr(self.summary, name) for name in names})


_JSON = msgspec.json.Encoder(order="sorted")


class ResultError(ConfigError):
    """A result folder that cannot be read; the message is one line, ready to print."""


def write_results(evaluation: Evaluation, folder: Path) -> None:
    """Writes the folder, whole or not at all; an older one of that name is replaced.

    Raises:
        OSError: no space, or no permission; the older folder is untouched.
    """

    def fill(new: Path) -> None:
        ranks_table(evaluation).write_parquet(new / RANKS)
        top_k_table(evaluation).write_parquet(new / TOP_K)
        (new / SUMMARY).write_bytes(msgspec.json.format(_JSON.encode(evaluation.summary), indent=1) + b"\n")

    write_folder(folder, fill)


def read_summary(folder: Path) -> Summary:
    """Reads ``folder/summary.json``, without measures that mean nothing on its benchmark: older results have some.

    Raises:
        ResultError: it is missing or not what this program writes.
    """
    path = folder / SUMMARY
    try:
        return _applicable(msgspec.json.decode(path.read_bytes(), type=Summary))
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise ResultError(f"{path}: {error}") from None


def _applicable(summary: Summary) -> Summary:
    reasons = inapplicable(len(summary.languages), answered_in_several=answered_in_several(summary))
    if not reasons:
        return summary
    bounds = summary.bounds
    return msgspec.structs.replace(
        applicable(summary),
        micro=without(summary.micro, reasons),
        bounds=Bounds(optimistic=without(bounds.optimistic, reasons), pessimistic=without(bounds.pessimistic, reasons)),
    )


def read_ranks(folder: Path) -> pl.DataFrame:
    """One row per (query, relevant candidate).

    Raises:
        ResultError: the file is missing or damaged.
    """
    return _read_parquet(folder / RANKS)


def read_top_k(folder: Path) -> pl.DataFrame:
    """The 100 best candidates of every query, best first.

    Raises:
        ResultError: the file is missing or damaged.
    """
    return _read_parquet(folder / TOP_K)


def ranks_table(evaluation: Evaluation) -> pl.DataFrame:
    """ranks.parquet; a null rank means "not retrieved": of a full ranking only passages that are not in the pool.

    "pool" columns count over all candidates, "language" columns over those of the passage's language: ``tied`` is the
    number of other candidates with an equal score, ``above`` that with a higher one. So the mid-rank under ties is
    ``1 + above + tied / 2``, and ``1 + above`` and ``1 + above + tied`` bound the rank whatever the order of ties.
    ``score`` is the passage's own: of relevant passages below the 100 best, topk.parquet does not tell it.
    """
    import polars as pl

    from engine.data.store.tables import take
    from engine.evaluation.ranks import NOT_RETRIEVED

    benchmark, ranks = evaluation.benchmark, evaluation.ranks
    names = pl.Series(benchmark.languages)
    columns = ("rank_pool", "rank_language", "tied_pool", "tied_language", "above_pool", "above_language")

    def of_query(values: Sequence[str]) -> pl.Series:
        return pl.Series(list(values)).gather(ranks.query)

    table = pl.DataFrame(
        {
            "query_id": of_query(benchmark.query_ids),
            "group": of_query(benchmark.query_group),
            "cluster": of_query(benchmark.query_cluster),
            "query_language": names.gather(benchmark.query_language[ranks.query]),
            "passage_id": take(benchmark.candidate_ids, ranks.passage),
            "passage_language": names.gather(benchmark.candidate_language[ranks.passage]),
            "relevance": benchmark.grades,
            **{name: pl.Series(getattr(ranks, name), dtype=pl.Int32) for name in columns},
        }
    ).with_columns(
        pl.col(columns).replace(NOT_RETRIEVED, None),
        score=pl.when(pl.Series(ranks.rank_pool != NOT_RETRIEVED)).then(pl.Series(ranks.score, dtype=pl.Float32)),
    )
    return table if benchmark.absent is None else _with_absent(table, benchmark, benchmark.absent)


def _with_absent(table: pl.DataFrame, benchmark: Benchmark, absent: AbsentPassages) -> pl.DataFrame:
    """Behind the other rows of each query; the passages have the language of their query."""
    import polars as pl

    def of_query(values: Sequence[str]) -> pl.Series:
        return pl.Series(list(values)).gather(absent.query)

    language = pl.Series(benchmark.languages).gather(benchmark.query_language[absent.query])
    rows = pl.DataFrame(
        {
            "query_id": of_query(benchmark.query_ids),
            "group": of_query(benchmark.query_group),
            "cluster": of_query(benchmark.query_cluster),
            "query_language": language,
            "passage_id": list(absent.ids),
            "passage_language": language,
            "relevance": absent.grades,
        },
        schema_overrides={"relevance": table.schema["relevance"]},
    )
    return pl.concat([table, rows], how="diagonal").sort("query_id", maintain_order=True)


def top_k_table(evaluation: Evaluation) -> pl.DataFrame:
    """topk.parquet."""
    import numpy as np
    import polars as pl

    from engine.data.store.tables import take

    benchmark, top = evaluation.benchmark, evaluation.top
    query, place = np.nonzero(top.passage >= 0)
    passages = top.passage[query, place]
    return pl.DataFrame(
        {
            "query_id": pl.Series(list(benchmark.query_ids)).gather(query),
            "rank": (place + 1).astype(np.int32),
            "passage_id": take(benchmark.candidate_ids, passages),
            "passage_language": pl.Series(benchmark.languages).gather(benchmark.candidate_language[passages]),
            "score": top.score[query, place],
        }
    )


@dataclass(frozen=True, slots=True)
class Pool:
    """What ranks.parquet does not tell of an evaluation."""

    languages: tuple[str, ...]  # of the benchmark
    candidates: int
    folder: Path  # of the results, where topk.parquet has the first passage of every query


def pool_of(folder: Path, summary: Summary) -> Pool:
    """That of the results in ``folder``."""
    return Pool(tuple(summary.languages), summary.candidates, folder)


def query_values(ranks: pl.DataFrame, measure: Measure | str, pool: Pool | None = None) -> pl.DataFrame:
    """``query_id, cluster, query_language, passage_language, value`` from ranks.parquet, in ascending order of the ids.

    passage_language is null where a query is ranked against the pool of all languages. A relevant passage that was not
    retrieved has a null rank: it contributes 0 to shares, and its query is left out of measures that are made of ranks.
    There are no rows where the measure means nothing on the benchmark.

    Args:
        ranks: as ``read_ranks`` gives them, or some of the rows.
        measure: a name in ``measures.MEASURES``, or a measure.
        pool: of the same results. Without it the languages are those of queries and relevant passages, and there are
            no values of measures that need the size of the pool or the first passages.

    Raises:
        KeyError: no such measure.
        ResultError: the measure is about first passages, and topk.parquet is missing or damaged.
    """
    import polars as pl

    from engine.evaluation.scores import QueryScores

    measure = MEASURES[measure] if isinstance(measure, str) else measure
    queries = ranks.unique("query_id").sort("query_id").select("query_id", "cluster", "query_language")
    judgements = _stored_judgements(ranks, queries, pool, with_first=measure.formula == "first passage")
    scores = QueryScores(judgements).of(measure)
    answered = [None] * len(scores.value) if scores.language is None else scores.language
    return queries[scores.query].with_columns(
        passage_language=pl.Series(judgements.languages, dtype=pl.String).gather(pl.Series(answered, dtype=pl.Int64)),
        value=pl.Series(scores.value, dtype=pl.Float64),
    )


def _stored_judgements(
    ranks: pl.DataFrame, queries: pl.DataFrame, pool: Pool | None, *, with_first: bool
) -> Judgements:
    """The rows of ranks.parquet [J], whose queries are numbered as in ``queries``.

    Mid-ranks are those of stored counts of higher scores; results from before those were stored have the rank by id in
    their place.
    """
    import numpy as np
    import polars as pl

    from engine.evaluation.judgements import Judgements, codes
    from engine.evaluation.ranks import NOT_RETRIEVED

    numbered = ranks.join(
        queries.select("query_id").with_row_index("query"), on="query_id", how="left", maintain_order="left"
    ).sort("query", maintain_order=True)
    known = () if pool is None else pool.languages
    names = tuple(sorted({*queries["query_language"], *ranks["passage_language"], *known}))
    number = {name: index for index, name in enumerate(names)}

    def language(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return column.replace_strict(number, return_dtype=pl.Int64).to_numpy()

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return numbered[name].cast(pl.Int64).fill_null(NOT_RETRIEVED).to_numpy()

    first = None
    if with_first and pool is not None:
        best = queries.select("query_id").join(
            _first_passages(pool.folder), on="query_id", how="left", maintain_order="left"
        )
        first = best["passage_language"].replace_strict(number, default=-1, return_dtype=pl.Int64).to_numpy()
    ranked = {name: column(name) for name in ("rank_pool", "rank_language")}
    for against in ("pool", "language"):
        rank, has_counts = ranked[f"rank_{against}"], f"above_{against}" in ranks.columns
        ranked[f"above_{against}"] = column(f"above_{against}") if has_counts else rank - 1
        ranked[f"tied_{against}"] = column(f"tied_{against}") if has_counts else np.zeros_like(rank)
    return Judgements(
        languages=names,
        query=column("query"),
        asked=language(numbered["query_language"]),
        answered=language(numbered["passage_language"]),
        grade=column("relevance"),
        rank_pool=ranked["rank_pool"],
        rank_language=ranked["rank_language"],
        above_pool=ranked["above_pool"],
        above_language=ranked["above_language"],
        tied_pool=ranked["tied_pool"],
        tied_language=ranked["tied_language"],
        query_language=language(queries["query_language"]),
        cluster=codes(queries["cluster"].to_list()),
        group=np.arange(len(queries)),
        candidates=None if pool is None else pool.candidates,
        first_language=first,
    )


def _first_passages(folder: Path) -> pl.DataFrame:
    """``query_id, passage_language`` of every query's first passage."""
    import polars as pl

    return read_top_k(folder).filter(pl.col("rank") == 1).select("query_id", "passage_language")


def parquet_source(path: Path) -> Path | io.BytesIO:
    """What polars reads it from, which opens no file whose name is not UTF-8.

    Raises:
        OSError: it cannot be read.
    """
    return path if writable(str(path)) == str(path) else io.BytesIO(path.read_bytes())


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(parquet_source(path), glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ResultError(f"{path}: {str(error).splitlines()[0]}") from None
