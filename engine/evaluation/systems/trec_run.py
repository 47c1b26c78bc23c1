"""A TREC run over a benchmark's ids: lines "query Q0 passage rank score tag", plain or gzipped.

trec_eval's rule orders them: by descending score, then by descending passage id; the rank column is ignored. What is
not in the run was not retrieved.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.evaluation.systems.lists import RetrievedLists
from engine.progress import Counter, Tick

_GZIP = b"\x1f\x8b"
_FIELDS = 6


def read_trec_run(path: Path, benchmark: Benchmark, tick: Tick | None) -> tuple[RetrievedLists, int]:
    """(what the run retrieved, how many queries of the run the benchmark does not have).

    Args:
        tick: "reading the run" by lines; what it raises passes through.

    Raises:
        ConfigError: ``FILE:LINE: ...`` for a line of another form, a score that is no number, a passage that the
            benchmark does not have or that comes twice for a query; no query in common.
        OSError: the file cannot be read.
    """
    query_number = {id: number for number, id in enumerate(benchmark.query_ids)}
    passage_number = {id: number for number, id in enumerate(benchmark.candidate_ids)}
    retrieved: dict[int, dict[int, float]] = {}
    others: set[str] = set()
    counter = Counter(tick, "reading the run", every=1 << 16)
    for where, query, passage, score in _lines(path):
        counter.advance()
        if (asked := query_number.get(query)) is None:
            others.add(query)
            continue
        if (answered := passage_number.get(passage)) is None:
            raise ConfigError(f"{where}: {benchmark.key} has no passage {passage!r}")
        found = retrieved.setdefault(asked, {})
        if answered in found:
            raise ConfigError(f"{where}: passage {passage!r} comes twice for query {query!r}")
        found[answered] = score
    if not retrieved:
        raise ConfigError(f"{path}: none of its {len(others):,} queries is one of {benchmark.key}")
    lists = RetrievedLists(benchmark)
    for asked, found in retrieved.items():
        count = len(found)
        lists.add(asked, np.fromiter(found.keys(), np.int64, count), np.fromiter(found.values(), np.float64, count))
    return lists, len(others)


def _lines(path: Path) -> Iterator[tuple[str, str, str, float]]:
    """(FILE:LINE, query, passage, score) of every line that is not blank."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") if is_gzip else path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                fields = line.split()
                if not fields:
                    continue
                where = f"{path}:{number}"
                if len(fields) != _FIELDS:
                    raise ConfigError(f"{where}: expected 'query Q0 passage rank score tag', got {len(fields)} fields")
                yield where, fields[0], fields[2], _score(fields[4], where)
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path}:{number + 1}: not text of a TREC run: {error}") from None


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ConfigError(f"{where}: score: expected a number, got {text!r}")
    return score
