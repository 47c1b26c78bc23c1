"""BEIR (arXiv 2104.08663): English zero-shot retrieval, from a local folder or from the hub.

A folder has ``corpus.jsonl`` (``_id``, ``title``, ``text``), ``queries.jsonl`` (``_id``, ``text``), either plain or
``.gz``, and ``qrels/test.tsv`` (query-id, corpus-id, score, with that header; ``qrels/dev.tsv`` for msmarco, whose test
split is another benchmark). On the hub these are ``BeIR/NAME`` and ``BeIR/NAME-qrels``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.cache import file_identity
from engine.data.hub_tables import hub_table, table_rows
from engine.data.lines import json_lines, text_lines, whole_number
from engine.data.retrieval import OWN_ID_DROPPED, Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import PassageFile, PassageRow, load_passages, titled
from engine.progress import Tick

LANGUAGE = "en"
FIELDS = Fields(query="query-id", passage="corpus-id")
HEADER = ["query-id", "corpus-id", "score"]


class _Document(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="_id")
    text: str
    title: str | None = None


class _Query(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="_id")
    text: str


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
    corpus, queries = _file(folder, "corpus"), _file(folder, "queries")

    def rows() -> Iterator[PassageRow]:
        for number, row in json_lines(corpus, _Document):
            yield PassageRow(number, LANGUAGE, row.id, titled(row.title, row.text))

    topics = (Topic(f"{queries}:{number}", row.id, LANGUAGE, row.text) for number, row in json_lines(queries, _Query))
    return (
        topics,
        _judgements(folder / "qrels" / f"{split}.tsv"),
        PassageFile(str(corpus), file_identity(corpus), "_id", rows),
    )


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz"):
        if path.is_file():
            return path
    raise ConfigError(f"{folder}: no {name}.jsonl")


def _judgements(path: Path) -> Iterator[Judgement]:
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


def _from_hub(name: str, split: str, tick: Tick | None) -> _Read:
    label = f"BeIR/{name}"
    if tick is not None:
        tick(f"downloading {label}", 0, None)
    corpus = hub_table(label, None, "corpus", "corpus", ("_id", "title", "text"))
    queries = hub_table(label, None, "queries", "queries", ("_id", "text"))
    qrels = hub_table(f"{label}-qrels", None, None, "validation" if split == "dev" else split, HEADER)

    def rows() -> Iterator[PassageRow]:
        for number, row in table_rows(corpus):
            yield PassageRow(number, LANGUAGE, str(row["_id"]), titled(row["title"], row["text"] or ""))

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
