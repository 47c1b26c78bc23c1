"""BEIR (arXiv 2104.08663): English zero-shot retrieval, from a local folder or from the hub.

A folder has ``corpus.jsonl`` (``_id``, ``title``, ``text``), ``queries.jsonl`` (``_id``, ``text``) and
``qrels/test.tsv`` (query-id, corpus-id, score, with that header; ``qrels/dev.tsv`` for msmarco, whose test split is
another benchmark), each plain or ``.gz``. mteb's copies have ``qrels/test.jsonl`` with the same columns. On the hub
these are ``BeIR/NAME`` and ``BeIR/NAME-qrels``: copies of the two side by side, and copies of mteb's repositories with
their parquet files (``corpus``, ``queries``, and judgements in ``qrels``, ``default`` or ``data``), are read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.cache import file_identity
from engine.data.hub_tables import hub_table, names_subsets, table_files, table_rows
from engine.data.lines import json_lines, plain_or_gzipped, text_lines, visible_files, whole_number
from engine.data.retrieval import OWN_ID_DROPPED, Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import PassageFile, PassageRow, load_passages, titled
from engine.progress import Tick

if TYPE_CHECKING:
    from datasets import Dataset

LANGUAGE = "en"
FIELDS = Fields(query="query-id", passage="corpus-id")
HEADER = ["query-id", "corpus-id", "score"]


class _Document(msgspec.Struct, frozen=True):
    id: str | int = msgspec.field(name="_id")
    text: str | None
    title: str | None = None


class _Query(msgspec.Struct, frozen=True):
    id: str | int = msgspec.field(name="_id")
    text: str


class _Judged(msgspec.Struct, frozen=True):
    query: str | int = msgspec.field(name="query-id")
    passage: str | int = msgspec.field(name="corpus-id")
    score: float


def beir_benchmark(
    key: str, folder: Path | None, drop_own_id: bool | None = None, tick: Tick | None = None
) -> Benchmark:
    """The test split (msmarco: dev).

    Args:
        key: "beir/NAME".
        drop_own_id: the document with the query's id is no candidate; None: on for arguana and quora, as BEIR's own
            evaluation has it.

    Raises:
        ConfigError: a missing or malformed file, with file, line and field.
    """
    split = "dev" if key == "beir/msmarco" else "test"
    drop = key in OWN_ID_DROPPED if drop_own_id is None else drop_own_id
    read = _from_hub(key.partition("/")[2], split, tick) if folder is None else _from_folder(folder, split)
    topics, judgements, passages = read
    # The queries of all splits are in one file: those that this split does not judge are no queries of it.
    judged = list(judgements)
    asked = {judgement.query for judgement in judged}
    kept = [topic for topic in topics if topic.id in asked]
    return retrieval_benchmark(key, kept, judged, load_passages([passages], tick), FIELDS, drop_own_id=drop)


_Read = tuple[Iterable[Topic], Iterable[Judgement], PassageFile]


def _from_folder(folder: Path, split: str) -> _Read:
    corpus, queries = (plain_or_gzipped(folder / f"{name}.jsonl") for name in ("corpus", "queries"))
    if corpus is None and _table(folder, "corpus", split) is not None:
        return _from_tables(str(folder), *(_table(folder, name, split) for name in ("corpus", "queries", "qrels")))
    if corpus is None or queries is None:
        raise ConfigError(f"{folder}: no {'corpus' if corpus is None else 'queries'}.jsonl")

    def rows() -> Iterator[PassageRow]:
        for number, row in json_lines(corpus, _Document):
            yield PassageRow(number, LANGUAGE, str(row.id), titled(row.title, row.text or ""))

    topics = (
        Topic(f"{queries}:{number}", str(row.id), LANGUAGE, row.text) for number, row in json_lines(queries, _Query)
    )
    judgements = _judgements(_judged_file(folder, split))
    return topics, judgements, PassageFile(str(corpus), file_identity(corpus), "_id", rows)


def _judged_file(folder: Path, split: str) -> Path:
    """As BEIR, mteb and the hub's ``NAME-qrels`` beside ``NAME`` have it."""
    beside = folder.with_name(f"{folder.name}-qrels")
    for place in (folder / "qrels", beside):
        for name in (f"{split}.tsv", f"{split}.jsonl"):
            if (path := plain_or_gzipped(place / name)) is not None:
                return path
    others = sorted({path.name.partition(".")[0] for path in visible_files(folder / "qrels", "*.*")})
    there = f", only {', '.join(others)}" if others else ""
    raise ConfigError(f"{folder}: no qrels/{split}.tsv with the judgements of the {split} split{there}")


