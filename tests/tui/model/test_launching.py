"""The launch form and the config say the same thing, and every mistake is told at its field."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_factory import finished

from engine.config import RunConfig, SourceConfig, sample_configs_folder
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


def test_commas_in_mono_share_and_seed_are_a_sweep_of_every_combination() -> None:
    draft = sample()
    checked = check(draft, draft.values | {"batch.mono_share": "0, 0.5,1", "seed": "3, 4"})
    assert checked.study is not None
    assert [(run.batch.mono_share, run.seed) for run in checked.configs] == [
        (share, seed) for seed in (3, 4) for share in (0.0, 0.5, 1.0)
    ]
    assert {run.study for run in checked.configs} == {checked.study.name}


def test_seeds_alone_are_one_condition_and_what_else_was_typed_holds_for_all() -> None:
    draft = sample()
    checked = check(draft, draft.values | {"seed": "0,1,2", "batch.size": "16", "batch.mode": "cross"})
    assert checked.study is not None
    assert len({planned.condition for planned in checked.study.runs}) == 1
    assert [(run.seed, run.batch.size, run.batch.mode) for run in checked.configs] == [
        (seed, 16, "cross") for seed in range(3)
    ]


@pytest.mark.parametrize(
    ("texts", "key", "reason"),
    [
        ({"batch.mono_share": "0,1.2"}, "batch.mono_share", "1.2 is outside 0..1"),
        ({"batch.mono_share": "0,0"}, "batch.mono_share", "twice"),
        ({"batch.mono_share": "0,1", "batch.mode": "mono"}, "batch.mono_share", "hybrid"),
        ({"seed": "0,one"}, "seed", "whole numbers"),
        ({"seed": "1,1"}, "seed", "different"),
        ({"seed": "0,1", "batch.size": "1"}, "batch.size", "at least 2"),
    ],
)
def test_a_mistake_in_a_sweep_is_told_at_its_field(texts: dict[str, str], key: str, reason: str) -> None:
    draft = sample()
    checked = check(draft, draft.values | texts)
    assert checked.config is None
    assert form_key(checked.field) == key
    assert reason in checked.reason


def test_blank_is_the_default_of_every_field() -> None:
    draft = read_draft(Origin("blank", ""))
    checked = check(draft, draft.values)
    assert checked.config == RunConfig(sources=(SourceConfig(kind="cldr"),))


def test_a_run_made_from_one_of_a_sweep_is_no_part_of_that_sweep(home: Path) -> None:
    writer = finished(home, "swept", study="sweep")
    draft = read_draft(Origin("swept", "", run=writer.folder))
    checked = check(draft, draft.values)
    assert checked.config is not None
    assert checked.config.study is None
