"""sample_configs/slurm/train.sbatch as Slurm runs it: stand-ins for srun and scontrol, and real processes and signals.

Training is that of fake_worker.py, which saves, pauses and resumes as the real one does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from making import FAKE_WORKER, kill_workers, recorded, until, until_free, until_stepping

from engine import events
from engine.config import sample_configs_folder
from engine.runs.folder import RunFolder
from engine.runs.lock import read_owner, signal_worker
from engine.runs.reader import RunReader
from engine.runs.registry import list_runs
from engine.runs.status import status_of

SCRIPT = sample_configs_folder() / "slurm" / "train.sbatch"
COMMAND = """#!{python}
import sys
from engine.runs import launch
from tui.cli import main
launch.WORKER = ({worker!r},)
sys.exit(main(sys.argv[1:]))
"""
SRUN = """#!/bin/bash
echo "$$" > "$SRUN_PID"
"$@" & task=$!
passed_on() { again=yes; kill -TERM "$task"; }
trap passed_on TERM
while again=; wait "$task"; status=$?; [ -n "$again" ]; do :; done
exit "$status"
"""
SCONTROL = """#!/bin/sh
echo "$@" >> "$QUEUE"
"""


class Job:
    """A job of Slurm's in a folder: each start is a process of the script, on a machine of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "runs"
        self.queue, self.srun_pid = folder / "queue", folder / "srun-pid"
        self.config = folder / "small.toml"
        self.config.write_text('name = "small"\n[[sources]]\nkind = "cldr"\n[optimizer]\nmax_steps = 100000\n')
        self.starts = 0
        tools = folder / "bin"
        tools.mkdir()
        command = COMMAND.format(python=sys.executable, worker=str(FAKE_WORKER))
        for name, text in (("hybrid-tui", command), ("srun", SRUN), ("scontrol", SCONTROL)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)

    def start(self) -> subprocess.Popen[bytes]:
        variables = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "QUEUE": str(self.queue),
            "SRUN_PID": str(self.srun_pid),
            "SLURM_JOB_ID": "12",
            "SLURM_SUBMIT_DIR": str(self.folder),
            "SLURM_RESTART_COUNT": str(self.starts),
            "HYBRID_TUI_RUNS": str(self.home),
        }
        self.starts += 1
        return subprocess.Popen(["bash", str(SCRIPT), str(self.config)], env={**os.environ, **variables})

    def run(self) -> RunFolder:
        (folder,) = list_runs(self.home)
        return folder

    def until_training(self, attempt: int) -> RunFolder:
        until(lambda: self.home.exists() and bool(list_runs(self.home)), "the run")
        until(lambda: recorded(self.run())[-1:] != [] and recorded(self.run())[-1].attempt == attempt, "the attempt")
        until_stepping(self.run())
        return self.run()

    def requeued(self) -> list[str]:
        return self.queue.read_text().splitlines() if self.queue.exists() else []

    def move_to_another_machine(self) -> None:
        """As the next machine sees it: the last worker was elsewhere."""
        owner = read_owner(self.run())
        assert owner is not None
        far = msgspec.structs.replace(owner, host="node07", boot_id="another boot")
        self.run().lock.write_bytes(msgspec.json.encode(far))


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    job = Job(tmp_path)
    yield job
    kill_workers(job.home)


def state_of(folder: RunFolder) -> str:
    return status_of(RunReader(folder)).state


def end(job: Job, process: subprocess.Popen[bytes]) -> None:
    """Stops the run and with it the job."""
    assert subprocess.run([job.folder / "bin" / "hybrid-tui", "stop", str(job.run().path), "--wait"]).returncode == 0
    assert process.wait(30) == 3


@pytest.mark.parametrize("receiver", ["script", "step"])
def test_a_job_that_is_preempted_pauses_its_run_and_goes_on_on_another_machine(job: Job, receiver: str) -> None:
    first = job.start()
    folder = job.until_training(1)
    os.kill(first.pid if receiver == "script" else int(job.srun_pid.read_text()), signal.SIGTERM)
    assert first.wait(30) == 3
    assert state_of(folder) == "paused"
    assert job.requeued() == ["requeue 12"]
    paused_at = status_of(RunReader(folder)).step

    job.move_to_another_machine()
    second = job.start()
    assert job.until_training(2).id == folder.id
    resumed = [event for event in recorded(folder) if isinstance(event, events.RunResumed)]
    assert [event.from_step for event in resumed] == [paused_at]
    end(job, second)
    assert job.requeued() == ["requeue 12"], "a person who stops the run does not want it back"


def test_a_job_whose_machine_failed_goes_on_from_the_newest_checkpoint(job: Job) -> None:
    first = job.start()
    folder = job.until_training(1)
    signal_worker(folder, signal.SIGKILL)
    until_free(folder)
    assert first.wait(30) == 1
    assert job.requeued() == [], "that is Slurm's own doing"
    job.move_to_another_machine()
    second = job.start()
    job.until_training(2)
    end(job, second)


def test_a_job_that_starts_again_without_a_run_makes_it(job: Job) -> None:
    job.starts = 1
    process = job.start()
    job.until_training(1)
    end(job, process)
