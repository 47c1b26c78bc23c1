"""Belebele (arXiv 2308.16884) as one pool of languages: questions about the passages of FLORES, all of them parallel.

On the hub it is ``facebook/belebele``, a subset for each variant of FLORES with the split ``test`` (one revision has
one subset ``default`` instead, with a split for each). A local folder is a copy of it, or has just ``data/CODE.jsonl``
for the languages that are asked for. A passage is known by its ``link`` in all languages, a question by link and
``question_number``; the passage of its link answers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.benchmark_names import BELEBELE_LANGUAGES
from engine.config import ConfigError
from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.data.corpus import select_languages
from engine.data.hub_tables import hub_table, table_rows
from engine.language_codes import flores_names
from engine.progress import Counter, Tick

if TYPE_CHECKING:
    from datasets import Dataset

REPOSITORY = "facebook/belebele"
QUESTIONS, PASSAGES = 900, 488  # in each language

_COLUMNS = ("link", "question_number", "flores_passage", "question")

Key = tuple[str, str]  # link and number of a question


def belebele_benchmark(folder: Path | None, languages: Sequence[str] = (), tick: Tick | None = None) -> Benchmark:
    """Questions and passages of ``languages`` (empty: all 122), each question's passage relevant in every language.

    Raises:
        ConfigError: a language is not there, malformed, of other counts than the published ones, or not parallel.
    """
    codes = flores_names()
    chosen = select_languages(languages, BELEBELE_LANGUAGES, "belebele")
    counter = Counter(tick, f"reading {REPOSITORY}", len(chosen))
    questions: dict[str, dict[Key, str]] = {}
    passages: dict[str, dict[str, str]] = {}
    for language in chosen:
        label = f"{folder or REPOSITORY}: {codes[language]}"
        data = _table(folder, codes[language])
        questions[language], passages[language] = _read(label, table_rows(data))
        counter.advance()
    links = sorted(passages[chosen[0]])
    for language in chosen:
        if questions[language].keys() != questions[chosen[0]].keys():
            where = f"{folder or REPOSITORY}: {codes[language]}"
            raise ConfigError(f"{where}: link: other questions than in {codes[chosen[0]]}: expected translations")
    number = {link: f"{place:03d}" for place, link in enumerate(links)}
    relevant = {link: {f"{language}:p:{number[link]}": 1 for language in chosen} for link in links}
    return build_benchmark(
        "belebele",
        (
            Query(
                f"{language}:q:{number[link]}.{asked}",
                language,
                text,
                group=f"{number[link]}.{asked}",
                cluster=number[link],
                relevant=relevant[link],
            )
            for language in chosen
            for (link, asked), text in questions[language].items()
        ),
        (
            Candidate(f"{language}:p:{number[link]}", language, text)
            for language in chosen
            for link, text in passages[language].items()
        ),
        unit="passage",
        pool=(
            f"the {PASSAGES} passages of Belebele in each of {len(chosen)} languages together; mteb's "
            "BelebeleRetrieval ranks the passages of one language at a time"
        ),
    )


def _table(folder: Path | None, code: str) -> Dataset:
    try:
        return hub_table(REPOSITORY, folder, code, "test", _COLUMNS)
    except ConfigError as error:
        if "BuilderConfig" not in str(error):  # datasets' word for a subset that is not there
            raise
        return hub_table(REPOSITORY, folder, "default", code, _COLUMNS)


def _read(label: str, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> tuple[dict[Key, str], dict[str, str]]:
    """Question -> text, and link -> passage."""
    questions: dict[Key, str] = {}
    passages: dict[str, str] = {}
    for place, row in rows:
        link, text = str(row["link"]), str(row["flores_passage"])
        key = link, str(row["question_number"])
        if key in questions:
            raise ConfigError(f"{label}: row {place}: question_number: {key[1]} of {link!r} comes twice")
        if passages.setdefault(link, text) != text:
            raise ConfigError(f"{label}: row {place}: flores_passage: another text of {link!r} than before")
        if not (question := str(row["question"])).strip():
            raise ConfigError(f"{label}: row {place}: question: expected one that is not empty")
        questions[key] = question
    if (len(questions), len(passages)) != (QUESTIONS, PASSAGES):
        raise ConfigError(
            f"{label}: expected {QUESTIONS} questions about {PASSAGES} passages, found {len(questions)} about "
            f"{len(passages)}"
        )
    return questions, passages
