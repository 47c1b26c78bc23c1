"""MIRACL (arXiv 2210.09984): monolingual retrieval from Wikipedia in 18 languages, in its published files.

For a language L, in ``FOLDER/L``, ``FOLDER/miracl-v1.0-L`` or ``FOLDER/miracl-corpus-v1.0-L`` (the layout of the hub):

- ``topics*-dev.tsv``: query id, tab, question;
- ``qrels*-dev.tsv``: TREC format, that is query id, Q0, passage id, relevance
  (both also ``.gz``, and with a line of headings or without);
- ``*.jsonl`` or ``*.jsonl.gz``: ``docid`` (article#passage), ``title``, ``text``.

Without a folder these files are fetched from the hub: ``miracl/miracl`` (which asks for its terms to be accepted) and
``miracl/miracl-corpus``, through the hub's own cache, offline mode and token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.benchmark_names import MIRACL_LANGUAGES
from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.cache import file_identity
from engine.data.corpus import select_languages
from engine.data.download import hub_files
from engine.data.lines import json_lines, text_lines, visible_files, whole_number
from engine.data.retrieval import Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import PassageFile, PassageRow, load_passages, titled
from engine.progress import Tick

FIELDS = Fields(query="query id", passage="docid")

# First lines of copies that have one.
_TOPIC_HEADERS = {(id, text) for id in ("query_id", "query-id", "qid", "id") for text in ("query", "question", "text")}
_GRADE_HEADERS = {"relevance", "score", "label", "grade", "rel"}


class _Document(msgspec.Struct, frozen=True):
    docid: str
    text: str
    title: str | None = None


def miracl_benchmark(folder: Path | None, languages: Sequence[str] = (), tick: Tick | None = None) -> Benchmark:
    """The dev split of ``languages`` (empty: all that the folder has; from the hub they must be named).

    Raises:
        ConfigError: a missing or malformed file, with file, line and field.
    """
    chosen = select_languages(languages, MIRACL_LANGUAGES, "miracl") if languages else _in_folder(folder)
    files = [(language, _files(folder, language, tick)) for language in chosen]
    topics = [topic for language, part in files for topic in _topics(part.topics, language)]
    judgements = [judgement for language, part in files for judgement in _judgements(part.qrels, language)]
    passages = load_passages([_passage_file(path, name) for name, part in files for path in part.corpus], tick)
    return retrieval_benchmark("miracl", topics, judgements, passages, FIELDS)


class _Files(msgspec.Struct, frozen=True):
    topics: Path
    qrels: Path
    corpus: list[Path]


def _in_folder(folder: Path | None) -> tuple[str, ...]:
    if folder is None:
        raise ConfigError("miracl: languages: name those to download (its 18 collections have 106 million passages)")
    languages = tuple(
        language for language in sorted(MIRACL_LANGUAGES) if any(p.is_dir() for p in _roots(folder, language))
    )
    if not languages:
        raise ConfigError(f"{folder}: expected a folder for each language, such as sw or miracl-v1.0-sw")
    return languages


def _roots(folder: Path, language: str) -> list[Path]:
    return [folder / name for name in (language, f"miracl-v1.0-{language}", f"miracl-corpus-v1.0-{language}")]


def _files(folder: Path | None, language: str, tick: Tick | None) -> _Files:
    if folder is None:
        judged = hub_files("miracl/miracl", [f"miracl-v1.0-{language}/*/*-dev.tsv"], tick)
        collection = hub_files("miracl/miracl-corpus", [f"miracl-corpus-v1.0-{language}/*"], tick)
        roots = [*_roots(judged, language), *_roots(collection, language)]
        label = "miracl/miracl"
    else:
        roots, label = _roots(folder, language), str(folder)
    paths = sorted({path for root in roots for path in visible_files(root, "**/*")})
    corpus = [path for path in paths if path.name.endswith((".jsonl", ".jsonl.gz"))]
    if not corpus:
        raise ConfigError(f"{label}: no *.jsonl or *.jsonl.gz with the passages of {language}")
    return _Files(_only(paths, "topics", language, label), _only(paths, "qrels", language, label), corpus)


def _only(paths: Sequence[Path], kind: str, language: str, label: str) -> Path:
    matching = [path for path in paths if path.name.startswith(kind) and path.name.endswith(("dev.tsv", "dev.tsv.gz"))]
    if len(matching) != 1:
        raise ConfigError(f"{label}: expected one {kind}*-dev.tsv for {language}, found {len(matching)}")
    return matching[0]


def _topics(path: Path, language: str) -> Iterator[Topic]:
    for number, line in text_lines(path):
        id, tab, text = line.partition("\t")
        if number == 1 and (id.lower(), text.lower()) in _TOPIC_HEADERS:
            continue
        if not tab or not id:
            raise ConfigError(f"{path}:{number}: row: expected query id, tab, question")
        yield Topic(f"{path}:{number}", id, language, text, scope=language)


def _judgements(path: Path, language: str) -> Iterator[Judgement]:
    for number, line in text_lines(path):
        fields = line.split()
        if len(fields) != 4:
            raise ConfigError(f"{path}:{number}: row: expected query id, Q0, docid, relevance, got {line!r}")
        if number == 1 and fields[3].lower() in _GRADE_HEADERS:
            continue
        grade = whole_number(fields[3], "relevance", f"{path}:{number}")
        yield Judgement(f"{path}:{number}", fields[0], fields[2], grade, scope=language)


def _passage_file(path: Path, language: str) -> PassageFile:
    def rows() -> Iterator[PassageRow]:
        for number, row in json_lines(path, _Document):
            yield PassageRow(number, language, row.docid, titled(row.title, row.text))

    return PassageFile(str(path), f"{language} {file_identity(path)}", "docid", rows)
