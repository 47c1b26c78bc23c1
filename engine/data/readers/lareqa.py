"""LAReQA's data sets (arXiv 2004.05484): SQuAD v1.1 JSON, one ``LANGUAGE.json`` a language, with sentence boundaries.

Each paragraph also has ``sentence_breaks`` ([start, end] offsets into ``context``) and ``sentences``. Every sentence of
every paragraph is a candidate, named by language and position (``de:p:0012.0003.0001`` = article, paragraph, sentence,
each from 0), so equal sentences at different places stay apart. A sentence answers a question when
``start <= answer_start < end``. Questions are translations of each other when their ids are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from engine.config import ConfigError
from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.data.corpus import CorpusRows, ParallelCorpus, build_corpus, select_languages
from engine.data.lines import json_file, visible_files

CandidateUnit = Literal["sentence", "sentence+context"]
PassageUnit = Literal["sentence", "sentence+context", "paragraph"]


class _Answer(msgspec.Struct, frozen=True):
    answer_start: int


class _Question(msgspec.Struct, frozen=True):
    id: str
    question: str
    answers: list[_Answer]


class _Paragraph(msgspec.Struct, frozen=True):
    context: str
    qas: list[_Question]
    sentence_breaks: list[tuple[int, int]]
    sentences: list[str]


class _Article(msgspec.Struct, frozen=True):
    paragraphs: list[_Paragraph]


Articles = Mapping[int, _Article]  # position in the file -> article


class _File(msgspec.Struct, frozen=True):
    data: list[_Article]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question in one language, with the positions of its answer sentences (article, paragraph, sentence)."""

    id: str
    language: str
    text: str
    answers: tuple[tuple[int, int, int], ...]


def select_articles(selection: str | None, count: int) -> range | list[int]:
    """Positions that a selection such as "0:32", "2::3" or "!2::3" (all but every third) picks out of ``count``."""
    if selection is None:
        return range(count)
    start, stop, step = ([int(part) if part else None for part in selection.removeprefix("!").split(":")] + [None])[:3]
    picked = range(count)[slice(start, stop, step)]
    return [position for position in range(count) if position not in picked] if selection.startswith("!") else picked


def with_reference(languages: Sequence[str], available: Iterable[str]) -> list[str]:
    """``languages``, and first of all the one that articles are counted by: English, else the first there is."""
    available = sorted(available)
    reference = "en" if "en" in available else available[0]
    return [reference, *(language for language in languages if language != reference)]


def check_selection(selection: str, files: Iterable[tuple[Path, Sequence[Iterable[str]]]]) -> None:
    """``files``: each with the ids of the questions in each of its articles.

    Raises:
        ConfigError: the selection takes a question in one file and not in another, so that what one part of the
            articles trains on, the other part evaluates on. Positions select; questions are what languages share.
    """
    seen: dict[str, tuple[bool, Path]] = {}
    for path, articles in files:
        picked = set(select_articles(selection, len(articles)))
        for position, ids in enumerate(articles):
            taken = position in picked
            for id in ids:
                before, where = seen.setdefault(id, (taken, path))
                if before is not taken:
                    raise ConfigError(
                        f"{path}: articles: {selection} {'takes' if taken else 'leaves out'} data[{position}] with the "
                        f"question {id!r}, unlike {where.name}: expected the same articles in all languages"
                    )


def lareqa_benchmark(
    key: str,
    folder: Path,
    languages: Sequence[str] = (),
    unit: CandidateUnit = "sentence",
    articles: str | None = None,
) -> Benchmark:
    """Questions and candidates of ``languages`` (empty: all files in the folder) in the selected ``articles``.

    Raises:
        ConfigError: a missing language, a malformed file, a selection without questions, or one that takes a question
            in one language and not in another.
    """
    files = _load(folder, languages, articles)
    candidates = [
        Candidate(
            _passage_id(language, article, paragraph, sentence),
            language,
            text,
            context=entry.context if unit == "sentence+context" else None,
        )
        for language, entries in files.items()
        for article, paragraph, entry in _paragraphs(entries)
        for sentence, text in enumerate(entry.sentences)
    ]
    asked = _all_asked(folder, files, articles)
    relevant: dict[str, dict[str, int]] = {}
    for question in asked:
        for position in question.answers:
            relevant.setdefault(question.id, {})[_passage_id(question.language, *position)] = 1
    clusters = _clusters(asked)
    return build_benchmark(
        key,
        (
            Query(
                f"{question.language}:q:{question.id}",
                question.language,
                question.text,
                question.id,
                clusters[question.id],
                relevant[question.id],
            )
            for question in asked
        ),
        candidates,
        unit=unit,
        pool=f"all {len(candidates):,} sentences of {'all' if articles is None else f'the {articles}'} articles in"
        f" {len(files)} languages",
    )


