"""What is looked at before a run is made: local files, and overlap where it is forbidden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from retrieval_files import own_folder, write_lines

from engine.config import ConfigError, EvaluationConfig, RunConfig, SourceConfig
from engine.data.check import check
from engine.runs.preflight import preflight


def config(path: Path, folder: Path, **evaluation: bool) -> RunConfig:
    return RunConfig(
        sources=(SourceConfig(kind="jsonl", path=str(path)),),
        evaluation=EvaluationConfig(benchmarks=("cldr", f"own={folder}"), languages=("de", "en"), **evaluation),
    )


def test_forbidden_overlap_refuses_before_a_run_exists(tmp_path: Path) -> None:
    """A question of the benchmark, typed otherwise, among the training questions."""
    folder = own_folder(tmp_path / "own")
    rows = [("g", "en", "who", "Ada Lovelace."), ("g", "de", "Welche?", "Ada.")]
    names = ("group", "language", "question", "passage")
    path = write_lines(tmp_path / "train.jsonl", (json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    check(config(path, folder))
    with pytest.raises(ConfigError, match=r"^evaluation.forbid_overlap: own overlaps .*1 of 2 questions") as caught:
        check(config(path, folder, forbid_overlap=True))
    with pytest.raises(ConfigError) as by_subprocess:
        preflight(config(path, folder, forbid_overlap=True))
    assert str(by_subprocess.value) == str(caught.value)


def test_the_built_in_corpus_is_no_overlap() -> None:
    source = SourceConfig(kind="cldr", languages=("en",))
    evaluation = EvaluationConfig(benchmarks=("cldr",), languages=("en",), forbid_overlap=True)
    check(RunConfig(sources=(source,), evaluation=evaluation))
    with pytest.raises(ConfigError, match="cldr overlaps"):
        check(RunConfig(sources=(SourceConfig(kind="cldr", split="all"),), evaluation=evaluation))
