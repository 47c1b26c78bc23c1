"""Folders, arguments and runs whose names are not UTF-8: they work, or are one line with status 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import FAKE_WORKER, bare_run, kill_workers, recorded, started

from engine import events
from engine.runs import launch
from engine.runs.folder import RunFolder, read_spec
from engine.runs.log import EventLog
from engine.runs.registry import list_runs
from tui.cli import main

CAFE = os.fsdecode(b"caf\xe9")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A config in a folder of such a name."""
    monkeypatch.setattr(launch, "WORKER", (str(FAKE_WORKER),))
    path = tmp_path / CAFE / "small.toml"
    path.parent.mkdir()
    path.write_text('name = "small"\n[[sources]]\nkind = "cldr"\n[optimizer]\nmax_steps = 10\n')
    yield path
    for home in (tmp_path / "runs", tmp_path / CAFE / "runs"):
        kill_workers(home)


def test_a_config_and_a_runs_folder_of_such_a_name_work(
    config: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home = config.parent / "runs"
    monkeypatch.setattr(sys, "argv", ["hybrid-tui", "run", str(config)])
    assert main(["--runs", str(home), "run", str(config), "--wait"]) == 0
    (folder,) = list_runs(home)
    assert read_spec(folder).provenance.command_line[-1].endswith("caf\\udce9/small.toml"), "with replacements"
    assert main(["--runs", str(home), "status", "last", "--json"]) == 0
    assert '"state": "finished"' in capfd.readouterr().out


@pytest.mark.parametrize("field", ["model.query_prefix", "hooks.on_end"])
def test_a_value_that_is_no_text_is_refused_with_its_field(
    config: Path, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(config), "--set", f"{field}={CAFE}"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{field}: 'caf\\udce9' is not UTF-8" in told


def test_a_path_that_becomes_such_a_one_is_refused_before_a_run_is_made(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "pairs.jsonl").write_text(
        "".join(
            json.dumps({"group": str(group), "language": language, "question": f"{group}?", "passage": f"{group}."})
            + "\n"
            for group in range(8)
            for language in ("de", "en")
        )
    )
    config.write_text('name = "small"\n[[sources]]\nkind = "jsonl"\npath = "pairs.jsonl"\n')
    monkeypatch.chdir(config.parent)
    assert main(["--runs", str(tmp_path / "runs"), "run", "small.toml"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("hybrid-tui: sources[0].path: ")
    assert "is not UTF-8" in told
    assert not (tmp_path / "runs").exists()


def test_one_run_of_such_a_name_leaves_the_others_in_sight(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    for name in ("plain", os.fsdecode(b"bad\xff")):
        folder = bare_run(home, run_id=name)
        log = EventLog.open(folder, 1)
        log.append(started())
        log.append(events.RunFinished(step=1, seconds=1.0))
        log.close()
    command = [sys.executable, "-m", "tui.cli", "--runs", str(home)]
    document = subprocess.run([*command, "list", "--json"], capture_output=True, check=True)
    assert {each["id"] for each in json.loads(document.stdout)["runs"]} == {"plain", "bad\\udcff"}
    lines = subprocess.run([*command, "list"], capture_output=True, check=True)
    assert b"plain" in lines.stdout
    assert b"bad\\" in lines.stdout
    plain = subprocess.run([*command, "--plain"], capture_output=True, check=True)
    assert b"Traceback" not in plain.stderr


def test_an_error_that_names_such_a_file_is_kept_in_the_log(tmp_path: Path) -> None:
    folder: RunFolder = bare_run(tmp_path)
    log = EventLog.open(folder, 1)
    assert log.append(events.RunFailed(error=f"no file {CAFE}", last_lines=[CAFE]))
    log.close()
    (failed,) = recorded(folder)
    assert isinstance(failed, events.RunFailed)
    assert (failed.error, failed.last_lines) == ("no file caf\\udce9", ["caf\\udce9"])
