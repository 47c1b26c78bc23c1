"""The installed command in real pseudo-terminals: what happens to runs when screens come and go."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from following import recorded, state_of, until
from helpers.terminal import HYBRID_TUI, Terminal

from engine.config import RunConfig, load_config, sample_configs_folder
from engine.events import RunPaused, RunStarted, Step
from engine.runs.device_locks import DeviceLock
from engine.runs.launch import launch
from engine.runs.lock import probe
from engine.runs.registry import list_runs

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(300)]


def config(steps: int) -> RunConfig:
    return load_config(
        sample_configs_folder() / "cldr-hybrid.toml",
        [f"optimizer.max_steps={steps}", "batch.size=16", "evaluation.at_start=false", "evaluation.every=0",
         "sources.0.languages=['de','en']", "evaluation.languages=['de','en']"],
    )  # fmt: skip


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_run_started_from_a_dashboard_outlives_its_terminal_and_shows_in_another(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    first = Terminal([HYBRID_TUI, "--runs", str(home)])
    first.until("no runs in")
    first.press("n")
    first.until("new run from cldr-hybrid.toml")
    for field, value in (("steps", "60"), ("batch size", "16"), ("languages", "de,en")):
        while f"› {field}" not in first.text():
            first.press("down" if field == "steps" else "up")
        first.press("ctrl+u", value, "enter")
    first.press("f5")
    until(lambda: list_runs(home), "the run folder")
    (folder,) = list_runs(home)
    until(lambda: recorded(folder, Step), "the first steps")

    second = Terminal([HYBRID_TUI, "--runs", str(home)])
    second.until("running")
    first.hang_up()
    assert probe(folder).alive
    second.until("finished", 150.0)
    assert state_of(folder) == "finished"
    second.press("q")
    assert second.wait() == 0


def test_two_dashboards_and_a_waiting_pause_agree(tmp_path: Path) -> None:
    """Both screens show the pause that a third party asked for; one of them resumes, and leaving stops nothing."""
    home = tmp_path / "runs"
    folder = launch(home, config(10_000))
    until(lambda: recorded(folder, Step), "the first steps")
    screens = [Terminal([HYBRID_TUI, "--runs", str(home)]) for _ in range(2)]
    for screen in screens:
        screen.until("running")
    screens[1].press("enter")
    screens[1].until("last event")
    owner = probe(folder).owner
    assert owner is not None
    subprocess.run([HYBRID_TUI, "--runs", str(home), "pause", "last", "--wait"], check=True, timeout=60)
    until(lambda: gone(owner.pid), "init to bury the process", 5.0)
    for screen in screens:
        screen.until("paused")
    screens[0].press("p")
    for screen in screens:
        screen.until("running")
    (paused,) = recorded(folder, RunPaused)
    resumed = next(event for event in recorded(folder, Step) if event.attempt == 2)
    assert resumed.first_step == paused.step + 1
    screens[0].press("q")
    screens[1].press("q", "q")
    assert [screen.wait() for screen in screens] == [0, 0]
    assert state_of(folder) == "running"
    subprocess.run([HYBRID_TUI, "--runs", str(home), "stop", "last", "--wait"], check=True, timeout=60)
    assert state_of(folder) == "stopped"


def test_two_resumes_at_the_same_moment_start_one_worker(tmp_path: Path) -> None:
    """In the queue of a device that somebody else has: who may go on is settled before anything is loaded."""
    slot = DeviceLock("cpu-0")
    assert slot.try_acquire("somebody else")
    home = tmp_path / "runs"
    folder = launch(home, config(10_000))
    command = [HYBRID_TUI, "--runs", str(home)]
    subprocess.run([*command, "pause", "last", "--wait"], check=True, timeout=60)
    resumes = [subprocess.Popen([*command, "resume", "last"], stderr=subprocess.PIPE) for _ in range(2)]
    statuses = sorted(resume.wait(timeout=60) for resume in resumes)
    assert statuses == [0, 2]
    for resume in resumes:
        assert resume.stderr is not None
        resume.stderr.close()
    until(lambda: state_of(folder) == "queued", "the second attempt to queue")
    subprocess.run([*command, "stop", "last", "--wait"], check=True, timeout=60)
    slot.release()
    assert len(recorded(folder, RunStarted)) == 1
    assert {event.attempt for event in recorded(folder)} == {1, 2}
