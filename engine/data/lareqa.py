"""LAReQA's data sets (arXiv 2004.05484): SQuAD v1.1 JSON, one ``LANGUAGE.json`` a language, with sentence boundaries.

Each paragraph also has ``sentence_breaks`` ([start, end] offsets into ``context``) and ``sentences``. Every sentence of
every paragraph is a candidate, named by language and position (``de:p:0012.0003.0001`` = article, paragraph, sentence,
each from 0), so equal sentences at different places stay apart. A sentence answers a question when
``start <= answer_start < end``. Questions are translations of each other when their ids are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from engine.config import ConfigError, split_validation_error
from engine.data.benchmark import Benchmark
from engine.data.build import Candidate, Query, Rows, build_benchmark, build_corpus, select_languages
from engine.data.corpus import ParallelCorpus

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


class _File(msgspec.Struct, frozen=True):
    data: list[_Article]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question in one language, with the positions of its answer sentences (article, paragraph, sentence)."""

    id: str
    language: str
    text: str
    answers: tuple[tuple[int, int, int], ...]


def lareqa_benchmark(
    key: str, folder: Path, languages: Sequence[str] = (), unit: CandidateUnit = "sentence"
) -> Benchmark:
    """Questions and candidates of ``languages`` (empty: all files in the folder).

    Raises:
        ConfigError: a missing language, or a malformed file, with file and field.
    """
    files = _load(folder, languages)
    candidates = [
        Candidate(
            _passage_id(language, article, paragraph, sentence),
            language,
            text,
            context=entry.context if unit == "sentence+context" else None,
        )
        for language, articles in files.items()
        for article, paragraph, entry in _paragraphs(articles)
        for sentence, text in enumerate(entry.sentences)
    ]
    asked = [question for language, articles in files.items() for question in _asked(folder, language, articles)]
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
        pool=f"all {len(candidates):,} sentences of the paragraphs in {len(files)} languages",
    )


def lareqa_corpus(
    folder: Path,
    languages: Sequence[str] = (),
    unit: PassageUnit = "sentence",
    articles: tuple[int, int] | None = None,
    weight: float = 1.0,
) -> ParallelCorpus:
    """Question-answer pairs for training; a question with several answers is paired with the first.

    ``articles`` is a half-open range of positions in the files, the same in every language.

    Raises:
        ConfigError: a missing language, a malformed file, or a range without questions.
    """
    files = _load(folder, languages)
    first, end = articles if articles is not None else (0, max(len(entries) for entries in files.values()))
    asked = [
        question
        for language, entries in files.items()
        for question in _asked(folder, language, entries)
        if first <= question.answers[0][0] < end
    ]
    if not asked:
        raise ConfigError(f"{folder}: articles: no question in articles {first} to {end}")
    paragraphs = [
        files[question.language][question.answers[0][0]].paragraphs[question.answers[0][1]] for question in asked
    ]
    sentences = [
        paragraph.sentences[question.answers[0][2]] for question, paragraph in zip(asked, paragraphs, strict=True)
    ]
    contexts = [paragraph.context for paragraph in paragraphs]
    clusters = _clusters(asked)
    depth = 2 if unit == "paragraph" else 3
    rows = Rows(
        groups=[question.id for question in asked],
        languages=[question.language for question in asked],
        questions=[question.text for question in asked],
        passages=contexts if unit == "paragraph" else sentences,
        passage_ids=[_passage_id(question.language, *question.answers[0][:depth]) for question in asked],
        clusters=[clusters[question.id] for question in asked],
        contexts=contexts if unit == "sentence+context" else None,
    )
    return build_corpus(str(folder), rows, weight=weight)


def _load(folder: Path, languages: Sequence[str]) -> dict[str, list[_Article]]:
    available = [path.stem for path in folder.glob("*.json")]
    if not available:
        raise ConfigError(f"{folder}: expected a folder of LANGUAGE.json files")
    return {
        language: _read(folder / f"{language}.json") for language in select_languages(languages, available, str(folder))
    }


def _read(path: Path) -> list[_Article]:
    try:
        data = path.read_bytes()
        articles = msgspec.json.decode(data, type=_File).data
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from None
    except msgspec.ValidationError as error:
        field, reason = split_validation_error(str(error))
        raise ConfigError(f"{path}: {field or 'document'}: {reason}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None
    for article, paragraph, entry in _paragraphs(articles):
        where = f"{path}: data[{article}].paragraphs[{paragraph}].sentence_breaks"
        if len(entry.sentence_breaks) != len(entry.sentences):
            raise ConfigError(f"{where}: expected one per sentence ({len(entry.sentences)})")
        for start, end in entry.sentence_breaks:
            if not 0 <= start < end <= len(entry.context):
                raise ConfigError(f"{where}: expected 0 <= start < end <= {len(entry.context)}, got [{start}, {end}]")
    return articles


def _paragraphs(articles: Sequence[_Article]) -> Iterator[tuple[int, int, _Paragraph]]:
    for article, entry in enumerate(articles):
        for paragraph, content in enumerate(entry.paragraphs):
            yield article, paragraph, content


def _asked(folder: Path, language: str, articles: Sequence[_Article]) -> Iterator[_Asked]:
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
