"""A run of two processes: killed anywhere it resumes bit for bit, it obeys as one, and it never hangs."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import msgspec
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
from engine.runs.commands import send_command
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.liveness import probe

pytestmark = pytest.mark.timeout(300)

LANGUAGES = ("de", "en")
STEPS = 24
CONFIG = RunConfig(
    name="ranks",
    seed=3,
    model=ModelConfig(dropout=0.1, max_query_tokens=32, max_passage_tokens=32),
    sources=(SourceConfig(kind="cldr", languages=LANGUAGES),),
    batch=BatchConfig(mode="hybrid", size=8),
    optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=STEPS),
    runtime=RuntimeConfig(devices="cpu:2", threads=2),
    evaluation=EvaluationConfig(benchmarks=("cldr",), languages=LANGUAGES, every=12, at_start=False),
    checkpoint=CheckpointConfig(every=4, keep=1),
)
ENDLESS = msgspec.structs.replace(CONFIG, optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=100_000))
RESUMABLE_WITHIN = 30.0  # seconds


def test_killed_and_resumed_equals_never_stopped(tmp_path: Path) -> None:
    """Once a rank is killed, once the agent above; whatever is left goes at once, and the run is resumable."""
    folder = launch(tmp_path, CONFIG)
    for who in (other_rank, agent):
        until(lambda: any(step > 3 for step in steps_of_this_attempt(folder)), "steps")
        processes = [rank_zero(folder), other_rank(folder), agent(folder)]
        os.kill(who(folder), signal.SIGKILL)
        until(lambda: probe(folder).alive is False, "the lock to be free", RESUMABLE_WITHIN)
        assert state_of(folder) == "crashed"
        until(lambda: all(map(gone, processes)), "the other processes to be gone", RESUMABLE_WITHIN)  # noqa: B023
        resume(folder)
    assert ended(folder) == "finished", folder.log.read_text()[-3000:]
    (warning,) = recorded(folder, events.Warning)
    assert warning.message == "rank 1 of 2 was killed (SIGKILL)"
    whole = launch(tmp_path, CONFIG)
    assert ended(whole) == "finished"
    assert losses(folder) == losses(whole)
    assert digests(folder) == digests(whole)
    assert evaluations(folder) == evaluations(whole)


def test_commands_and_signals_reach_all_ranks(tmp_path: Path) -> None:
    """An evaluation is computed by both; a signal to the agent, as `run --wait` passes it on, is a pause of both."""
    folder = launch(tmp_path, ENDLESS)
    until(lambda: recorded(folder, events.Step), "steps")
    processes = [rank_zero(folder), other_rank(folder), agent(folder)]
    uuid = send_command(folder, "evaluate")
    until(lambda: any(event.uuid == uuid for event in recorded(folder, events.CommandDone)), "the evaluation")
    assert len(recorded(folder, events.EvalFinished)) == 1
    os.kill(agent(folder), signal.SIGTERM)
    assert ended(folder) == "paused"
    until(lambda: all(map(gone, processes)), "the processes to be gone")
    assert list(folder.checkpoints.glob("step-*"))


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def rank_zero(folder: RunFolder) -> int:
    owner = probe(folder).owner
    assert owner is not None
    return owner.pid


def agent(folder: RunFolder) -> int:
    return parent_of(rank_zero(folder))


def other_rank(folder: RunFolder) -> int:
    above = agent(folder)
    children = Path(f"/proc/{above}/task/{above}/children").read_text().split()
    (other,) = {int(child) for child in children} - {rank_zero(folder)}
    return other


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])


def steps_of_this_attempt(folder: RunFolder) -> list[int]:
    owner = probe(folder).owner
    attempt = 0 if owner is None else owner.attempt
    return [event.first_step for event in recorded(folder, events.Step) if event.attempt == attempt]


def digests(folder: RunFolder) -> dict[str, str]:
    checkpoint = folder.checkpoints / f"step-{STEPS:06d}"
    files = ("model.safetensors", "optimizer.safetensors", "rng.safetensors")
    return {name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in files}


def evaluations(folder: RunFolder) -> dict[int, object]:
    return {event.step: event.result for event in recorded(folder, events.EvalFinished)}
