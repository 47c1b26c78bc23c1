"""Bad input to the command line: one line that names what is wrong, exit 2, and nothing left behind."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from tui import cli
from tui.cli import main

CONFIG = """
name = "wrong"
[[sources]]
kind = "cldr"
"""


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Runs the command; returns its one line on stderr."""
    status = main(arguments)
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.mark.parametrize(
    ("addition", "field"),
    [
        ("[batch]\nsise = 64\n", "batch.sise"),
        ("[optimizer]\nmax_steps = 'many'\n", "optimizer.max_steps"),
        ("[batch]\nmono_share = 1.2\n", "batch.mono_share"),
        ("[[sources]]\nkind = 'jsonl'\npath = 'missing.jsonl'\n", "sources[1].path"),
        ("[[sources]]\nkind = 'cldr'\nlanguages = ['en', 'xx']\n", "sources[1].languages"),
        ("[model]\nname = './missing'\n", "model.name"),
        ("[evaluation]\nbenchmarks = ['xquad-r=missing']\n", "evaluation.benchmarks[0]"),
    ],
)
def test_a_wrong_config_leaves_no_run_behind(
    addition: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.toml").write_text(CONFIG + addition)
    line = refused(["--runs", "runs", "run", "wrong.toml"], capsys)
    assert "wrong.toml:" in line
    assert field in line
    assert not Path("runs").exists()


def test_a_malformed_file_of_the_users_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only reading the data can tell is told before a run is made, too."""
    monkeypatch.chdir(tmp_path)
    Path("pairs.jsonl").write_text('{"group": "a", "language": "en", "question": "q?", "passage": "p"}\n{"group": 3}\n')
    Path("own.toml").write_text("[[sources]]\nkind = 'jsonl'\npath = 'pairs.jsonl'\n[batch]\nmode = 'mixed'\n")
    line = refused(["--runs", "runs", "run", "own.toml"], capsys)
    assert "pairs.jsonl:2" in line
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "nothing"],
        ["pause", "nothing"],
        ["resume", "last"],
        ["export", "nothing", "--table", "summary", "--format", "csv"],
        ["run", "missing.toml"],
        ["run", "{config}", "--set", "batch.mono_share=2"],
        ["run", "{config}", "--name", "a/b"],
        ["run", "{config}", "--from", "nothing"],
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "valid.toml"
    config.write_text(CONFIG)
    home = tmp_path / "runs"
    refused(["--runs", str(home), *(argument.format(config=config) for argument in arguments)], capsys)
    assert not home.exists() or not list(home.iterdir())


@pytest.mark.parametrize(
    "arguments", [["demo", "--seed", "-1"], ["demo", "--seed", "x"], ["compare", "a", "--margin", "x"], ["dance"]]
)
def test_wrong_arguments_are_one_line_without_the_usage_text(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--runs", "list"],
        ["--run", "x", "--plain"],
        ["--theme=dark", "--no-mouse", "--settings", "a", "--charset", "ascii"],
    ],
)
def test_the_dashboards_own_parser_understands_its_options_as_the_whole_parser_does(arguments: list[str]) -> None:
    found, whole = vars(cli.dashboard_options(arguments)), vars(cli.build_parser().parse_args(arguments))  # type: ignore[arg-type]
    assert {**found, "handler": None} == {**whole, "handler": None}


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["--runs", "x", "list"], ["-h"], ["--bogus"], ["--theme", "x"], ["sweep", "--set"], ["demo", "--theme"]],
)
def test_whatever_is_not_only_the_dashboards_options_is_left_to_the_whole_parser(arguments: list[str]) -> None:
    assert cli.dashboard_options(arguments) is None


@pytest.mark.parametrize("devices", ["cuda", "cuda:99", "cuda:0,99", "cuda:all"])
def test_gpus_that_are_not_here_are_refused_before_a_run_is_made(
    devices: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    config = tmp_path / "small.toml"
    config.write_text('name = "small"\n[[sources]]\nkind = "cldr"\n')
    told = refused(
        ["--runs", str(tmp_path / "runs"), "run", str(config), "--set", f"runtime.devices={devices}"], capsys
    )
    assert told.startswith("hybrid-tui: runtime.devices: no cuda")
    assert not (tmp_path / "runs").exists()


def test_options_of_the_dashboard_stand_before_a_command_and_after_it(tmp_path: Path) -> None:
    parser = cli.build_parser()
    for arguments in (["--runs", "x", "--plain", "demo"], ["demo", "--runs", "x", "--plain"]):
        options = parser.parse_args(arguments)
        assert (options.runs, options.plain, options.theme) == ("x", True, None)
    assert parser.parse_args(["--runs", "x", "list", "--runs", "y"]).runs == "y", "the last one holds"
    assert parser.parse_args(["--runs", "x", "list"]).runs == "x"


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"hybrid-tui {importlib.metadata.version('hybrid-tui')}\n"
