"""A benchmark too large for memory: a run and ``eval`` take the same path, and give the same scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import bare_run, recorded

from engine import events
from engine.config import (
    BatchConfig,
    CheckpointConfig,
    EvaluationConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
)
from engine.config import SourceConfig as Source
from engine.encoder import DualEncoder
from engine.evaluation import benchmarking
from engine.evaluation.results import RANKS, TOP_K, read_summary
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.state import RunState
from engine.worker.eval_command import main
from engine.worker.run import train
from engine.worker.session import Session

OWN = {
    "queries.jsonl": [
        {"id": "1", "language": "en", "text": "which money has Ghana?"},
        {"id": "2", "language": "de", "text": "Womit zahlt man in Japan?"},
    ],
    "candidates.jsonl": [
        {"id": "1", "language": "en", "text": "The currency of Ghana is the cedi."},
        {"id": "2", "language": "de", "text": "Die Währung Japans ist der Yen."},
    ],
    "relevance.jsonl": [{"query": "1", "candidate": "1"}, {"query": "2", "candidate": "2"}],
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    folder = bare_run(tmp_path)
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    session = Session(folder, lock, EventLog.open(folder, 1), RunState(), 1)
    yield session
    session.close()
    lock.release()


def test_a_run_and_eval_score_alike_and_a_step_is_hashed_once(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(benchmarking, "IN_MEMORY", 1)
    own = tmp_path / "own"
    own.mkdir()
    for name, rows in OWN.items():
        (own / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    hashed = []
    digests = DualEncoder.digests
    monkeypatch.setattr(DualEncoder, "digests", lambda encoder: hashed.append(0) or digests(encoder))
    config = RunConfig(
        name="large",
        model=ModelConfig(max_query_tokens=16, max_passage_tokens=16),
        sources=(Source(kind="cldr", languages=("de", "en")),),
        batch=BatchConfig(size=16),
        optimizer=OptimizerConfig(max_steps=2),
        runtime=RuntimeConfig(devices="cpu", threads=1),
        evaluation=EvaluationConfig(benchmarks=("cldr", f"own={own}"), languages=("de", "en"), every=2, at_start=False),
        checkpoint=CheckpointConfig(every=2),
    )
    train(session, config)
    assert len(hashed) == 2  # for the two benchmarks of step 2, and for the model card
    monkeypatch.undo()
    monkeypatch.setattr(benchmarking, "IN_MEMORY", 1)
    assert not list((tmp_path / "cache" / "runs").iterdir())  # vectors of a step do not outlive it

    arguments = [str(session.folder.model), "--benchmark", "cldr", "--languages", "de,en", "--json"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    ran, evaluated = session.folder.results / "step-000002" / "cldr", tmp_path / "out" / "cldr"
    for name in (RANKS, TOP_K):
        assert (ran / name).read_bytes() == (evaluated / name).read_bytes()
    found, other = read_summary(ran), read_summary(evaluated)
    assert found.metrics == other.metrics
    assert found.protocol.score == other.protocol.score
    assert found.protocol.score.endswith("rounded to float16")
    finished = [event for event in recorded(session.folder) if isinstance(event, events.EvalFinished)]
    assert [event.benchmark for event in finished] == ["cldr", "own"]
