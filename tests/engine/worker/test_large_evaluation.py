"""A benchmark too large for memory: training and evaluations take the same path, and give the same scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from engine.worker.run import measure, train
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


@contextmanager
def session_of(home: Path, name: str) -> Iterator[Session]:
    folder = bare_run(home, name)
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    session = Session(folder, lock, EventLog.open(folder, 1), RunState(), 1)
    try:
        yield session
    finally:
        session.close()
        lock.release()


def test_a_run_and_an_evaluation_score_alike_and_a_step_is_hashed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    with session_of(tmp_path, "trained") as session:
        train(session, config)
        trained = session.folder
    assert len(hashed) == 2  # for the two benchmarks of step 2, and for the model card
    finished = [event for event in recorded(trained) if isinstance(event, events.EvalFinished)]
    assert [event.benchmark for event in finished] == ["cldr", "own"]
    assert not list((tmp_path / "cache" / "runs").iterdir())  # vectors of a step do not outlive it

    with session_of(tmp_path, "evaluated") as session:
        model = ModelConfig(name=str(trained.model))
        measure(session, RunConfig(name="large", kind="evaluation", model=model, runtime=config.runtime,
                                   evaluation=config.evaluation))  # fmt: skip
        evaluated = session.folder
    assert len(hashed) == 3
    for key in ("cldr", "own"):
        first, second = trained.results / "step-000002" / key, evaluated.results / "step-000000" / key
        for name in (RANKS, TOP_K):
            assert (first / name).read_bytes() == (second / name).read_bytes()
        found, other = read_summary(first), read_summary(second)
        assert found.metrics == other.metrics
        assert found.protocol.score == other.protocol.score
        assert found.protocol.score.endswith("rounded to float16")
