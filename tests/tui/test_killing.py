"""Worker, dashboard and terminal are killed in every order: what is shown is true within five seconds."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.terminal import HYBRID_TUI, Terminal

from engine.runs.folder import RunFolder
from engine.runs.lock import probe

pytestmark = pytest.mark.timeout(120)

LIVE_RUNS = Path(__file__).parents[2] / "benchmarks" / "live_runs.py"
TRUE_WITHIN = 5.0  # seconds
ORDERS = list(itertools.permutations(("worker", "dashboard", "terminal")))


class Box:
    """A run with a worker process that holds its lock and writes its log, and a dashboard on it in a terminal."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = f"{name}-0"
        self.folder = RunFolder(home / f"20260101-{self.name}")
        self.worker = subprocess.Popen(
            [sys.executable, str(LIVE_RUNS), str(home), "--runs", "1", "--name", name, "--history", "100",
             "--seconds", "100"],
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._home = home
        self.terminal: Terminal | None = None

    def ready(self) -> None:
        assert self.worker.stdout is not None
        assert self.worker.stdout.readline() == b"ready\n"

    def open(self) -> None:
        self.terminal = Terminal([HYBRID_TUI, "--runs", str(self._home)])

    def kill(self, what: str) -> None:
        assert self.terminal is not None
        if what == "worker":
            self.worker.send_signal(signal.SIGKILL)
            self.worker.wait()
        elif what == "dashboard":
            self.terminal.process.kill()
            self.terminal.process.wait()
        else:
            self.terminal.hang_up()

    @property
    def works(self) -> bool:
        return self.worker.poll() is None


def row(terminal: Terminal, name: str) -> str:
    """What a dashboard's list says of a run."""
    return next((line for line in terminal.screen.display if re.search(rf"\b{name}\b", line)), "")


def true_on(terminal: Terminal, boxes: list[Box]) -> bool:
    return all(("running" if box.works else "crashed") in row(terminal, box.name) for box in boxes)


def wait_until(terminals: list[Terminal], condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        for terminal in terminals:
            terminal.read(0.05)
    return True


@pytest.fixture
def boxes(home: Path) -> Iterator[list[Box]]:
    """One for every order."""
    made = [Box(home, "-".join(part[0] for part in order)) for order in ORDERS]
    for box in made:
        box.ready()
    yield made
    for box in made:
        box.worker.kill()
        box.worker.wait()
        assert box.worker.stdout is not None
        box.worker.stdout.close()
        if box.terminal is not None and box.terminal.process.poll() is None:
            box.terminal.process.kill()
            box.terminal.process.wait()


def test_in_every_order_of_killing_all_that_is_left_shows_the_truth_within_five_seconds(
    home: Path, boxes: list[Box]
) -> None:
    for box in boxes:
        box.open()
    witness = Terminal([HYBRID_TUI, "--runs", str(home)])
    everyone = [witness, *(box.terminal for box in boxes if box.terminal is not None)]
    assert wait_until(everyone, lambda: all(true_on(each, boxes) for each in everyone), 30.0), witness.text()
    gone: set[Terminal] = set()
    for stage in range(3):
        for order, box in zip(ORDERS, boxes, strict=True):
            box.kill(order[stage])
            if order[stage] != "worker":
                assert box.terminal is not None
                gone.add(box.terminal)
        for order, box in zip(ORDERS, boxes, strict=True):
            assert box.works == ("worker" not in order[: stage + 1])
            assert probe(box.folder).alive is box.works
        left = [terminal for terminal in everyone if terminal not in gone]
        assert wait_until(left, lambda left=left: all(true_on(each, boxes) for each in left), TRUE_WITHIN), (
            f"after stage {stage}:\n" + "\n".join(each.text() for each in left)
        )
    assert not any(box.works for box in boxes)
    fresh = Terminal([HYBRID_TUI, "--runs", str(home)])
    assert wait_until([fresh], lambda: true_on(fresh, boxes), TRUE_WITHIN), fresh.text()
    for terminal in (witness, fresh):
        terminal.press("q")
        assert terminal.wait() == 0
