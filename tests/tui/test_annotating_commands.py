"""``rename``, ``note``, ``tag``, ``pin``, ``delete`` and ``empty-trash``, as a person or a script uses them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from helpers.terminal import Terminal
from runs_factory import finished

from engine.runs.annotations import read_annotations
from engine.runs.registry import list_put_away, list_runs
from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main
from tui.runs.saved_views import TableView, keep_named


def test_what_is_said_of_a_run_stands_in_its_status_and_in_the_list(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finished(home, "first").folder
    runs = ["--runs", str(home)]
    for arguments in (["note", "first", "too high a rate"], ["tag", "first", "+paper", "+b"], ["tag", "first", "-b"],
                      ["pin", "first"], ["rename", "first", "best-one"]):  # fmt: skip
        assert main([*runs, *arguments]) == EXIT_DONE
    capsys.readouterr()
    assert main([*runs, "status", "best-one", "--json"]) == EXIT_DONE
    status = json.loads(capsys.readouterr().out)
    assert (status["id"], status["name"]) == (folder.id, "best-one")
    assert (status["note"], status["tags"], status["pinned"]) == ("too high a rate", ["paper"], True)
    assert main([*runs, "status", "best-one"]) == EXIT_DONE
    assert "pinned   tag:paper   too high a rate" in capsys.readouterr().out
    assert main([*runs, "list", "--json"]) == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["runs"] == [status]


def test_without_a_text_what_was_said_is_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(home, "first")
    runs = ["--runs", str(home)]
    for arguments, printed in ((["note", "first"], "has no note"), (["tag", "first"], "no tags")):
        assert main([*runs, *arguments]) == EXIT_DONE
        assert printed in capsys.readouterr().out
    main([*runs, "note", "first", "a \x1b[2J b"])
    capsys.readouterr()
    assert main([*runs, "note", "first"]) == EXIT_DONE
    assert capsys.readouterr().out == "a ␛[2J b\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [(["tag", "first", "paper"], "expected +TAG"), (["tag", "first", "+"], "expected +TAG"),
     (["rename", "first", "a b"], "is no name for a run"), (["note", "none", "x"], "no run 'none'")],
)  # fmt: skip
def test_wrong_use_is_one_line(home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str) -> None:
    folder = finished(home, "first").folder
    assert main(["--runs", str(home), *arguments]) == EXIT_WRONG_USE
    assert line in capsys.readouterr().err
    assert not folder.annotations.exists()


def test_deleted_runs_lie_in_the_trash_until_it_is_emptied(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [finished(home, name).folder for name in ("first", "second")]
    runs = ["--runs", str(home)]
    assert main([*runs, "delete", "--yes", "first", "second"]) == EXIT_DONE
    assert list_runs(home) == []
    assert {folder.id for folder in list_put_away(home)} == {folder.id for folder in folders}
    assert main([*runs, "restore", "first"]) == EXIT_DONE
    assert main([*runs, "empty-trash", "--yes"]) == EXIT_DONE
    assert "1 run is deleted for good" in capsys.readouterr().out
    assert list_put_away(home) == []
    assert [folder.id for folder in list_runs(home)] == [folders[0].id]


def test_purged_runs_are_gone_also_from_the_trash(home: Path) -> None:
    runs = ["--runs", str(home)]
    for name in ("first", "second"):
        finished(home, name)
    assert main([*runs, "delete", "--yes", "first"]) == EXIT_DONE
    assert main([*runs, "delete", "--yes", "--purge", "first", "second"]) == EXIT_DONE
    assert list_runs(home) == list_put_away(home) == []


@pytest.mark.parametrize("arguments", [["delete", "first"], ["delete", "--purge", "first"], ["empty-trash"]])
def test_a_script_has_to_say_yes(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    folder = finished(home, "first").folder
    gone = finished(home, "gone")
    assert main(["--runs", str(home), "delete", "--yes", "gone"]) == EXIT_DONE
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["--runs", str(home), *arguments]) == EXIT_WRONG_USE
    assert "--yes" in capsys.readouterr().err
    assert folder.spec.is_file()
    assert [folder.id for folder in list_put_away(home)] == [gone.folder.id]


@pytest.mark.parametrize(("answer", "left", "status"), [("y\r", 0, 0), ("n\r", 1, 1), ("\r", 1, 1)])
def test_on_a_terminal_it_asks(home: Path, answer: str, left: int, status: int) -> None:
    finished(home, "first")
    terminal = Terminal([sys.executable, "-m", "tui.cli", "--runs", str(home), "delete", "first"])
    terminal.until("[y/N]")
    terminal.send(answer)
    assert terminal.wait() == status
    assert len(list_runs(home)) == left
    assert len(list_put_away(home)) == 1 - left


def test_a_tag_may_look_like_an_option(home: Path) -> None:
    folder = finished(home, "first").folder
    main(["--runs", str(home), "tag", "first", "+json", "+help"])
    assert main(["--runs", str(home), "tag", "first", "-json"]) == EXIT_DONE
    assert read_annotations(folder).tags == ("help",)


def test_a_list_is_filtered_as_in_the_dashboard(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = finished(home, "first").folder
    finished(home, "second")
    runs = ["--runs", str(home)]
    main([*runs, "tag", "first", "+paper"])
    capsys.readouterr()
    for text in ("tag:paper", "name~/^fir/ lr>0 -second", "first state:finished"):
        assert main([*runs, "list", "--filter", text, "--json"]) == EXIT_DONE
        assert [run["id"] for run in json.loads(capsys.readouterr().out)["runs"]] == [folder.id]
    assert main([*runs, "list", "--filter", "lr>1"]) == EXIT_DONE
    assert capsys.readouterr().out == "none of 2 runs fits the filter\n"
    assert main([*runs, "list", "--filter", "lr>"]) == EXIT_WRONG_USE
    assert capsys.readouterr().err == "hybrid-tui: --filter: lr> needs a value\n"


def test_a_list_takes_the_filter_of_a_view(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "second"):
        finished(home, name)
    runs = ["--runs", str(home)]
    assert main([*runs, "list", "--view", "mine"]) == EXIT_WRONG_USE
    assert "no view of that name; none is saved" in capsys.readouterr().err
    keep_named("mine", TableView(filter="state:finished"))
    for more, found in (([], 2), (["--filter=-second"], 1)):
        assert main([*runs, "list", "--view", "mine", *more, "--json"]) == EXIT_DONE
        assert len(json.loads(capsys.readouterr().out)["runs"]) == found
    assert main([*runs, "list", "--view", "other"]) == EXIT_WRONG_USE
    assert "there are mine" in capsys.readouterr().err
