"""``evaluate`` of a run whose config names nothing to evaluate on."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import config
from runs_factory import RunWriter

from tui.cli import EXIT_WRONG_USE, main


def test_a_run_without_benchmarks_is_refused_at_once_and_export_says_why(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunWriter(home, "blind", config(steps=2)).started().folder
    before = sorted(folder.path.rglob("*"))
    assert main(["--runs", str(home), "evaluate", folder.id]) == EXIT_WRONG_USE
    assert "its config has no evaluation.benchmarks to evaluate it on" in capsys.readouterr().err
    assert sorted(folder.path.rglob("*")) == before
    assert main(["--runs", str(home), "export", folder.id, "--table", "summary", "--format", "csv"]) == EXIT_WRONG_USE
    assert "has no results: its config has no evaluation.benchmarks" in capsys.readouterr().err
