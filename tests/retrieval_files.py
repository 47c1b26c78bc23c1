"""Small collections in MIRACL's, BEIR's and the user's own format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.data.benchmark import Benchmark


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    return write_lines(path, (json.dumps(row, ensure_ascii=False) for row in rows))


def judgements(benchmark: Benchmark) -> dict[str, dict[str, int]]:
    """Query id -> candidate id -> grade."""
    found = {}
    for query, id in enumerate(benchmark.query_ids):
        some = slice(benchmark.offsets[query], benchmark.offsets[query + 1])
        ids = [benchmark.candidate_ids[int(index)] for index in benchmark.relevant[some]]
        found[id] = dict(zip(ids, benchmark.grades[some].tolist(), strict=True))
    return found


def miracl_folder(root: Path, language: str = "sw", layout: str = "hub") -> Path:
    """Two files of passages, one gzipped; query 2 has no relevant passage, and one judgement says "not relevant"."""
    judged = root / (f"miracl-v1.0-{language}" if layout == "hub" else language)
    corpus = root / (f"miracl-corpus-v1.0-{language}" if layout == "hub" else language)
    name = f"miracl-v1.0-{language}"
    write_lines(judged / "topics" / f"topics.{name}-dev.tsv", ["0\tNani?", "1\tWapi?", "2\tLini?"])
    write_lines(judged / "topics" / f"topics.{name}-train.tsv", ["9\tnot read"])
    qrels = ["0\tQ0\t10#1\t1", "0\tQ0\t9#0\t1", "0\tQ0\t10#0\t0", "1\tQ0\t10#0\t1", "2\tQ0\t9#0\t0"]
    write_lines(judged / "qrels" / f"qrels.{name}-dev.tsv", qrels)
    write_lines(judged / "qrels" / f"qrels.{name}-train.tsv", ["9\tQ0\t9#0\t1"])
    first = [{"docid": "9#0", "title": "Tisa", "text": "tisa."}, {"docid": "10#0", "title": "", "text": "kumi."}]
    write_jsonl(corpus / "docs-0.jsonl.gz", first)
    write_jsonl(corpus / "docs-1.jsonl", [{"docid": "10#1", "title": "Kumi", "text": "moja."}])
    return root


def beir_folder(root: Path) -> Path:
    """Query q1 has the id of a document; q9 belongs to another split."""
    texts = [("d2", "Two", "second"), ("d1", "", "first"), ("q1", "", "a question that is a document")]
    write_jsonl(
        root / "corpus.jsonl", [{"_id": id, "title": title, "text": text, "metadata": {}} for id, title, text in texts]
    )
    write_jsonl(
        root / "queries.jsonl", [{"_id": id, "text": f"text of {id}", "metadata": {}} for id in ("q1", "q2", "q9")]
    )
    write_lines(root / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", "q1\td1\t2", "q2\td2\t1", "q2\td1\t0"])
    return root


def own_folder(root: Path) -> Path:
    """One question in two languages; "a" is a candidate in both."""
    write_jsonl(
        root / "queries.jsonl",
        [
            {"id": "1-de", "language": "de", "text": "Wer?", "group": "1", "cluster": "c"},
            {"id": "1-en", "language": "en", "text": "Who?", "group": "1", "cluster": "c"},
            {"id": "2-en", "language": "en", "text": "Where?"},
        ],
    )
    write_jsonl(
        root / "candidates.jsonl",
        [
            {"id": "b", "language": "en", "text": "there"},
            {"id": "a", "language": "en", "text": "she", "title": "Ada"},
            {"id": "a", "language": "de", "text": "sie"},
        ],
    )
    write_jsonl(
        root / "relevance.jsonl",
        [
            {"query": "1-de", "candidate": "a"},
            {"query": "1-de", "candidate": "b", "grade": 1},
            {"query": "1-en", "candidate": "a", "grade": 3},
            {"query": "2-en", "candidate": "b", "grade": 0},
        ],
    )
    return root
