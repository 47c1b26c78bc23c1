"""The launch form and the config say the same thing, and every mistake is told at its field."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_factory import finished

from engine.config import sample_configs_folder
from tui.model.launching import FIELDS, ORIGIN, Draft, Origin, check, form_key, overrides, read_draft


def sample() -> Draft:
    path = sample_configs_folder() / "cldr-hybrid.toml"
    return read_draft(Origin(path.name, "", path=path))


def changed(**texts: str) -> dict[str, str]:
    return sample().values | {key.replace("__", "."): text for key, text in texts.items()}


def test_an_untouched_form_is_the_sample_itself() -> None:
    draft = sample()
    assert overrides(draft, draft.values) == []
    checked = check(draft, draft.values)
    assert checked.config is not None
    assert checked.config.name == draft.values["name"]


@pytest.mark.parametrize("path", sorted(sample_configs_folder().glob("*.toml")), ids=lambda path: path.stem)
def test_every_sample_fills_the_form(path: Path) -> None:
    values = read_draft(Origin(path.name, "", path=path)).values
    assert values.keys() == {field.key for field in FIELDS}
    assert values["batch.mode"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("batch.mono_share", "1.2"),
        ("batch.mono_share", "a half"),
        ("batch.size", "1"),
        ("batch.size", "64.5"),
        ("batch.size", ""),
        ("name", "../escape"),
        ("name", 'quote"d'),
        ("optimizer.warmup_steps", "401"),
        ("evaluation.benchmarks", "nothing"),
        ("evaluation.benchmarks", "cldr, cldr"),
        ("sources.0.languages", "en, xx"),
        ("sources.0.path", "somewhere"),
        ("runtime.devices", "tpu"),
        ("seed", "-1"),
    ],
)
def test_a_mistake_is_told_at_its_field(key: str, text: str) -> None:
    draft = sample()
    checked = check(draft, draft.values | {key: text})
    assert checked.config is None
    assert checked.reason
    assert form_key(checked.field) == key


def test_texts_become_the_types_of_their_fields() -> None:
    draft = sample()
    checked = check(
        draft,
        draft.values
        | {"batch.mono_share": "0.25", "sources.0.languages": "de, en ,th", "batch.mode": "cross", "seed": "7",
           "optimizer.learning_rate": "2e-5", "evaluation.benchmarks": ""},
    )  # fmt: skip
    assert checked.config is not None
    assert checked.config.batch.mono_share == 0.25
    assert checked.config.sources[0].languages == ("de", "en", "th")
    assert checked.config.batch.mode == "cross"
    assert checked.config.seed == 7
    assert checked.config.optimizer.learning_rate == 2e-5
    assert checked.config.evaluation.benchmarks == ()


def test_a_former_run_gives_its_whole_config_back(home: Path) -> None:
    """Also what the form does not show."""
    writer = finished(home, "former", "cross", seed=3)
    draft = read_draft(Origin("former", "", run=writer.folder))
    checked = check(draft, draft.values)
    assert checked.config == writer.config
    assert draft.values[ORIGIN] == "former"
