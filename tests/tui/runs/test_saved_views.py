"""What a person has set is there after the next start; a wrong file costs one line and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tui.runs import saved_views
from tui.runs.saved_views import USUAL_VIEW, TableView, keep, keep_named, load

VIEW = TableView(columns=("state", "lr"), sort="lr", backwards=True, group=("model",), filter="lr>1e-4 paper")
WRITER = """
import sys
from tui.runs.saved_views import TableView, keep_named
for number in range(20):
    keep_named(f"{sys.argv[1]}{number}", TableView(filter=sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "hybrid-tui" / "runs-table.json"


def test_each_runs_folder_has_its_own_table_and_views_are_everywhere(state: Path, tmp_path: Path) -> None:
    assert load(tmp_path) == (USUAL_VIEW, {}, "")
    keep(tmp_path / "a", VIEW)
    assert keep_named("mine", VIEW) == {"mine": VIEW}
    assert load(tmp_path / "a") == (VIEW, {"mine": VIEW}, "")
    assert load(tmp_path / "b") == (USUAL_VIEW, {"mine": VIEW}, "")
    assert keep_named("mine", None) == {}
    assert load(tmp_path / "a") == (VIEW, {}, "")
    assert state.stat().st_mode & 0o777 == 0o600


def test_old_folders_are_forgotten(tmp_path: Path) -> None:
    for number in range(saved_views._HOMES + 5):
        keep(tmp_path / str(number), VIEW)
    assert load(tmp_path / "0")[0] == USUAL_VIEW
    assert load(tmp_path / "54")[0] == VIEW


@pytest.mark.parametrize("text", ["", "[]", "{", '{"homes": 3}', "\x00"])
def test_a_file_that_holds_something_else_is_one_line_and_the_defaults(state: Path, tmp_path: Path, text: str) -> None:
    state.parent.mkdir(parents=True)
    state.write_text(text)
    view, named, problem = load(tmp_path)
    assert (view, named) == (USUAL_VIEW, {})
    assert "runs-table.json" in problem
    assert len(problem.splitlines()) == 1
    keep(tmp_path, VIEW)
    assert load(tmp_path) == (VIEW, {}, "")


def test_what_another_release_wrote_is_left_out_and_the_rest_stands(tmp_path: Path) -> None:
    keep(tmp_path, TableView(columns=("state", "no-such"), sort="gone", group=("study", "gone"), filter="gone>1"))
    view, _, problem = load(tmp_path)
    assert view == TableView(columns=("state",))
    assert "no column 'no-such'" in problem


def test_two_dashboards_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, letter]) for letter in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(load(tmp_path)[1]) == 40