def lareqa_corpus(
    folder: Path,
    languages: Sequence[str] = (),
    unit: PassageUnit = "sentence",
    articles: str | None = None,
    weight: float = 1.0,
) -> ParallelCorpus:
    """Question-answer pairs for training; a question with several answers is paired with the first.

    Raises:
        ConfigError: a missing language, a malformed file, a selection of articles without questions, or one that takes
            a question in one language and not in another.
    """
    files = _load(folder, languages, articles)
    asked = _all_asked(folder, files, articles)
    paragraphs = [
        files[question.language][question.answers[0][0]].paragraphs[question.answers[0][1]] for question in asked
    ]
    sentences = [
        paragraph.sentences[question.answers[0][2]] for question, paragraph in zip(asked, paragraphs, strict=True)
    ]
    contexts = [paragraph.context for paragraph in paragraphs]
    clusters = _clusters(asked)
    depth = 2 if unit == "paragraph" else 3
    rows = CorpusRows(
        groups=[question.id for question in asked],
        languages=[question.language for question in asked],
        questions=[question.text for question in asked],
        passages=contexts if unit == "paragraph" else sentences,
        passage_ids=[_passage_id(question.language, *question.answers[0][:depth]) for question in asked],
        clusters=[clusters[question.id] for question in asked],
        contexts=contexts if unit == "sentence+context" else None,
    )
    return build_corpus(str(folder), rows, weight=weight)


def _load(folder: Path, languages: Sequence[str], selection: str | None) -> dict[str, Articles]:
    available = [path.stem for path in visible_files(folder, "*.json")]
    if not available:
        raise ConfigError(f"{folder}: expected a folder of LANGUAGE.json files")
    chosen = select_languages(languages, available, str(folder))
    needed = chosen if selection is None else with_reference(chosen, available)
    whole = {language: _read(folder / f"{language}.json") for language in needed}
    if selection is not None:
        asked = {
            folder / f"{language}.json": [
                [ask.id for part in article.paragraphs for ask in part.qas] for article in articles
            ]
            for language, articles in whole.items()
        }
        check_selection(selection, asked.items())
    return {
        language: {position: whole[language][position] for position in select_articles(selection, len(whole[language]))}
        for language in chosen
    }


def _all_asked(folder: Path, files: Mapping[str, Articles], selection: str | None) -> list[_Asked]:
    asked = [question for language, articles in files.items() for question in _asked(folder, language, articles)]
    if not asked:
        raise ConfigError(f"{folder}: articles: no question in articles {selection}")
    return asked


def _read(path: Path) -> list[_Article]:
    articles = json_file(path, _File).data
    for article, paragraph, entry in _paragraphs(dict(enumerate(articles))):
        where = f"{path}: data[{article}].paragraphs[{paragraph}].sentence_breaks"
        if len(entry.sentence_breaks) != len(entry.sentences):
            raise ConfigError(f"{where}: expected one per sentence ({len(entry.sentences)})")
        for start, end in entry.sentence_breaks:
            if not 0 <= start < end <= len(entry.context):
                raise ConfigError(f"{where}: expected 0 <= start < end <= {len(entry.context)}, got [{start}, {end}]")
    return articles


def _paragraphs(articles: Articles) -> Iterator[tuple[int, int, _Paragraph]]:
    for article, entry in articles.items():
        for paragraph, content in enumerate(entry.paragraphs):
            yield article, paragraph, content


def _asked(folder: Path, language: str, articles: Articles) -> Iterator[_Asked]:
    seen: set[str] = set()
    for article, paragraph, entry in _paragraphs(articles):
        for number, question in enumerate(entry.qas):
            where = f"{folder / language}.json: data[{article}].paragraphs[{paragraph}].qas[{number}]"
            if question.id in seen:
                raise ConfigError(f"{where}.id: {question.id!r} comes twice")
            seen.add(question.id)
            if not question.answers:
                raise ConfigError(f"{where}.answers: expected at least one answer")
            sentences = tuple(_sentence_of(entry, answer.answer_start, where) for answer in question.answers)
            yield _Asked(
                question.id,
                language,
                question.question,
                tuple((article, paragraph, sentence) for sentence in sentences),
            )


def _sentence_of(paragraph: _Paragraph, answer_start: int, where: str) -> int:
    for sentence, (start, end) in enumerate(paragraph.sentence_breaks):
        # Half-open: an answer that begins where a sentence ends belongs to the next one.
        if start <= answer_start < end:
            return sentence
    raise ConfigError(f"{where}.answers: answer_start {answer_start} lies in no sentence")


def _clusters(asked: Sequence[_Asked]) -> dict[str, str]:
    """Question id -> its article: English's where the question has English, else the first language's.

    In XQuAD-R articles are the same in all languages; where they are not, one language has to decide.
    """
    clusters: dict[str, str] = {}
    for question in sorted(asked, key=lambda question: (question.language != "en", question.language)):
        clusters.setdefault(question.id, f"{question.answers[0][0]:04d}")
    return clusters


def _passage_id(language: str, *position: int) -> str:
    return f"{language}:p:" + ".".join(f"{number:04d}" for number in position)
