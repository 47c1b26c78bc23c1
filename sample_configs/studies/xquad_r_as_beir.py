"""Writes XQuAD-R's English questions and paragraphs as a data set in BEIR's format, for studies without BEIR at hand.

    python sample_configs/studies/xquad_r_as_beir.py data/xquad-r data/beir/xquad-en

Of the 48 articles every third, from the one at 2, those that xquad-r-e5-small-cpu.toml does not train on. A question's
answer is its paragraph, and all paragraphs are candidates: another task than XQuAD-R's, whose candidates are sentences.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ARTICLES = slice(2, None, 3)


def write_as_beir(source: Path, folder: Path) -> None:
    """``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv`` in ``folder``, from ``en.json`` in ``source``."""
    articles = json.loads((source / "en.json").read_text(encoding="utf-8"))["data"][ARTICLES]
    documents, queries, judgements = [], [], ["query-id\tcorpus-id\tscore"]
    for number, article in enumerate(articles):
        for place, paragraph in enumerate(article["paragraphs"]):
            document = f"{number:02d}.{place:02d}"
            title = article.get("title", "").replace("_", " ")
            documents.append({"_id": document, "title": title, "text": paragraph["context"]})
            for asked in paragraph["qas"]:
                queries.append({"_id": asked["id"], "text": asked["question"]})
                judgements.append(f"{asked['id']}\t{document}\t1")
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    _write(folder / "corpus.jsonl", _json_lines(documents))
    _write(folder / "queries.jsonl", _json_lines(queries))
    _write(folder / "qrels" / "test.tsv", judgements)


def _json_lines(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} XQUAD_R_FOLDER BEIR_FOLDER")
    write_as_beir(Path(sys.argv[1]), Path(sys.argv[2]))
