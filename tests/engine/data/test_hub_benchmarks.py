"""Benchmarks from the hub, tried on local folders in the hub's layouts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from retrieval_files import judgements, miracl_folder, write_lines

from engine.config import ConfigError
from engine.data.sources import load_benchmark

CARD = """---
configs:
- config_name: corpus
  data_files:
  - {split: corpus, path: corpus/corpus-*}
- config_name: queries
  data_files:
  - {split: queries, path: queries/queries-*}
---
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """BeIR/toy and BeIR/toy-qrels in the current folder: datasets takes them for hub ids that are local."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets-cache")
    toy = tmp_path / "BeIR" / "toy"
    for name in ("corpus", "queries"):
        (toy / name).mkdir(parents=True)
    (toy / "README.md").write_text(CARD)
    corpus = {"_id": ["d2", "d1"], "title": ["Two", ""], "text": ["second", "first"]}
    pl.DataFrame(corpus).write_parquet(toy / "corpus" / "corpus-00000-of-00001.parquet")
    queries = {"_id": ["q1", "q2"], "title": ["", ""], "text": ["one?", "two?"]}
    pl.DataFrame(queries).write_parquet(toy / "queries" / "queries-00000-of-00001.parquet")
    for split in ("test", "train"):
        rows = ["query-id\tcorpus-id\tscore", "q1\td1\t2" if split == "test" else "q2\td2\t1"]
        write_lines(tmp_path / "BeIR" / "toy-qrels" / f"{split}.tsv", rows)
    return tmp_path


def test_beir_is_read_through_datasets(hub: Path) -> None:
    benchmark = load_benchmark("beir/toy")
    assert judgements(benchmark) == {"en:q:q1": {"en:p:d1": 2}}
    assert list(benchmark.candidate_texts) == ["first", "Two second"]


def test_what_the_hub_lacks_is_one_line(hub: Path) -> None:
    for path in (hub / "BeIR" / "toy-qrels").iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match=r"^BeIR/toy-qrels: cannot load 'test' from the hub: ") as caught:
        load_benchmark("beir/toy")
    assert "\n" not in str(caught.value)


def test_miracl_is_read_from_the_published_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    miracl_folder(tmp_path)
    asked = []

    def hub_files(repository: str, patterns: list[str], tick: object) -> Path:
        asked.append((repository, patterns))
        return tmp_path

    monkeypatch.setattr("engine.data.readers.miracl.hub_files", hub_files)
    assert load_benchmark("miracl", ("sw",)).digest == load_benchmark(f"miracl={tmp_path}").digest
    assert asked == [
        ("miracl/miracl", ["miracl-v1.0-sw/*/*-dev.tsv"]),
        ("miracl/miracl-corpus", ["miracl-corpus-v1.0-sw/*"]),
    ]
