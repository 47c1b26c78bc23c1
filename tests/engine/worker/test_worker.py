"""The worker process: queueing, commands without and with a live worker, failures, exit statuses."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from following import ended, recorded, state_of, until

from engine import events
from engine.config import RunConfig, parse_config
from engine.runs.commands import send_command
from engine.runs.device_locks import DeviceLock
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.lock import RunLock, probe
from tui.cli import main

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(240)]

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


class Finished(NamedTuple):
    folder: RunFolder
    status: dict[str, Any]  # as `run --wait --json` printed it
    marker: Path  # what the hook wrote


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


@pytest.fixture
def taken() -> Iterator[DeviceLock]:
    """The only CPU slot, held by somebody else."""
    lock = DeviceLock("cpu-0")
    assert lock.try_acquire("somebody else")
    yield lock
    lock.release()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, quick_workers: None) -> Finished:
    """A run that was waited for, whose hook fails."""
    tmp_path = tmp_path_factory.mktemp("finished")
    marker = tmp_path / "told"
    settings = ["--set", f"hooks.on_finish=sh -c 'echo \"$0\" > {marker}; exit 5'"]
    command = ["--runs", str(tmp_path / "runs"), "run", str(write(tmp_path, 6)), "--wait", "--json", *settings]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(command) == 0
    status = json.loads(printed.getvalue())
    return Finished(RunFolder(tmp_path / "runs" / status["id"]), status, marker)


def test_a_finished_run_leaves_results_a_model_and_a_clean_state(finished: Finished) -> None:
    folder, status = finished.folder, finished.status
    assert (status["state"], status["step"], status["pid"]) == ("finished", 6, None)
    assert status["metrics"]["cldr"]["map_monolingual"] > 0
    assert (folder.model / "model.safetensors").is_file()
    assert (folder.results / "step-000006" / "cldr" / "ranks.parquet").is_file()
    assert {path.name for path in folder.path.iterdir()} >= {"spec.json", "events.jsonl", "state.json", "worker.log"}


def test_the_seconds_before_the_model_say_what_they_go_into(finished: Finished) -> None:
    told = recorded(finished.folder, events.Progress)
    loaded = recorded(finished.folder, events.ModelLoaded)
    assert told[0].what == "loading torch and transformers"
    assert told[0].seq < loaded[0].seq


def test_a_failing_hook_is_reported_and_the_run_stays_finished(finished: Finished) -> None:
    assert finished.marker.read_text().strip() == str(finished.folder.path)
    assert any("status 5" in event.message for event in recorded(finished.folder, events.Warning))


def test_a_killed_evaluation_leaves_a_finished_run_finished(finished: Finished) -> None:
    """Also when it is evaluated once more after that, and when somebody then asks to stop it."""
    folder = finished.folder
    home = str(folder.path.parent)
    resume(folder, evaluate=True)
    until(lambda: len(recorded(folder, events.EvalStarted)) == 2, "the evaluation", interval=0.001)
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    assert ended(folder) == "finished"
    assert main(["--runs", home, "stop", "last"]) == 2
    assert main(["--runs", home, "evaluate", "last", "--wait"]) == 0
    assert state_of(folder) == "finished"


def write(tmp_path: Path, steps: int) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(text(tmp_path, steps))
    return path


def test_a_paused_run_is_evaluated_and_paused_again(tmp_path: Path) -> None:
    """One evaluation more and not one step; a worker that then dies before its first word has crashed."""
    folder = launch(tmp_path / "runs", config(tmp_path, 100_000))
    until(lambda: recorded(folder, events.Step), "the first steps")
    assert not DeviceLock("cpu-0").try_acquire("whoever else wants to compute")
    send_command(folder, "pause")
    assert ended(folder) == "paused"
    steps = len(recorded(folder, events.Step))
    assert main(["--runs", str(tmp_path / "runs"), "evaluate", "last", "--wait"]) == 0
    assert state_of(folder) == "paused"
    assert len(recorded(folder, events.EvalFinished)) == 1
    assert len(recorded(folder, events.Step)) == steps
    lock = RunLock.acquire(folder)
    lock.announce(attempt=3)  # what the launcher writes; the worker itself never came
    lock.release()
    assert state_of(folder) == "crashed"


def test_commands_that_come_together_are_each_carried_out_once(tmp_path: Path) -> None:
    """The evaluation that the first asks for obeys the second on its way; nothing is left unanswered at the end."""
    folder = launch(tmp_path / "runs", config(tmp_path, 100_000))
    until(lambda: recorded(folder, events.Step), "the first steps")
    asked = [send_command(folder, name) for name in ("evaluate", "checkpoint", "stop", "pause")]
    assert ended(folder) in ("stopped", "paused")
    answered = [event.uuid for event in recorded(folder, events.CommandDone)]
    assert sorted(answered) == sorted(asked)
    assert not list(folder.control.glob("*.json"))


def test_a_run_waits_in_the_queue_and_obeys_there(tmp_path: Path, taken: DeviceLock) -> None:
    """What it needs may vanish meanwhile: then it fails, and says what is missing."""
    home = tmp_path / "runs"
    waiting: list[RunFolder] = []
    for _ in range(2):
        waiting.append(launch(home, config(tmp_path, 4)))
        until(lambda: state_of(waiting[-1]) == "queued", "the run to queue")
    until(
        lambda: (recorded(waiting[1], events.Device)[-1].waiting_for or "").endswith(f"(after {waiting[0].id})"),
        "its place",
    )
    send_command(waiting[0], "pause")
    assert ended(waiting[0]) == "paused"
    (tmp_path / "pairs.jsonl").unlink()
    taken.release()
    assert ended(waiting[1]) == "failed"
    (failure,) = recorded(waiting[1], events.RunFailed)
    assert "pairs.jsonl" in failure.error
    assert failure.hint


def test_time_in_the_queue_is_not_the_runs(tmp_path: Path, taken: DeviceLock) -> None:
    folder = launch(tmp_path / "runs", config(tmp_path, 1))
    until(lambda: state_of(folder) == "queued", "the run to queue")
    time.sleep(1.0)
    taken.release()
    assert ended(folder) == "finished"
    queued, acquired = recorded(folder, events.Device)[:2]
    (finished,) = recorded(folder, events.RunFinished)
    assert acquired.t - queued.t > 0.9
    assert finished.seconds < finished.t - acquired.t + 0.1

    assert taken.try_acquire("somebody else")
    assert main(["--runs", str(tmp_path / "runs"), "evaluate", "last"]) == 0
    until(lambda: state_of(folder) == "queued", "the evaluation to queue")
    send_command(folder, "stop")
    assert ended(folder) == "finished"
    assert recorded(folder, events.RunFinished)[-1].seconds == 0.0


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


def test_a_foreground_run_passes_a_signal_on_and_exits_as_paused(tmp_path: Path) -> None:
    """And prints one JSON document, where it was asked for one, and nothing else."""
    home = tmp_path / "runs"
    command = [sys.executable, "-m", "tui.cli", "--runs", str(home), "run", str(write(tmp_path, 100_000))]
    process = subprocess.Popen([*command, "--wait", "--json"], stdout=subprocess.PIPE)
    until(lambda: list(home.glob("small-*/events.jsonl")), "the run folder")
    folder = RunFolder(next(home.glob("small-*")))
    until(lambda: recorded(folder, events.Step), "the first steps")
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert json.loads(printed)["state"] == "paused"
    assert ended(folder) == "paused"
