"""SQuAD JSON (v1.1 or 2.0), one file a language: ``LANGUAGE.json`` or ``NAME.LANGUAGE.json`` (``xquad.de.json``), or
any name with one language code in it (MLQA's ``de_squad-translate-train-train-v1.1.json``); also ``.json.gz``.

A group is a question, the same in all files that have its id; its passage is the whole paragraph. Questions without an
answer in their paragraph are left out. Passage ids are positions in the file of the language (article, paragraph, each
from 0), so an id does not align languages; the questions do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.data.cache import file_identity
from engine.data.corpus import ParallelCorpus, select_languages
from engine.data.lines import json_file, visible_files
from engine.data.readers.lareqa import check_selection, select_articles, with_reference
from engine.data.store import corpora
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.language_codes import language_in
from engine.progress import Tick

logger = logging.getLogger(__name__)


class _Question(msgspec.Struct, frozen=True):
    id: str
    question: str
    answers: list[object] = []
    is_impossible: bool = False


class _Paragraph(msgspec.Struct, frozen=True):
    context: str
    qas: list[_Question]


class _Article(msgspec.Struct, frozen=True):
    paragraphs: list[_Paragraph]


class _File(msgspec.Struct, frozen=True):
    data: list[_Article]


def squad_files(folder: Path, languages: Sequence[str] = ()) -> dict[str, Path]:
    """Language -> its file.

    Args:
        languages: names that are languages, where no table has them.

    Raises:
        ConfigError: there is none, a language has two, or a name does not say which language it is.
    """
    files: dict[str, Path] = {}
    for path in visible_files(folder, "*.json") + visible_files(folder, "*.json.gz"):
        name = path.name.removesuffix(".gz").removesuffix(".json")
        language = language_in(name, languages)
        if language is None:
            raise ConfigError(
                f"{path}: cannot tell the language of this file: expected LANGUAGE.json or NAME.LANGUAGE.json, with a "
                "code such as de, zh-Hans or pt_BR: rename it, or move it out of the folder if it has no questions"
            )
        if language in files:
            raise ConfigError(f"{folder}: languages: {files[language].name} and {path.name} are both of {language!r}")
        files[language] = path
    if not files:
        raise ConfigError(f"{folder}: expected a folder of LANGUAGE.json files")
    return files


def squad_corpus(
    folder: Path,
    languages: Sequence[str] = (),
    articles: str | None = None,
    weight: float = 1.0,
    tick: Tick | None = None,
) -> ParallelCorpus:
    """The questions of ``languages`` (empty: all files) in the selected ``articles``; read one file at a time.

    Raises:
        ConfigError: ``FILE: field: what was expected``, or a selection without questions, or one that takes a question
            in one language and not in another.
    """
    files = squad_files(folder, languages)
    chosen = {language: files[language] for language in select_languages(languages, files, str(folder))}
    compared = [] if articles is None else [files[language] for language in with_reference(list(chosen), files)]
    order = list(chosen)
    source = RowSource(
        str(folder),
        f"squad {articles} " + " ".join(file_identity(path) for path in [*chosen.values(), *compared]),
        lambda: _rows(chosen, articles, compared),
        lambda place: str(chosen[order[place]]),
    )
    large = sum(path.stat().st_size for path in chosen.values()) > corpora.LARGE_BYTES
    return collect(source, (), weight, large=large, tick=tick)


def _rows(files: Mapping[str, Path], selection: str | None, compared: Sequence[Path]) -> Iterator[SourceRow]:
    if selection is not None:
        check_selection(selection, ((path, _ids(path)) for path in compared))
    # Where languages differ in a question's article, English decides, else the first: one cluster for a group.
    clusters: dict[str, str] = {}
    if "en" in files:
        clusters = {row.group: row.cluster for row in _file_rows("en", files["en"], 0, selection, {})}
    for place, (language, path) in enumerate(files.items()):
        yield from _file_rows(language, path, place, selection, clusters)


def _file_rows(
    language: str, path: Path, place: int, selection: str | None, clusters: dict[str, str]
) -> Iterator[SourceRow]:
    seen: dict[str, tuple[str, str, str]] = {}  # id -> place, question and paragraph
    repeats = 0
    articles = json_file(path, _File).data
    for article in select_articles(selection, len(articles)):
        for number, paragraph in enumerate(articles[article].paragraphs):
            for index, asked in enumerate(paragraph.qas):
                where = f"{path}: data[{article}].paragraphs[{number}]"
                if asked.is_impossible or not asked.answers:
                    continue
                said = asked.question, paragraph.context
                first, *before = seen.setdefault(asked.id, (f"{where}.qas[{index}]", *said))
                if first != f"{where}.qas[{index}]":
                    if tuple(before) != said:
                        raise ConfigError(
                            f"{where}.qas[{index}].id: {asked.id!r} comes twice and differs (first {first})"
                        )
                    repeats += 1
                    continue
                if not asked.question.strip():
                    raise ConfigError(f"{where}.qas[{index}].question: expected a text that is not empty")
                if not paragraph.context.strip():
                    raise ConfigError(f"{where}.context: expected a text that is not empty")
                yield SourceRow(
                    place=place,
                    group=asked.id,
                    language=language,
                    question=asked.question,
                    passage=paragraph.context,
                    passage_id=f"{language}:p:{article:04d}.{number:04d}",
                    cluster=clusters.setdefault(asked.id, f"{article:04d}"),
                )
    if repeats:
        logger.warning("%s: left out %d questions given again word for word", path, repeats)


def _ids(path: Path) -> list[list[str]]:
    """Of the questions with an answer, by article."""
    return [
        [asked.id for part in article.paragraphs for asked in part.qas if asked.answers and not asked.is_impossible]
        for article in json_file(path, _File).data
    ]
