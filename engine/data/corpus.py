"""A parallel corpus: groups of question-passage pairs that are translations of each other.

Shapes: G groups, L languages, R rows (one row = one group in one language), K hard negatives of all rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.config import ConfigError
from engine.data.digest import ContentDigest


@dataclass(frozen=True, slots=True)
class HardNegatives:
    """Passages that look like answers to a question and are none, in the language of their row's passage.

    Row r has those from ``starts[r]`` to ``starts[r + 1]``; it may have none.
    """

    texts: Sequence[str]  # K
    starts: npt.NDArray[np.int64]  # [R + 1]
    ids: Sequence[str] | None = None  # K, as passage ids; None: known by their texts only


@dataclass(frozen=True, slots=True)
class ParallelCorpus:
    """One training source; columns are lists in memory or memory-mapped Arrow columns.

    ``row_of[g, l]`` is the row of group g in language l, or -1 where the group lacks that language.
    Rows of one group share ``cluster``: what groups have in common beyond translation (an article,
    a territory), the unit that statistics resample.
    """

    name: str
    languages: tuple[str, ...]  # L, sorted
    groups: Sequence[str]  # G ids
    clusters: Sequence[str]  # G
    row_of: npt.NDArray[np.int64]  # [G, L]
    questions: Sequence[str]  # R
    passages: Sequence[str]  # R
    passage_ids: Sequence[str]  # R; "LANGUAGE:p:..."
    contexts: Sequence[str] | None = None  # R; second half of the encoded pair (sentence+context)
    negatives: HardNegatives | None = None
    weight: float = 1.0
    digest: str | None = None  # corpus_digest of it, where the loader knows; None: still to be computed

    def __len__(self) -> int:
        """Number of groups."""
        return len(self.groups)


@dataclass(frozen=True, slots=True)
class CorpusRows:
    """The columns of a parallel corpus, one entry a row, in the order of the source."""

    groups: Sequence[str]
    languages: Sequence[str]
    questions: Sequence[str]
    passages: Sequence[str]
    passage_ids: Sequence[str]
    clusters: Sequence[str]
    contexts: Sequence[str] | None = None
    negatives: Sequence[Sequence[str]] | None = None  # hard negatives of each row
    negative_ids: Sequence[Sequence[str]] | None = None  # as many


def build_corpus(
    name: str, rows: CorpusRows, locate: Callable[[int], str] = "row {}".format, weight: float = 1.0
) -> ParallelCorpus:
    """Groups in ascending order of id; rows stay where they are.

    ``locate`` names a row for error messages ("FILE:LINE").

    Raises:
        ConfigError: a group has a language twice, or rows of one group differ in cluster.
    """
    languages = tuple(sorted(set(rows.languages)))
    groups = sorted(set(rows.groups))
    group_index = {group: index for index, group in enumerate(groups)}
    language_index = {language: index for index, language in enumerate(languages)}
    row_of = np.full((len(groups), len(languages)), -1, dtype=np.int64)
    clusters: list[str | None] = [None] * len(groups)
    for row, (group, language, cluster) in enumerate(zip(rows.groups, rows.languages, rows.clusters, strict=True)):
        index, column = group_index[group], language_index[language]
        if row_of[index, column] >= 0:
            first = locate(int(row_of[index, column]))
            raise ConfigError(f"{locate(row)}: group: {group!r} already has language {language!r} ({first})")
        row_of[index, column] = row
        if clusters[index] is None:
            clusters[index] = cluster
        elif clusters[index] != cluster:
            raise ConfigError(
                f"{locate(row)}: cluster: expected {clusters[index]!r} as in the other languages of group {group!r}"
            )
    return ParallelCorpus(
        name=name,
        languages=languages,
        groups=groups,
        clusters=[cluster for cluster in clusters if cluster is not None],
        row_of=row_of,
        questions=rows.questions,
        passages=rows.passages,
        passage_ids=rows.passage_ids,
        contexts=rows.contexts,
        negatives=_hard_negatives(rows),
        weight=weight,
    )


def _hard_negatives(rows: CorpusRows) -> HardNegatives | None:
    if rows.negatives is None:
        return None
    starts = np.cumsum([0, *map(len, rows.negatives)], dtype=np.int64)
    ids = None if rows.negative_ids is None else [id for of_row in rows.negative_ids for id in of_row]
    return HardNegatives([text for of_row in rows.negatives for text in of_row], starts, ids)


def corpus_digest(corpus: ParallelCorpus) -> str:
    """Over languages, rows, texts, ids and hard negatives; not over name and weight, group and cluster."""
    digest = ContentDigest("\0".join(corpus.languages))
    digest.add_array(corpus.row_of)
    for column in (corpus.questions, corpus.passages, corpus.passage_ids, corpus.contexts):
        digest.add_column(column)
    if corpus.negatives is not None:
        digest.add_column(corpus.negatives.texts)
        digest.add_column(corpus.negatives.ids)
        digest.add_array(corpus.negatives.starts)
    return digest.hexdigest()


def select_languages(wanted: Sequence[str], available: Iterable[str], label: str) -> tuple[str, ...]:
    """``wanted`` in sorted order, or all that are available when it is empty.

    Raises:
        ConfigError: one of them is not available; ``label`` names the source.
    """
    names = sorted(set(available))
    for language in wanted:
        if language not in names:
            raise ConfigError(f"{label}: languages: unknown language {language!r}, expected {', '.join(names)}")
    return tuple(sorted(set(wanted))) or tuple(names)