def _judgements(path: Path) -> Iterator[Judgement]:
    if ".jsonl" in path.suffixes:
        for number, row in json_lines(path, _Judged):
            where = f"{path}:{number}"
            yield Judgement(where, str(row.query), str(row.passage), whole_number(row.score, "score", where))
        return
    for position, (number, line) in enumerate(text_lines(path)):
        fields = line.split("\t")
        if position == 0:
            if fields != HEADER:
                raise ConfigError(f"{path}:{number}: header: expected {', '.join(HEADER)}, separated by tabs")
            continue
        if len(fields) != len(HEADER):
            raise ConfigError(f"{path}:{number}: row: expected {', '.join(HEADER)}, got {len(fields)} fields")
        grade = whole_number(fields[2], "score", f"{path}:{number}")
        yield Judgement(f"{path}:{number}", fields[0], fields[1], grade)


def _table(folder: Path, name: str, split: str) -> Dataset | None:
    """One of the three tables of a copied repository; judgements lie in ``qrels``, ``default`` or ``data``."""
    places: list[tuple[str | None, str]]
    if names_subsets(folder):
        places = [(name, name), (name, split)] if name != "qrels" else [("default", split), ("qrels", split)]
    else:
        subsets: list[str | None] = [name] if name != "qrels" else ["qrels", "default", None]
        places = [(subset, split) for subset in subsets if table_files(folder, subset, split) is not None]
        places = places or [(subset, name) for subset in subsets if table_files(folder, subset, name) is not None]
    columns = HEADER if name == "qrels" else ("text",)
    error: ConfigError | None = None
    for subset, part in places:
        try:
            data = hub_table(str(folder), folder, subset, part, columns)
            renames = "id" in data.column_names and "_id" not in data.column_names  # mteb's newer copies
            return data.rename_column("id", "_id") if renames else data
        except ConfigError as fault:
            error = error or fault
    if error is not None:
        raise error
    return None


def _from_hub(name: str, split: str, tick: Tick | None) -> _Read:
    label = f"BeIR/{name}"
    if tick is not None:
        tick(f"downloading {label}", 0, None)
    corpus = hub_table(label, None, "corpus", "corpus", ("_id", "title", "text"))
    queries = hub_table(label, None, "queries", "queries", ("_id", "text"))
    qrels = hub_table(f"{label}-qrels", None, None, "validation" if split == "dev" else split, HEADER)
    return _from_tables(label, corpus, queries, qrels)


def _from_tables(label: str, corpus: Dataset | None, queries: Dataset | None, qrels: Dataset | None) -> _Read:
    if corpus is None or queries is None or qrels is None:
        tables = {"corpus": corpus, "queries": queries, "qrels": qrels}
        missing = ", ".join(name for name, data in tables.items() if data is None)
        raise ConfigError(f"{label}: no table called {missing}")

    def rows() -> Iterator[PassageRow]:
        for number, row in table_rows(corpus):
            yield PassageRow(number, LANGUAGE, str(row["_id"]), titled(row.get("title"), row["text"] or ""))

    topics = (
        Topic(f"{label} queries: row {number}", str(row["_id"]), LANGUAGE, row["text"] or "")
        for number, row in table_rows(queries)
    )
    judgements = (
        Judgement(
            f"{label}-qrels: row {number}",
            str(row["query-id"]),
            str(row["corpus-id"]),
            whole_number(str(row["score"]), "score", f"{label}-qrels: row {number}"),
        )
        for number, row in table_rows(qrels)
    )
    return topics, judgements, PassageFile(f"{label} corpus", corpus._fingerprint, "_id", rows)
