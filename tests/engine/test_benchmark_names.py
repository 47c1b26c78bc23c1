"""A name stands for one benchmark, or, as a suite, for every data set of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.benchmark_names import expand_suite, is_suite, members
from engine.config import ConfigError, parse_config

SOURCES = "[[sources]]\nkind = 'cldr'\n[evaluation]\n"


@pytest.fixture
def collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two data sets, one of them gzipped, beside what is none."""
    monkeypatch.chdir(tmp_path)
    for file in ("scifact/corpus.jsonl", "nfcorpus/corpus.jsonl.gz", ".cache/corpus.jsonl", "notes/readme.txt", "list"):
        path = tmp_path / "beir" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "beir"


def test_a_suite_is_written_out_when_a_config_is_read(collections: Path) -> None:
    config = parse_config(SOURCES + "benchmarks = ['cldr', 'beir/*=beir']")
    expected = ("cldr", "beir/nfcorpus=beir/nfcorpus", "beir/scifact=beir/scifact")
    assert config.evaluation.benchmarks == expected
    assert expand_suite("cldr") == ("cldr",)


def test_a_suite_has_those_keys_that_its_pattern_fits() -> None:
    keys = ["xquad-r", "beir/b", "own/beir", "beir/a"]
    assert members("beir/*", keys) == ["beir/b", "beir/a"]
    assert members("beir/a", keys) == ["beir/a"]
    assert members("beir/c", keys) == []
    assert [is_suite(name) for name in ("beir/*", "beir/a", "cldr")] == [True, False, False]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("beir/*", "expected beir/*=FOLDER"),
        ("own/*=beir", "expected beir/*=FOLDER"),
        ("beir/*=", "expected beir/*=FOLDER"),
        ("beir/*=nowhere", "no folder 'nowhere'"),
        ("beir/*=beir/notes", "no folder in it has a corpus.jsonl"),
        ("beir/*=beir', 'beir/scifact", "named twice"),
    ],
)
def test_a_suite_that_names_nothing_is_refused_in_one_line(collections: Path, spec: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(SOURCES + f"benchmarks = ['{spec}']", "file.toml")
    assert str(error.value).startswith("file.toml:4: evaluation.benchmarks: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)
