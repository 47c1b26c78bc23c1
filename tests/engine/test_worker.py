"""The worker process: queueing, commands without and with a live worker, failures, exit statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from following import ended, recorded, state_of, until

from engine import events
from engine.config import RunConfig, parse_config
from engine.runs.commands import send_command
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.liveness import RunLock, probe
from tui.cli import main

pytestmark = pytest.mark.timeout(240)

CONFIG = """
name = "small"
[model]
max_query_tokens = 32
max_passage_tokens = 32
[[sources]]
kind = "jsonl"
path = "{pairs}"
[batch]
mode = "mono"
size = 4
[optimizer]
max_steps = {steps}
[evaluation]
benchmarks = ["cldr"]
languages = ["de", "en"]
at_start = false
[runtime]
devices = "cpu"
threads = 1
"""
ANIMALS = ("cat", "dog", "owl", "fox", "hen", "bee", "ant", "elk")


def text(tmp_path: Path, steps: int) -> str:
    pairs = tmp_path / "pairs.jsonl"
    rows = [
        {"group": animal, "language": language, "question": f"{language} what is {animal}?", "passage": f"{animal} is"}
        for animal in ANIMALS
        for language in ("de", "en")
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return CONFIG.format(pairs=pairs, steps=steps)


def config(tmp_path: Path, steps: int) -> RunConfig:
    return parse_config(text(tmp_path, steps))


def command_line(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui.cli", "--runs", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_finished_run_leaves_results_a_model_and_a_clean_state(tmp_path: Path) -> None:
    done = command_line(tmp_path / "runs", "run", str(write(tmp_path, 6)), "--wait", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert (status["state"], status["step"], status["pid"]) == ("finished", 6, None)
    assert status["metrics"]["cldr"]["map_monolingual"] > 0
    folder = RunFolder(tmp_path / "runs" / status["id"])
    assert (folder.model / "model.safetensors").is_file()
    assert (folder.results / "step-000006" / "cldr" / "ranks.parquet").is_file()
    assert {path.name for path in folder.path.iterdir()} >= {"spec.json", "events.jsonl", "state.json", "worker.log"}


def write(tmp_path: Path, steps: int) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(text(tmp_path, steps))
    return path


def test_evaluate_gives_a_run_its_former_state_back(tmp_path: Path) -> None:
    """A paused run that is evaluated is paused again, with one evaluation more and not one step."""
    folder = launch(tmp_path / "runs", config(tmp_path, 100_000))
    until(lambda: recorded(folder, events.Step), "the first steps")
    send_command(folder, "pause")
    assert ended(folder) == "paused"
    steps = len(recorded(folder, events.Step))
    assert main(["--runs", str(tmp_path / "runs"), "evaluate", "last", "--wait"]) == 0
    assert state_of(folder) == "paused"
    assert len(recorded(folder, events.EvalFinished)) == 1
    assert len(recorded(folder, events.Step)) == steps


def test_a_killed_evaluation_leaves_a_finished_run_finished(tmp_path: Path) -> None:
    """Also when it is evaluated once more after that, and when somebody then asks to stop it."""
    home = tmp_path / "runs"
    folder = launch(home, config(tmp_path, 4))
    assert ended(folder) == "finished"
    resume(folder, evaluate=True)
    until(lambda: len(recorded(folder, events.EvalStarted)) == 2, "the evaluation", interval=0.001)
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    assert ended(folder) == "finished"
    assert main(["--runs", str(home), "stop", "last"]) == 2
    assert main(["--runs", str(home), "evaluate", "last", "--wait"]) == 0
    assert state_of(folder) == "finished"


def test_commands_that_come_together_are_each_carried_out_once(tmp_path: Path) -> None:
    """The evaluation that the first asks for obeys the second on its way; nothing is left unanswered at the end."""
    folder = launch(tmp_path / "runs", config(tmp_path, 100_000))
    until(lambda: recorded(folder, events.Step), "the first steps")
    asked = [send_command(folder, name) for name in ("evaluate", "checkpoint", "stop", "pause")]
    assert ended(folder) in ("stopped", "paused")
    answered = [event.uuid for event in recorded(folder, events.CommandDone)]
    assert sorted(answered) == sorted(asked)
    assert not list(folder.control.glob("*.json"))


def test_a_second_run_waits_in_the_queue_and_obeys_there(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    first = launch(home, config(tmp_path, 100_000))
    until(lambda: recorded(first, events.Step), "the first run's steps")
    second = launch(home, config(tmp_path, 100_000))
    until(lambda: state_of(second) == "queued", "the second run to queue")
    third = launch(home, config(tmp_path, 4))
    send_command(second, "pause")
    assert ended(second) == "paused"
    assert state_of(first) == "running"
    send_command(first, "stop")
    assert ended(first) == "stopped"
    assert ended(third) == "finished"


def test_stop_of_a_crashed_run_is_recorded_and_it_stays_resumable(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    folder = launch(home, config(tmp_path, 100_000))
    until(lambda: recorded(folder, events.Step), "the first steps")
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    assert ended(folder) == "crashed"
    assert main(["--runs", str(home), "pause", "last"]) == 2
    assert main(["--runs", str(home), "stop", "last"]) == 0
    assert state_of(folder) == "stopped"
    resume(folder)
    until(lambda: any(event.attempt == 2 for event in recorded(folder, events.Step)), "steps after the resume")
    send_command(folder, "stop")
    assert ended(folder) == "stopped"


def test_a_resumed_worker_that_dies_before_its_first_word_reads_as_crashed(tmp_path: Path) -> None:
    folder = launch(tmp_path / "runs", config(tmp_path, 100_000))
    until(lambda: recorded(folder, events.Step), "the first steps")
    send_command(folder, "pause")
    assert ended(folder) == "paused"
    lock = RunLock.acquire(folder)
    lock.announce(attempt=2)  # what the launcher writes; the worker itself never came
    lock.release()
    assert state_of(folder) == "crashed"


def test_data_that_vanish_make_a_failed_run_that_says_which(tmp_path: Path) -> None:
    first = launch(tmp_path / "runs", config(tmp_path, 100_000))
    until(lambda: recorded(first, events.Step), "the device to be taken")
    second = launch(tmp_path / "runs", config(tmp_path, 4))
    (tmp_path / "pairs.jsonl").unlink()
    send_command(first, "stop")
    assert ended(second) == "failed"
    (failure,) = recorded(second, events.RunFailed)
    assert "pairs.jsonl" in failure.error
    assert failure.hint


def test_a_foreground_run_passes_a_signal_on_and_exits_as_paused(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    command = [sys.executable, "-m", "tui.cli", "--runs", str(home), "run", str(write(tmp_path, 100_000)), "--wait"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until(lambda: list(home.glob("small-*/events.jsonl")), "the run folder")
    folder = RunFolder(next(home.glob("small-*")))
    until(lambda: recorded(folder, events.Step), "the first steps")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 3
    assert ended(folder) == "paused"


def test_a_failing_hook_is_reported_and_the_run_stays_finished(tmp_path: Path) -> None:
    marker = tmp_path / "told"
    settings = ["--set", f"hooks.on_finish=sh -c 'echo \"$0\" > {marker}; exit 5'"]
    done = command_line(tmp_path / "runs", "run", str(write(tmp_path, 4)), "--wait", *settings)
    assert done.returncode == 0
    folder = RunFolder(next((tmp_path / "runs").glob("small-*")))
    assert marker.read_text().strip() == str(folder.path)
    assert any("status 5" in event.message for event in recorded(folder, events.Warning))
