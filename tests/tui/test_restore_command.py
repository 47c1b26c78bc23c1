"""What the dashboard or ``archive`` put away, ``restore`` brings back; what fits nothing is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_factory import finished

from engine.runs.registry import list_runs, trash_run
from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main


def test_a_run_comes_back_from_the_archive_and_from_the_trash(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archived, deleted = finished(home, "archived"), finished(home, "deleted")
    assert main(["--runs", str(home), "archive", "archived"]) == EXIT_DONE
    trash_run(deleted.folder)
    assert list_runs(home) == []
    for name in ("archived", "deleted"):
        assert main(["--runs", str(home), "restore", name]) == EXIT_DONE
    assert {folder.path for folder in list_runs(home)} == {archived.folder.path, deleted.folder.path}
    assert f"{deleted.folder.id} is back" in capsys.readouterr().out


def test_what_was_not_put_away_is_not_brought_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(home, "there")
    assert main(["--runs", str(home), "restore", "there"]) == EXIT_WRONG_USE
    assert "fits no archived or deleted runs" in capsys.readouterr().err
