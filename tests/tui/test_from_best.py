"""``run --from RUN@best`` starts from the weights that validation chose."""

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
