"""``study`` and ``sweep`` from the command line: real runs once, wrong use in one line, nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from retrieval_files import beir_folder

from engine.runs.folder import RunFolder, read_spec
from engine.runs.study_record import digest_of_claims
from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main
from tui.commands import study as study_command

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
benchmarks = ["cldr", "beir/*=beir"]
optional = ["mlqa-r=nowhere"]
slow_on_cpu = "an hour"
[[conditions]]
name = "mono"
set = ["batch.mode=mono"]
[[conditions]]
name = "cross"
set = ["batch.mode=cross"]
[[conditions]]
name = "words"
model = "bm25"
[[claims]]
sentence = "cross costs nothing in English"
measure = "ndcg_at_10"
benchmark = "beir/*"
condition = "cross"
against = "mono"
relation = "not inferior"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(CONFIG)
    Path("pair.toml").write_text(STUDY)
    for name in ("first", "second"):
        beir_folder(tmp_path / "beir" / name)
    return tmp_path


@pytest.mark.long
@pytest.mark.usefixtures("quick_workers")
@pytest.mark.timeout(240)
def test_a_study_runs_reports_and_is_not_run_twice(folder, capsys):
    """Two trainings of three steps and an evaluation, all on three benchmarks; the second time, without --wait, the
    same runs give the same report at once."""
    assert main(["--runs", "runs", "study", "pair.toml", "--wait", "--json"]) == EXIT_DONE
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (document["study"], [run["state"] for run in document["runs"]]) == ("pair", ["finished"] * 3)
    assert [run["mode"] for run in document["runs"][:2]] == ["mono", "cross"]
    assert {tuple(sorted(run["metrics"])) for run in document["runs"]} == {("beir/first", "beir/second", "cldr")}
    records = [read_spec(RunFolder(Path("runs") / run["id"])).study for run in document["runs"]]
    assert [record.condition for record in records] == ["mono", "cross", "words"]
    assert {record.benchmarks for record in records} == {("cldr", "beir/*")}
    assert {record.claims_digest for record in records} == {digest_of_claims(records[0].claims)}
    assert "an hour" in printed.err or Path("/proc/driver/nvidia/version").exists()
    assert "[3/3]" in printed.err
    assert "left out, for their folders are not there: mlqa-r" in printed.err
    assert "cldr: map_monolingual" in printed.err
    assert "beir/first: ndcg_at_10" in printed.err
    assert all(Path(file).is_file() for file in document["files"])
    report = json.loads(Path("study-pair/report.json").read_text())
    assert report == document["report"]
    assert [one["benchmark"] for one in report["benchmarks"]] == ["cldr", "beir/*"]
    assert report["benchmarks"][1]["data_sets"] == ["beir/first", "beir/second"]
    answers = [answer for one in report["benchmarks"] for answer in one["answers"]]
    assert all(answer["verdict"].endswith("for these seeds") for answer in answers)
    assert [claim["claim"]["sentence"] for claim in report["claims"]] == ["cross costs nothing in English"]

    assert main(["--runs", "runs", "study", "pair.toml", "--out", "again"]) == EXIT_DONE
    text = capsys.readouterr().out
    assert "pair: 3 runs, 3 finished before\n" in text
    assert "cross against mono on cldr" in text
    assert all(answer["quality"] in text for answer in answers)
    assert f"{report['claims'][0]['judgement']}: cross costs nothing in English" in text
    assert Path("again/report.json").read_text() == Path("study-pair/report.json").read_text()
    assert len(list(Path("runs").iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["study", "nothing.toml"], "nothing.toml"),
        (["study", "pair.toml", "--set", "batch.size=1"], "batch.size"),
        (["study", "pair.toml", "--out", "small.toml"], "--out: small.toml is not a folder"),
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


def test_a_study_of_which_a_run_failed_says_why_there_is_no_report(folder, capsys, monkeypatch):
    """The runs' homes are never made: only what the command says of how they ended is asked."""
    ended = [SimpleNamespace(state="finished"), SimpleNamespace(state="failed")]
    monkeypatch.setattr(study_command, "_start", lambda planned, options: ([], ended))
    assert main(["--runs", "runs", "study", "pair.toml", "--wait"]) != EXIT_DONE
    assert capsys.readouterr().out.startswith("no report: of 2 runs, 1 failed; the same command")
    assert not Path("study-pair").exists()


@pytest.mark.parametrize("arguments", [["sweep", "small.toml"], ["sweep", "x", "--grid", "a=1", "--seeds", "0,x"]])
def test_the_parser_refuses(folder, arguments):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == EXIT_WRONG_USE
