"""``report`` writes one file, whole or not at all, and says in one line what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from export_cases import make_evaluation, make_run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    for name, noise in (("mono", 2.0), ("hybrid", 0.6)):
        make_run(home, name, name, {400: {"toy": make_evaluation(0, noise)}})
    return home


def report(home, *arguments):
    return main(["--runs", str(home), "report", *map(str, arguments)])


def test_the_page_is_written_and_named(home, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert report(home, "mono", "hybrid", "--out", out) == EXIT_DONE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(out) in printed.err
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_baseline_joins_the_runs(home, tmp_path):
    out = tmp_path / "report.html"
    assert report(home, "mono", "--baseline", "hybrid", "--out", out) == EXIT_DONE
    assert "Differences to hybrid on toy" in out.read_text(encoding="utf-8")


def test_a_page_that_is_there_is_replaced(home, tmp_path):
    out = tmp_path / "report.html"
    out.write_text("old")
    assert report(home, "mono@400", "--out", out) == EXIT_DONE
    assert "mono@400" in out.read_text(encoding="utf-8")


def test_runs_of_a_folder_whose_name_is_not_utf8_are_read(home, tmp_path, capsys):
    moved = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(home, moved)
    assert report(moved, "mono", "hybrid", "--out", moved / "report.html") == EXIT_DONE
    assert "Differences to mono on toy" in (moved / "report.html").read_text(encoding="utf-8")
    assert main(["--runs", str(moved), "queries", "mono", "--json"]) == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["found"]["rows"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mono"], "--out"),
        (["nothing", "--out", "report.html"], "nothing"),
        (["mono", "--out", "."], "is a folder"),
        (["mono", "--out", "no/such/report.html"], "no folder"),
        (["mono", "--benchmark", "xquad-r", "--out", "report.html"], "no results on xquad-r"),
        (["mono@401", "--out", "report.html"], "no step 401"),
        (["mono@3", "--baseline", "other", "--out", "report.html"], "other"),
        (["mono", "--margin", "-1", "--out", "report.html"], "--margin"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(home, tmp_path, monkeypatch, capsys, arguments, named):
    monkeypatch.chdir(tmp_path)
    try:
        code = report(home, *arguments)
    except SystemExit as end:
        code = end.code
    assert code == EXIT_WRONG_USE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
