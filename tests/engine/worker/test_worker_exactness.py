"""A run that is killed anywhere and resumed ends bit for bit like one that never stopped."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from following import ended, losses, recorded, state_of, until

from engine import events
from engine.config import (
    BatchConfig,
    CheckpointConfig,
    EvaluationConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
    SourceConfig,
)
from engine.events import AnyEvent
from engine.runs.commands import send_command
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.lock import probe
from engine.runs.log import EventCursor

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers"), pytest.mark.timeout(600)]

LANGUAGES = ("de", "en")
STEPS = 40
TRIES = 8
CLOSELY = 0.0005  # seconds between two looks: the windows are some milliseconds wide

CONFIG = RunConfig(
    name="exact",
    seed=3,
    model=ModelConfig(dropout=0.1, max_query_tokens=32, max_passage_tokens=32),
    sources=(SourceConfig(kind="cldr", languages=LANGUAGES),),
    batch=BatchConfig(mode="hybrid", size=16),
    optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=5, max_steps=STEPS),
    runtime=RuntimeConfig(devices="cpu", threads=2),
    evaluation=EvaluationConfig(benchmarks=("cldr",), languages=LANGUAGES, every=20),
    checkpoint=CheckpointConfig(every=10, keep=1),
)


class Watched:
    """Follows a run's log closely enough to kill inside a window of milliseconds."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._cursor = EventCursor(folder.events)
        self.seen: list[AnyEvent] = []
        self.new: list[AnyEvent] = []

    def read(self) -> list[AnyEvent]:
        self.new = self._cursor.poll()
        self.seen += self.new
        return self.new

    def until_event(self, wanted: Callable[[AnyEvent], bool], what: str) -> None:
        until(lambda: any(wanted(event) for event in self.read()), what, interval=CLOSELY)

    def kill(self) -> None:
        owner = probe(self.folder).owner
        assert owner is not None
        os.kill(owner.pid, signal.SIGKILL)
        until(lambda: probe(self.folder).alive is False, "the killed worker's lock to be free")
        self.read()


def in_step(watched: Watched) -> bool:
    watched.until_event(lambda event: isinstance(event, events.Step), "a step")
    watched.kill()
    return True


def in_checkpoint(watched: Watched) -> bool:
    """Half-written checkpoints lie in a hidden folder beside the whole ones."""
    half_written = lambda: any(watched.folder.checkpoints.glob(".*")) if watched.folder.checkpoints.is_dir() else False  # noqa: E731
    watched.until_event(lambda event: isinstance(event, events.Step), "a step")
    until(half_written, "a checkpoint being written", interval=CLOSELY)
    watched.kill()
    return half_written()


def in_evaluation(watched: Watched) -> bool:
    started = lambda event: isinstance(event, events.EvalStarted)  # noqa: E731
    watched.until_event(started, "an evaluation")
    watched.kill()
    last = max(index for index, event in enumerate(watched.seen) if started(event))
    return not any(isinstance(event, events.EvalFinished) for event in watched.seen[last:])


def between_received_and_done(watched: Watched) -> bool:
    watched.until_event(lambda event: isinstance(event, events.Step), "a step")
    uuid = send_command(watched.folder, "evaluate")
    watched.until_event(
        lambda event: isinstance(event, events.CommandReceived) and event.uuid == uuid, "the acknowledgement"
    )
    watched.kill()
    return not any(isinstance(event, events.CommandDone) and event.uuid == uuid for event in watched.seen)


def digests(folder: RunFolder) -> dict[str, str]:
    """SHA-256 of model and optimizer state at the last step."""
    checkpoint = folder.checkpoints / f"step-{STEPS:06d}"
    files = ("model.safetensors", "optimizer.safetensors")
    return {name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in files}


def finish(folder: RunFolder) -> None:
    assert ended(folder) == "finished", (folder.log.read_text()[-2000:], recorded(folder)[-1])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = launch(tmp_path_factory.mktemp("runs"), CONFIG)
    finish(folder)
    return folder


def paused(folder: RunFolder, ask: Callable[[int], object]) -> None:
    """Pauses a live run by ``ask``, which is given its process; the process goes, and a resume makes the next step."""
    of_attempt = lambda number: [event for event in recorded(folder, events.Step) if event.attempt == number]  # noqa: E731
    until(lambda: of_attempt(attempt_of(folder)), "a step")
    owner = probe(folder).owner
    assert owner is not None
    ask(owner.pid)
    assert ended(folder) == "paused"
    until(lambda: not Path(f"/proc/{owner.pid}").exists(), "the process to be gone")
    last = recorded(folder, events.RunPaused)[-1].step
    resume(folder)
    until(lambda: of_attempt(owner.attempt + 1), "steps after the pause")
    assert of_attempt(owner.attempt + 1)[0].first_step == last + 1


def attempt_of(folder: RunFolder) -> int:
    owner = probe(folder).owner
    return 0 if owner is None else owner.attempt


def test_killed_anywhere_paused_and_resumed_equals_never_stopped(uninterrupted: RunFolder, tmp_path: Path) -> None:
    folder = launch(tmp_path, CONFIG)
    for window in (in_evaluation, in_step, in_checkpoint, between_received_and_done):
        for _ in range(TRIES):
            hit = window(Watched(folder))
            assert state_of(folder) == "crashed"
            resume(folder)
            if hit:
                break
            until(lambda: probe(folder).alive is True, "the resumed worker")
        else:
            pytest.fail(f"{window.__name__}: the window was missed {TRIES} times")
    paused(folder, lambda process: send_command(folder, "pause"))
    paused(folder, lambda process: os.kill(process, signal.SIGTERM))
    finish(folder)
    assert digests(folder) == digests(uninterrupted)
    assert losses(folder) == losses(uninterrupted)
    assert len(losses(folder)) == STEPS
    sequence = [event.seq for event in recorded(folder)]
    assert sequence == list(range(1, len(sequence) + 1)), "seq has a gap or a repeat"
