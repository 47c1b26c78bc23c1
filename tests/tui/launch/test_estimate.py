"""What a start would cost is taken from the run that is most like it, and what is not known is not made up."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from described_folders import write_weights
from hypothesis import given
from hypothesis import strategies as st
from runs_factory import RunWriter, finished, run_config

from engine.config import EvaluationConfig, RunConfig
from engine.model_description import ModelDescription
from engine.runs.folder import read_spec
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from tui.follow.rows import RunRow, make_row
from tui.launch.estimate import Formers, estimate, evaluations_of
from tui.launch.model_on_disk import ModelOnDisk


def row_of(writer: RunWriter) -> RunRow:
    reader = RunReader(writer.folder)
    reader.poll()
    return make_row(writer.folder, read_spec(writer.folder), reader.state, probe(writer.folder), writer.t)


def formers(home: Path, *writers: RunWriter) -> Formers:
    return Formers(home, [row_of(writer) for writer in writers])


def with_batch(config: RunConfig, size: int) -> RunConfig:
    return msgspec.structs.replace(config, batch=msgspec.structs.replace(config.batch, size=size))


def with_steps(config: RunConfig, steps: int) -> RunConfig:
    return msgspec.structs.replace(config, optimizer=msgspec.structs.replace(config.optimizer, max_steps=steps))


def test_without_a_former_run_nothing_is_made_up(home: Path) -> None:
    found = estimate([run_config("new")], formers(home))
    assert (found.tokens.value, found.memory.value, found.seconds.value, found.disk.value) == (None,) * 4
    assert found.like == ""
    assert found.pairs == 400 * 64


def test_a_run_of_another_model_or_device_tells_nothing(home: Path) -> None:
    other = finished(home, "other", model=msgspec.structs.replace(RunConfig().model, max_query_tokens=8))
    on_gpu = msgspec.structs.replace(
        run_config("new"), runtime=msgspec.structs.replace(RunConfig().runtime, devices="cuda")
    )
    here = finished(home, "cpu")
    assert estimate([run_config("new")], formers(home, other)).like == ""
    assert estimate([on_gpu], formers(home, here)).like == ""


def test_the_run_that_is_most_like_it_is_named_with_what_differs(home: Path) -> None:
    near, far = finished(home, "near"), finished(home, "far", "cross")
    known = formers(home, far, near)
    found = estimate([run_config("new")], known)
    assert (found.like, found.differs) == ("near", "")
    assert estimate([run_config("new", "cross")], known).like == "far"
    assert "batch size 64" in estimate([with_batch(run_config("new"), 128)], known).differs


def test_time_grows_with_steps_batch_and_runs_and_counts_evaluations(home: Path) -> None:
    known = formers(home, finished(home, "former"))
    config = msgspec.structs.replace(run_config("new"), evaluation=EvaluationConfig())

    def seconds(*configs: RunConfig) -> float:
        value = estimate(configs, known).seconds.value
        assert value is not None
        return value

    once = seconds(config)
    assert seconds(with_steps(config, 800)) == pytest.approx(2 * once)
    assert seconds(with_batch(config, 128)) == pytest.approx(2 * once)
    assert seconds(config, config, config) == pytest.approx(3 * once)
    assert seconds(run_config("new")) == pytest.approx(once + 3 * 1.9)  # the factory's evaluations take 1.9 s


def test_a_benchmark_that_no_former_run_was_evaluated_on_is_named(home: Path) -> None:
    known = formers(home, finished(home, "former"))
    config = msgspec.structs.replace(run_config("new"), evaluation=EvaluationConfig(benchmarks=("cldr", "miracl")))
    found = estimate([config], known).seconds
    assert found.at_least
    assert "miracl" in found.note


def test_disk_follows_the_size_of_what_the_former_run_left(home: Path) -> None:
    writer = finished(home, "former")
    saved = writer.folder.checkpoints / "step-000400"
    saved.mkdir(parents=True)
    (saved / "weights").write_bytes(b"x" * 1_000_000)
    found = estimate([run_config("new")], formers(home, writer))
    assert found.disk.value is not None
    assert 1_000_000 <= found.disk.value < 2_000_000, "one checkpoint, at the end"
    every = msgspec.structs.replace(run_config("new").checkpoint, every=100, keep=2)
    config = msgspec.structs.replace(run_config("new"), checkpoint=every)
    more = estimate([config], formers(home, writer)).disk.value
    assert more is not None
    assert more - found.disk.value == 2_000_000, "two are kept while a third is written"
    assert found.free is not None


@given(every=st.integers(0, 50), steps=st.integers(1, 200), at_start=st.booleans())
def test_evaluations_are_counted_as_the_worker_makes_them(every: int, steps: int, at_start: bool) -> None:
    config = with_steps(run_config("new"), steps)
    evaluation = EvaluationConfig(benchmarks=("cldr",), every=every, at_start=at_start)
    config = msgspec.structs.replace(config, evaluation=evaluation)
    made = {0} if at_start else set()
    made |= {step for step in range(1, steps + 1) if step == steps or (every and step % every == 0)}
    assert evaluations_of(config) == len(made)


def with_lengths(config: RunConfig, query: int | None, passage: int | None) -> RunConfig:
    model = msgspec.structs.replace(config.model, max_query_tokens=query, max_passage_tokens=passage)
    return msgspec.structs.replace(config, model=model)


def test_lengths_that_come_to_the_same_are_the_same_whoever_sets_them(home: Path) -> None:
    """Runs of earlier releases have them in their configs, where now the model says them."""
    known = formers(home, finished(home, "former", model=with_lengths(RunConfig(), 64, 256).model))
    assert estimate([with_lengths(run_config("new"), None, None)], known).like == "former"
    assert estimate([with_lengths(run_config("new"), None, 128)], known).like == ""
    files = ModelOnDisk(home, ModelDescription(pooling=("cls",), max_query_tokens=512, max_passage_tokens=512))
    assert estimate([with_lengths(run_config("new"), None, None)], known, files).like == ""
    assert estimate([with_lengths(run_config("new"), 64, 256)], known, files).like == "former"


def test_without_a_former_run_memory_and_disk_follow_the_weights(home: Path, tmp_path: Path) -> None:
    write_weights(tmp_path / "weights" / "model.safetensors", a=[1000])
    files = ModelOnDisk(tmp_path / "weights", ModelDescription())
    found = estimate([run_config("new")], formers(home), files)
    assert found.memory.at_least
    assert found.memory.value == 16_000
