"""Which texts of a benchmark are looked at: some whole sets of translations, the same ones for every system.

Queries are translations of each other where they share a group. Candidates are taken for translations where they answer
one query and are the only ones to do so in their languages. In a pool that was not translated such passages only share
a question.

Shapes: U sets of translations, L languages, n texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Ints
from engine.evaluation.judgements import codes

Side = Literal["queries", "candidates"]

MOST_SETS = 1000
_MOST_TEXTS = 4000  # of all languages together: distances between all of them are computed
_FEWEST_SETS = 50  # of very many languages


@dataclass(frozen=True, slots=True)
class Translations:
    """Sets of translations, no text in two of them.

    Attributes:
        languages: those that have a text in some set, ascending.
        text: [U, L] number of the query or candidate, -1 where a set lacks the language.
        cluster: [U] number of what statistics resample.
    """

    languages: tuple[str, ...]
    text: Ints
    cluster: Ints


def sample_translations(benchmark: Benchmark, side: Side) -> Translations:
    """At most MOST_SETS sets, fewer of many languages, in an order that is a hash of benchmark and group.

    It depends on no system and no seed. Only sets of two languages or more are taken.
    """
    languages = len(benchmark.languages)
    most = max(_FEWEST_SETS, min(MOST_SETS, _MOST_TEXTS // languages))
    sets: list[Ints] = []
    clusters: list[str] = []
    used: set[int] = set()
    found = _query_sets(benchmark) if side == "queries" else _candidate_sets(benchmark)
    for row, cluster in found:
        texts = row[row >= 0].tolist()
        if len(texts) < 2 or not used.isdisjoint(texts):
            continue
        used.update(texts)
        sets.append(row)
        clusters.append(cluster)
        if len(sets) == most:
            break
    text = np.array(sets, np.int64).reshape(-1, languages)
    present = np.flatnonzero((text >= 0).any(axis=0))
    return Translations(tuple(benchmark.languages[index] for index in present), text[:, present], codes(clusters))


def _groups(benchmark: Benchmark) -> Iterator[list[int]]:
    """The queries of each group, groups in the order of their hashes."""
    members: dict[str, list[int]] = {}
    for query, group in enumerate(benchmark.query_group):
        members.setdefault(group, []).append(query)
    yield from (
        members[group]
        for group in sorted(members, key=lambda name: hashlib.sha256(f"{benchmark.key}\0{name}".encode()).digest())
    )


def _query_sets(benchmark: Benchmark) -> Iterator[tuple[Ints, str]]:
    for queries in _groups(benchmark):
        row = np.full(len(benchmark.languages), -1, np.int64)
        row[benchmark.query_language[queries[::-1]]] = queries[::-1]  # the first of a language
        yield row, benchmark.query_cluster[queries[0]]


def _candidate_sets(benchmark: Benchmark) -> Iterator[tuple[Ints, str]]:
    for queries in _groups(benchmark):
        answers = np.unique(
            np.concatenate(
                [benchmark.relevant[benchmark.offsets[query] : benchmark.offsets[query + 1]] for query in queries]
            )
        )
        language = benchmark.candidate_language[answers].astype(np.int64)
        alone = np.bincount(language, minlength=len(benchmark.languages))[language] == 1
        row = np.full(len(benchmark.languages), -1, np.int64)
        row[language[alone]] = answers[alone]
        yield row, benchmark.query_cluster[queries[0]]
