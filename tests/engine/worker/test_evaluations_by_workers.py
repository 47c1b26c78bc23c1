"""A run that is an evaluation: paused, killed and resumed it measures what is missing, and trains nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import pytest
from following import ended, recorded, until

from engine import events
from engine.config import EvaluationConfig, ModelConfig, OptimizerConfig, RunConfig, RuntimeConfig, SourceConfig
from engine.evaluation.results import read_summary
from engine.runs.commands import send_command
from engine.runs.folder import RunFolder, results_folder
from engine.runs.launch import launch, resume
from engine.runs.lock import probe

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("quick_workers")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from engine.encoder import load_encoder

    folder = tmp_path_factory.mktemp("model") / "small"
    texts = [f"the currency of country {number} is named {number * 7}" for number in range(200)]
    load_encoder(ModelConfig(name="tiny"), "cpu", texts=texts).save(folder)
    return folder


@pytest.fixture
def config(model: Path, tmp_path: Path) -> RunConfig:
    """Two benchmarks, a small one and then one of some seconds."""
    folder = tmp_path / "bench"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "the currency of country 3"}\n')
    rows = [f'{{"_id": "d{number}", "text": "country {number} has {number * 7}"}}\n' for number in range(20)]
    (folder / "corpus.jsonl").write_text("".join(rows))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td3\t1\n")
    return RunConfig(
        name="eval-small",
        kind="evaluation",
        model=ModelConfig(name=str(model)),
        runtime=RuntimeConfig(devices="cpu", threads=1),
        evaluation=EvaluationConfig(benchmarks=(f"beir/tiny={folder}", "cldr")),
    )


def finished(folder: RunFolder) -> list[str]:
    return [event.benchmark for event in recorded(folder, events.EvalFinished)]


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_what_was_measured_is_kept_and_the_rest_is_measured_by_the_next_attempt(
    how: str, config: RunConfig, tmp_path: Path
) -> None:
    folder = launch(tmp_path / "runs", config)
    until(lambda: finished(folder) or ended_early(folder), "the first benchmark")
    if how == "kill":
        owner = probe(folder).owner
        assert owner is not None
        os.kill(owner.pid, signal.SIGKILL)
    else:
        send_command(folder, "pause")
    assert ended(folder) == {"kill": "crashed", "pause": "paused"}[how]
    assert finished(folder) == ["beir/tiny"]
    resume(folder)
    assert ended(folder) == "finished"
    assert finished(folder) == ["beir/tiny", "cldr"]
    assert recorded(folder, events.Step) == recorded(folder, events.CheckpointSaved) == []
    for key in ("beir/tiny", "cldr"):
        assert read_summary(results_folder(folder, 0, key)).benchmark == key


def ended_early(folder: RunFolder) -> bool:
    failures = recorded(folder, events.RunFailed)
    assert not failures, failures
    return False


def test_a_sample_of_the_queries_is_told_by_the_result(config: RunConfig, tmp_path: Path) -> None:

    evaluation = msgspec.structs.replace(
        config.evaluation, benchmarks=("cldr",), max_queries=110, languages=("de", "en")
    )
    sampled = msgspec.structs.replace(config, evaluation=evaluation)
    folder = launch(tmp_path / "runs", sampled)
    assert ended(folder) == "finished"
    summary = read_summary(results_folder(folder, 0, "cldr"))
    assert 100 <= summary.queries <= 110
    assert summary.sampled_of is not None
    assert summary.sampled_of > summary.queries
    assert f"a sample of {summary.sampled_of:,}" in summary.count_of_queries()


def test_evaluating_a_run_needs_nothing_that_it_was_trained_on(config: RunConfig, tmp_path: Path) -> None:
    """Its sources may have moved, and reading mMARCO takes hours."""

    pairs = tmp_path / "pairs.jsonl"
    row = '{{"group": "g{0}", "language": "{1}", "question": "what is {0} in {1}?", "passage": "{0} is {1}"}}\n'
    pairs.write_text("".join(row.format(number, language) for number in range(12) for language in ("de", "en")))
    training = msgspec.structs.replace(
        config,
        kind="training",
        sources=(SourceConfig(kind="jsonl", path=str(pairs)),),
        optimizer=OptimizerConfig(max_steps=2),
        evaluation=msgspec.structs.replace(config.evaluation, benchmarks=("cldr",), languages=("en",), at_start=False),
        batch=msgspec.structs.replace(config.batch, size=4),
    )
    folder = launch(tmp_path / "runs", training)
    assert ended(folder) == "finished"
    before = recorded(folder, events.EvalFinished)[-1].result
    pairs.unlink()
    resume(folder, evaluate=True)
    assert ended(folder) == "finished"
    after = recorded(folder, events.EvalFinished)
    assert len(after) == 2
    assert after[-1].result == before
