"""``study`` and ``sweep`` from the command line: real runs once, wrong use in one line, nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main

CONFIG = """
name = "small"
[model]
name = "tiny"
[[sources]]
kind = "cldr"
languages = ["de", "en"]
[batch]
size = 16
[optimizer]
max_steps = 3
[evaluation]
benchmarks = ["cldr"]
languages = ["de", "en"]
at_start = false
"""
STUDY = """
name = "pair"
config = "small.toml"
seeds = [0]
slow_on_cpu = "an hour"
[[conditions]]
name = "mono"
set = ["batch.mode=mono"]
[[conditions]]
name = "cross"
set = ["batch.mode=cross"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(CONFIG)
    Path("pair.toml").write_text(STUDY)
    return tmp_path


@pytest.mark.long
@pytest.mark.usefixtures("quick_workers")
@pytest.mark.timeout(240)
def test_a_study_runs_reports_and_is_not_run_twice(folder, capsys):
    """Two runs of three steps; the second time, without --wait, the same runs give the same report at once."""
    assert main(["--runs", "runs", "study", "pair.toml", "--wait", "--json"]) == EXIT_DONE
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (document["study"], [run["state"] for run in document["runs"]]) == ("pair", ["finished"] * 2)
    assert [run["mode"] for run in document["runs"]] == ["mono", "cross"]
    assert "an hour" in printed.err or Path("/proc/driver/nvidia/version").exists()
    assert "[2/2]" in printed.err
    assert all(Path(file).is_file() for file in document["files"])
    report = json.loads(Path("study-pair/report.json").read_text())
    assert report == document["report"]
    assert report["answers"][0]["verdict"].endswith("for these seeds")

    assert main(["--runs", "runs", "study", "pair.toml", "--out", "again"]) == EXIT_DONE
    text = capsys.readouterr().out
    assert text.startswith("pair: 2 runs, 2 finished before\n")
    assert "cross against mono on cldr" in text
    assert report["answers"][0]["quality"] in text
    assert Path("again/report.json").read_text() == Path("study-pair/report.json").read_text()
    assert len(list(Path("runs").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["study", "nothing.toml"], "nothing.toml"),
        (["study", "pair.toml", "--set", "batch.size=1"], "batch.size"),
        (["sweep", "nothing.toml", "--grid", "batch.size=8"], "nothing.toml"),
        (["sweep", "small.toml", "--grid", "batch.mono_share=0,2"], "batch.mono_share"),
        (["sweep", "small.toml", "--grid", "batch.mode"], "expected key=value,value"),
    ],
)
def test_wrong_use_launches_nothing(folder, capsys, arguments, named):
    assert main(["--runs", "runs", *arguments]) == EXIT_WRONG_USE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("runs").exists()


@pytest.mark.parametrize("arguments", [["sweep", "small.toml"], ["sweep", "x", "--grid", "a=1", "--seeds", "0,x"]])
def test_the_parser_refuses(folder, arguments):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == EXIT_WRONG_USE
