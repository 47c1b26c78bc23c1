"""``run --from RUN[@best]``: the parent's model, at the step that was chosen, and all that the new config sets."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine import events
from engine.config import ConfigError, EvaluationConfig, ModelConfig, RunConfig, SourceConfig
from engine.runs.folder import Provenance, Spec
from tui.cli import main

CONFIG = "name = 'next'\n[[sources]]\nkind = 'cldr'\n"


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What ``launch`` was called with, in place of a launch."""
    seen: dict[str, object] = {}

    def launch(home: Path, config: RunConfig, **options: object) -> None:
        seen.update(config=config, **options)
        raise ConfigError("not in a test")

    monkeypatch.setattr("tui.commands.training.launch", launch)
    (tmp_path / "next.toml").write_text(CONFIG)
    return seen


def make_run(home: Path, select: str, *, measured: bool = True) -> None:
    evaluation = EvaluationConfig(validation="loss", every=100, select="best" if select == "best" else "last")
    config = RunConfig(
        name="first",
        model=ModelConfig(name="tiny", query_prefix="q: "),
        sources=(SourceConfig(kind="cldr"),),
        evaluation=evaluation,
    )
    folder = home / "first"
    for step in (100, 200):
        (folder / "checkpoints" / f"step-{step:06d}").mkdir(parents=True)
    (folder / "spec.json").write_bytes(msgspec.json.encode(Spec(config=config, created=0.0, provenance=Provenance())))
    event = events.Validation(
        seq=1, attempt=1, step=200, measure="loss", value=0.5, best_step=100, best_value=0.4, since_best=1
    )
    (folder / "events.jsonl").write_bytes(events.encode(event) if measured else b"")


def test_the_best_step_is_taken_and_named(tmp_path: Path, started: dict[str, object]) -> None:
    make_run(tmp_path / "runs", "best")
    assert main(["--runs", str(tmp_path / "runs"), "run", str(tmp_path / "next.toml"), "--from", "first@best"]) == 2
    config = started["config"]
    assert isinstance(config, RunConfig)
    assert config.model.name == str(tmp_path / "runs" / "first" / "checkpoints" / "step-000100")
    assert config.model.query_prefix is None, "what the config does not set is as the checkpoint says"
    assert started["parent"] == "first@100"


@pytest.mark.parametrize(("select", "measured"), [("last", True), ("best", False)])
def test_a_run_that_chose_nothing_has_no_best(
    select: str, measured: bool, tmp_path: Path, started: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "runs", select, measured=measured)
    assert main(["--runs", str(tmp_path / "runs"), "run", str(tmp_path / "next.toml"), "--from", "first@best"]) == 2
    assert "first has chosen no step" in capsys.readouterr().err
    assert not started


def from_first(tmp_path: Path, *overrides: str) -> int:
    sets = [word for override in overrides for word in ("--set", override)]
    return main(["--runs", str(tmp_path / "runs"), "run", str(tmp_path / "next.toml"), "--from", "first@100", *sets])


def describe(home: Path, *, head: bool) -> None:
    """Writes the description of a model with CLS pooling into the checkpoint of step 100."""
    folder = home / "first" / "checkpoints" / "step-000100"
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), *([("2_Dense", "Dense")] if head else [])]
    listed = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in modules]
    (folder / "modules.json").write_bytes(msgspec.json.encode(listed))
    for name, settings in (
        ("1_Pooling", {"pooling_mode_cls_token": True}), ("2_Dense", {"in_features": 8, "out_features": 8})
    ):  # fmt: skip
        (folder / name).mkdir()
        (folder / name / "config.json").write_bytes(msgspec.json.encode(settings))


def test_every_key_of_the_model_that_is_set_is_taken(
    tmp_path: Path, started: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "runs", "last")
    describe(tmp_path / "runs", head=False)
    assert from_first(
        tmp_path, "model.freeze_embeddings=true", "model.pooling=mean", 'model.query_prefix=""',
        "model.max_passage_tokens=512", "model.name=some/base",
    ) == 2  # fmt: skip
    config = started["config"]
    assert isinstance(config, RunConfig)
    model = config.model
    assert model.name == str(tmp_path / "runs" / "first" / "checkpoints" / "step-000100")
    assert (model.freeze_embeddings, model.pooling, model.query_prefix) == (True, "mean", "")
    assert (model.max_passage_tokens, model.max_query_tokens, model.passage_prefix) == (512, None, None)
    assert "model.name = 'some/base' is not used" in capsys.readouterr().err


def test_another_pooling_under_a_trained_head_is_refused(
    tmp_path: Path, started: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "runs", "last")
    describe(tmp_path / "runs", head=True)
    assert from_first(tmp_path, "model.pooling=mean") == 2
    line = capsys.readouterr().err
    assert "model.pooling: mean, but first has a Dense 8 Tanh head that was trained with cls pooling" in line
    assert not started
    assert from_first(tmp_path, "model.pooling=cls") == 2
    assert started
