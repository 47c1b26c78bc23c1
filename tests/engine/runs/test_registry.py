"""Finding, archiving and deleting runs: never a live one, never outside the home, never through a link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from making import bare_run

from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder, newest_step, read_spec, runs_home
from engine.runs.lock import RunLock
from engine.runs.registry import (
    archive_run,
    delete_run,
    find_run,
    list_put_away,
    list_runs,
    restore_run,
    trash_run,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three runs, the middle one the newest; and things that are no runs."""
    home = tmp_path / "runs"
    bare_run(home, "alpha-20260101-000000", created=1.0, name="alpha")
    bare_run(home, "beta-20260102-000000", created=3.0, name="beta")
    bare_run(home, "alpha-20260103-000000", created=2.0, name="alpha")
    (home / "no-spec").mkdir()
    (home / "file").write_text("")
    (home / ".hidden").mkdir()
    return home


def ids(folders: list[RunFolder]) -> list[str]:
    return [folder.id for folder in folders]


def test_runs_are_listed_newest_first_by_their_spec(home: Path) -> None:
    assert ids(list_runs(home)) == ["beta-20260102-000000", "alpha-20260103-000000", "alpha-20260101-000000"]
    assert list_runs(home / "missing") == []


def test_run_with_an_unreadable_spec_does_not_break_the_list(home: Path) -> None:
    broken = home / "no-spec" / "spec.json"
    broken.write_text("{")
    assert ids(list_runs(home))[-1] == "no-spec"
    with pytest.raises(RunError, match="not a run's spec"):
        read_spec(find_run(home, "no-spec"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alpha-20260101-000000", "alpha-20260101-000000"),
        ("alpha-20260103", "alpha-20260103-000000"),
        ("beta", "beta-20260102-000000"),
        ("b", "beta-20260102-000000"),
        ("last", "beta-20260102-000000"),
    ],
)
def test_run_is_found_by_id_prefix_name_or_last(home: Path, text: str, found: str) -> None:
    assert find_run(home, text).id == found


def test_run_is_found_by_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    for text in (str(home / "beta-20260102-000000"), "./beta-20260102-000000", "beta-20260102-000000/"):
        assert find_run(Path("/nowhere"), text) == RunFolder(home / "beta-20260102-000000")
    assert find_run(Path("/nowhere"), "beta-20260102-000000").id == "beta-20260102-000000"


def test_name_of_a_run_goes_before_the_prefix_of_others(home: Path) -> None:
    bare_run(home, "be-20260104-000000", name="be")
    assert find_run(home, "be").id == "be-20260104-000000"


@pytest.mark.parametrize("text", ["alpha", "al", "", "nothing", "..", ".", "../runs", "no-spec", "/"])
def test_what_fits_no_run_or_several_is_one_line(home: Path, text: str) -> None:
    with pytest.raises(RunError) as error:
        find_run(home, text)
    assert "\n" not in str(error.value)


def test_ambiguity_names_the_candidates(home: Path) -> None:
    with pytest.raises(RunError, match=r"alpha-20260103-000000, alpha-20260101-000000"):
        find_run(home, "alpha")


def test_archived_run_leaves_the_list_and_can_be_opened_by_path(home: Path) -> None:
    archived = archive_run(find_run(home, "beta"))
    assert archived.path == home / ".archive" / "beta-20260102-000000"
    assert "beta-20260102-000000" not in ids(list_runs(home))
    assert find_run(home, str(archived.path)) == archived
    bare_run(home, "beta-20260102-000000")
    assert archive_run(find_run(home, "beta-2026")).id == "beta-20260102-000000-2", "an older one is not overwritten"
    with pytest.raises(RunError, match="already archived"):
        archive_run(archived)


@pytest.mark.parametrize("put_away", [archive_run, trash_run])
def test_what_was_put_away_comes_back_whole_and_never_over_another(
    home: Path, put_away: Callable[[RunFolder], RunFolder]
) -> None:
    spec = find_run(home, "beta").spec.read_bytes()
    away = put_away(find_run(home, "beta"))
    assert ids(list_put_away(home)) == ["beta-20260102-000000"]
    with pytest.raises(RunError, match="fits no"):
        restore_run(home, "alpha")
    bare_run(home, away.id)
    back = restore_run(home, "beta")
    assert back.path == home / "beta-20260102-000000-2"
    assert back.spec.read_bytes() == spec
    assert list_put_away(home) == []


def test_several_that_fit_are_named_and_none_comes_back(home: Path) -> None:
    for text in ("alpha-20260101", "alpha-20260103"):
        trash_run(find_run(home, text))
    with pytest.raises(RunError, match=r"fits 2 .*alpha-20260103-000000, alpha-20260101-000000"):
        restore_run(home, "alpha")
    assert len(list_put_away(home)) == 2


def test_delete_removes_links_and_never_what_they_point_to(home: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("keep")
    folder = find_run(home, "beta")
    (folder.path / "link").symlink_to(precious)
    (folder.path / "checkpoints").mkdir()
    (folder.path / "checkpoints" / "step-000001").symlink_to(precious / "data")
    delete_run(folder)
    assert not folder.path.exists()
    assert (precious / "data").read_text() == "keep"
    assert sorted(path.name for path in home.iterdir() if path.name[0] == ".") == [".hidden"], "nothing half deleted"


def test_linked_run_is_neither_deleted_nor_archived(home: Path, tmp_path: Path) -> None:
    elsewhere = bare_run(tmp_path / "elsewhere", "far-20260101-000000")
    (home / "far-20260101-000000").symlink_to(elsewhere.path)
    linked = find_run(home, "far")
    for action in (delete_run, archive_run, trash_run):
        with pytest.raises(RunError, match="not a run folder"):
            action(linked)
    assert elsewhere.spec.is_file()


def test_link_in_place_of_the_archive_is_refused(home: Path, tmp_path: Path) -> None:
    (home / ".archive").symlink_to(tmp_path)
    with pytest.raises(RunError):
        archive_run(find_run(home, "beta"))
    assert find_run(home, "beta").path.parent == home


def test_live_run_is_neither_deleted_nor_archived(home: Path) -> None:
    folder = find_run(home, "beta")
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    for action in (delete_run, archive_run):
        with pytest.raises(RunBusy):
            action(folder)
    lock.release()
    delete_run(folder)


def test_folder_that_is_no_run_is_not_deleted(home: Path) -> None:
    for path in (home, home / "no-spec", home / "file", home / "missing"):
        with pytest.raises(RunError, match="not a run folder"):
            delete_run(RunFolder(path))
    assert (home / "no-spec").is_dir()


def test_home_is_the_option_then_the_variable_then_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYBRID_TUI_RUNS", str(tmp_path / "variable"))
    assert runs_home("option") == tmp_path / "option"
    assert runs_home() == tmp_path / "variable"
    monkeypatch.delenv("HYBRID_TUI_RUNS")
    assert runs_home() == tmp_path / "runs"
    assert not (tmp_path / "runs").exists()


def test_newest_step_counts_whole_checkpoints_only(tmp_path: Path) -> None:
    assert newest_step(tmp_path / "missing") is None
    for name in ("step-000400", "step-1000000", ".step-2000000.tmp", "step-9.old", "best"):
        (tmp_path / name).mkdir()
    assert newest_step(tmp_path) == 1_000_000
