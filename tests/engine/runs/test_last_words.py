"""A worker that dies by itself says why in worker.log; that is told, and nothing that was said about another death."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.runs.folder import RunFolder
from engine.runs.last_words import cause_of_death, last_words, telling_part
from engine.runs.lock import Liveness
from engine.runs.state import RunState
from engine.runs.status import explanation

GONE = Liveness(alive=False, owner=None)
DYING = """
import faulthandler, os, sys
faulthandler.enable()
os.write(2, b"terminate called after throwing an instance of 'c10::Error'\\n")
os.write(2, b"  what():  CUDA error: device-side assert triggered\\n")
os.abort()
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_a_process_that_aborts_tells_its_signal_and_why(folder: RunFolder) -> None:
    with folder.log.open("wb") as log:
        subprocess.run([sys.executable, "-c", DYING], stderr=log, check=False)
    cause = "died by SIGABRT: CUDA error: device-side assert triggered (worker.log)"
    assert cause_of_death(last_words(folder)) == cause
    state = RunState(started=1.0, updated=time.time(), phase="running", checkpoint_step=40)
    assert explanation(folder, state, GONE) == f"{cause}, resumable from step 40"
    assert explanation(folder, RunState(), GONE) == cause


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ("Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n  File x", "died by SIGSEGV"),
        ("Traceback:\n  File x\ntorch.cuda.OutOfMemoryError: no room", "torch.cuda.OutOfMemoryError: no room"),
        ("oneMKL FATAL ERROR: cannot load libmkl", "oneMKL FATAL ERROR: cannot load libmkl"),
    ],
)  # fmt: skip
def test_what_others_say_last(lines: str, cause: str) -> None:
    assert cause_of_death(lines.splitlines()) == f"{cause} (worker.log)"


def test_who_was_killed_from_outside_said_nothing(folder: RunFolder) -> None:
    folder.log.write_text("loading the model\n")
    state = RunState(started=1.0, updated=time.time(), phase="running")
    assert explanation(folder, state, GONE) == "killed, resumable from the beginning"


def test_what_was_said_before_the_last_event_is_about_something_else(folder: RunFolder) -> None:
    folder.log.write_text("ValueError: of an earlier attempt\n")
    state = RunState(started=1.0, updated=time.time() + 60, phase="running")
    assert explanation(folder, state, GONE) == "killed, resumable from the beginning"


def test_a_long_log_is_read_at_its_end_only_and_other_files_never(folder: RunFolder) -> None:
    folder.log.write_text("".join(f"line {number} {'x' * 40}\n" for number in range(100_000)))
    words = last_words(folder)
    assert (len(words), words[-1].split()[1]) == (200, "99999")
    folder.log.unlink()
    os.mkfifo(folder.log)
    assert last_words(folder) == ()
    folder.log.unlink()
    (folder.path / "secret").write_text("secret\n")
    folder.log.symlink_to(folder.path / "secret")
    assert last_words(folder) == ()


def test_what_is_shown_begins_with_the_cause_and_not_with_the_end_of_the_frames() -> None:
    before = [f"step {number}" for number in range(50)]
    cause = ["terminate called after throwing", "  what():  CUDA error: x", "Fatal Python error: Aborted"]
    lines = [*before, *cause, *(f'  File "x.py", line {number}' for number in range(90))]
    assert telling_part(lines, 20)[:3] == tuple(cause)
    assert telling_part([*before, "bye"], 20)[-1] == "bye"
    assert telling_part(before[:3], 20) == ("step 0", "step 1", "step 2")
    segfault = [*before, "Fatal Python error: Segmentation fault", *(f"  File {n}" for n in range(90))]
    assert telling_part(segfault, 20)[0] == "Fatal Python error: Segmentation fault"
