"""The result folder of one evaluation: ranks.parquet, topk.parquet and summary.json.

Every table, figure and test is computed from these. polars is imported when a file is written or read: importing this
module costs little more than msgspec.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.config import ConfigError
from engine.evaluation.summary import Summary
from engine.files import write_folder

if TYPE_CHECKING:
    import polars as pl

    from engine.evaluation.benchmarking import Evaluation

RANKS, TOP_K, SUMMARY = "ranks.parquet", "topk.parquet", "summary.json"

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
    """Reads ``folder/summary.json``.

    Raises:
        ResultError: it is missing or not what this program writes.
    """
    path = folder / SUMMARY
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise ResultError(f"{path}: {error}") from None


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
    """ranks.parquet; a null rank means "not retrieved", which a full ranking never has.

    "pool" columns count over all candidates, "language" columns over those of the passage's language: ``tied`` is the
    number of other candidates with an equal score, ``above`` that with a higher one. So the mid-rank under ties is
    ``1 + above + tied / 2``, and ``1 + above`` and ``1 + above + tied`` bound the rank whatever the order of ties.
    ``score`` is the passage's own: of relevant passages below the 100 best, topk.parquet does not tell it.
    """
    import polars as pl

    from engine.data.store.tables import take
    from engine.evaluation.tally import NOT_RETRIEVED

    benchmark, ranks = evaluation.benchmark, evaluation.ranks
    names = pl.Series(benchmark.languages)
    columns = ("rank_pool", "rank_language", "tied_pool", "tied_language", "above_pool", "above_language")

    def of_query(values: Sequence[str]) -> pl.Series:
        return pl.Series(list(values)).gather(ranks.query)

    return pl.DataFrame(
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


def top_k_table(evaluation: Evaluation) -> pl.DataFrame:
    """topk.parquet."""
    import numpy as np
    import polars as pl

    from engine.data.store.tables import take

    benchmark, top = evaluation.benchmark, evaluation.top
    queries, k = top.passage.shape
    passages = top.passage.ravel()
    return pl.DataFrame(
        {
            "query_id": pl.Series(list(benchmark.query_ids)).gather(np.repeat(np.arange(queries), k)),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), queries),
            "passage_id": take(benchmark.candidate_ids, passages),
            "passage_language": pl.Series(benchmark.languages).gather(benchmark.candidate_language[passages]),
            "score": top.score.ravel(),
        }
    )


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ResultError(f"{path}: {str(error).splitlines()[0]}") from None
