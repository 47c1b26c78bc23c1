"""Users without a home, with one that they may not write to, without a name: each is one line before a run is made."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from engine.runs.logout import user_name
from tui.cli import main

ADVICE = "set XDG_STATE_HOME and HYBRID_TUI_CACHE to folders that you may write to"
NO_HOME = f"hybrid-tui: you have no home folder: {ADVICE}\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a run, for a person whose folders are where they are by default."""
    for variable in ("XDG_STATE_HOME", "HYBRID_TUI_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    path = tmp_path / "small.toml"
    path.write_text('name = "small"\n[[sources]]\nkind = "cldr"\n')
    (tmp_path / "runs").mkdir()
    return path


@pytest.fixture
def nobody(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As a user of a container has it that passwd does not know, with $HOME unset."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    return config


def left(config: Path) -> list[Path]:
    return [path for path in config.parent.rglob("*") if path not in (config, config.parent / "runs")]


def test_without_a_home_no_run_is_made(nobody: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(nobody)]) == 2
    assert capsys.readouterr().err == NO_HOME
    assert left(nobody) == []


def test_a_home_that_cannot_be_written_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", "/proc")  # where nobody makes a folder, not even root
    assert main(["run", str(config)]) == 2
    assert (
        capsys.readouterr().err == f"hybrid-tui: /proc/.local/state/hybrid-tui: No such file or directory: {ADVICE}\n"
    )
    assert left(config) == []


def test_what_is_set_is_enough(
    nobody: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main(["run", str(nobody)]) == 2, "the cache has nowhere to be"
    assert capsys.readouterr().err == NO_HOME
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))
    assert main(["run", str(nobody), "--set", "optimizer.max_steps=1"]) == 0
    assert main(["stop", "last", "--discard", "--wait"]) in (0, 2)  # it may have ended by then


@pytest.mark.parametrize("command", [["list"], ["--plain"], ["list", "--json"]])
def test_who_only_looks_needs_no_home(nobody: Path, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_doctor_tries_to_write(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(config.parent / "state"))
    monkeypatch.setenv("HOME", "/proc")
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"ok       state        {config.parent / 'state' / 'hybrid-tui'}: writable" in lines
    assert f"PROBLEM  cache        /proc/.cache/hybrid-tui: No such file or directory: {ADVICE}" in lines
    assert list((config.parent / "state" / "hybrid-tui").iterdir()) == []


def test_doctor_makes_a_folder_where_runs_would_be(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "/proc/runs", "doctor"]) == 1
    assert "PROBLEM  runs         /proc/runs: no run folder can be made here: " in capsys.readouterr().out


def test_a_user_without_a_name_has_a_number(nobody: Path) -> None:
    assert user_name() == str(os.getuid())
