"""The launch form and the config say the same thing, and every mistake is told at its field."""

from __future__ import annotations

from pathlib import Path

import pytest
from described_folders import described_folder, write_weights
from runs_factory import finished

from engine.config import ModelConfig, RunConfig, SourceConfig, sample_configs_folder
from engine.mono_share import schedule_text
from tui.launch.estimate import Formers
from tui.launch.fields import FIELDS, ORIGIN, Draft, Origin, check, form_key, overrides, read_draft
from tui.widgets.field import Note

KEYS = [field.key for field in FIELDS]


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
    assert values.keys() > {field.key for field in FIELDS}
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
        ("model.query_prefix", "query: "),
        ("model.passage_prefix", '"passage'),
        ("model.passage_prefix", "7"),
    ],
)
def test_a_mistake_is_told_at_its_field(key: str, text: str) -> None:
    draft = sample()
    checked = check(draft, draft.values | {key: text})
    assert checked.config is None
    assert checked.reason
    assert form_key(checked.field, KEYS) == key


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


def test_a_schedule_is_chosen_and_taken_back() -> None:
    draft = sample()
    moving = draft.values | {"batch.mono_share_schedule": "linear", "batch.mono_share_end": "0"}
    checked = check(draft, moving)
    assert checked.config is not None
    assert schedule_text(checked.config.batch) == "0.5->0 linear"
    assert form_key(check(draft, moving | {"batch.mono_share_end": ""}).field, KEYS) == "batch.mono_share_end"
    assert (
        form_key(check(draft, moving | {"batch.mono_share_schedule": "constant"}).field, KEYS) == "batch.mono_share_end"
    )
    assert "steps" in check(draft, draft.values | {"batch.mono_share_schedule": "steps"}).reason


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
    assert form_key(checked.field, KEYS) == key
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


def model_of(draft: Draft, **texts: str) -> ModelConfig:
    checked = check(draft, draft.values | {f"model.{key}": text for key, text in texts.items()})
    assert checked.config is not None, checked.reason
    return checked.config.model


def test_an_empty_field_leaves_it_to_the_model_and_two_quotes_are_no_prefix(home: Path) -> None:
    writer = finished(home, "former", model=ModelConfig(pooling="cls", query_prefix="q: ", passage_prefix="p: "))
    draft = read_draft(Origin("former", "", run=writer.folder))
    assert (draft.values["model.pooling"], draft.values["model.query_prefix"]) == ("cls", '"q: "')
    assert model_of(draft) == writer.config.model
    assert model_of(draft, pooling="", query_prefix="", passage_prefix='""') == ModelConfig(passage_prefix="")
    assert model_of(draft, query_prefix='"query: "', pooling="lasttoken") == ModelConfig(
        pooling="lasttoken", query_prefix="query: ", passage_prefix="p: "
    )


def test_a_prefix_keeps_its_line_breaks_and_quotes(home: Path) -> None:
    prefix = 'Instruct: "find"\nQuery: '
    writer = finished(home, "former", model=ModelConfig(query_prefix=prefix))
    draft = read_draft(Origin("former", "", run=writer.folder))
    assert model_of(draft, query_prefix=draft.values["model.query_prefix"] + " ").query_prefix == prefix


def test_a_sweep_of_a_former_run_can_leave_its_pooling_to_the_model(home: Path) -> None:
    writer = finished(home, "former", model=ModelConfig(pooling="cls"))
    draft = read_draft(Origin("former", "", run=writer.folder))
    checked = check(draft, draft.values | {"model.pooling": "", "seed": "0,1"})
    assert [config.model.pooling for config in checked.configs] == [None, None]


def test_what_was_found_of_a_model_stands_beside_its_name_and_before_the_start(home: Path, tmp_path: Path) -> None:
    described_folder(tmp_path / "labse", "Dense", "Normalize")
    write_weights(tmp_path / "labse" / "model.safetensors", a=[20])
    write_weights(tmp_path / "labse" / "2_Dense" / "model.safetensors", a=[3])
    draft = sample()
    checked = check(draft, draft.values | {"model.name": str(tmp_path / "labse")}, Formers(home, []))
    assert checked.notes["model.name"] == Note("found, 23 parameters", checked=True)
    assert checked.model == "cls pooling, Dense 2 Tanh, Normalize; no prefix; at most 64 tokens (config)"
    assert check(draft, draft.values, Formers(home, [])).model.startswith("mean pooling; no prefix")


@pytest.mark.parametrize("with_formers", [True, False], ids=["as typed", "at the start"])
def test_a_model_that_is_refused_is_refused_before_the_start(with_formers: bool, home: Path, tmp_path: Path) -> None:
    folder = described_folder(tmp_path / "routed", "Router")
    draft = sample()
    formers = Formers(home, []) if with_formers else None
    checked = check(draft, draft.values | {"model.name": str(folder)}, formers)
    assert (checked.config, checked.configs) == (None, [])
    assert form_key(checked.field, KEYS) == "model.name"
    assert checked.reason.startswith("has a module Router, which is not supported")


def test_of_a_model_whose_description_is_not_here_nothing_is_made_up(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    draft = sample()
    values = draft.values | {"model.name": "somebody/model"}
    checked = check(draft, values, Formers(home, []))
    assert (checked.notes["model.name"].checked, checked.model) == (False, "")
    write_weights(tmp_path / "hub" / "models--somebody--model" / "snapshots" / "aaa" / "model.safetensors", a=[5])
    checked = check(draft, values, Formers(home, []))
    assert (checked.notes["model.name"].text, checked.model) == ("found, 5 parameters", "")


@pytest.mark.parametrize(
    ("model", "field", "reason"),
    [
        ('query_prompt = "web"', "model.query_prompt", "no prompt 'web'; it has passage, query"),
        ('task = "find it"', "model.task", "has no {task} to put it in"),
        ('query_prefix = "{task}: "', "model.task", "wants one"),
    ],
)
def test_what_the_model_cannot_give_is_told_before_the_start(
    model: str, field: str, reason: str, tmp_path: Path
) -> None:
    """A prompt that it does not have, an instruction without a place: a run would end with it."""
    folder = described_folder(tmp_path / "e5", "Normalize", prompts={"query": "query: ", "passage": "passage: "})
    path = tmp_path / "mine.toml"
    path.write_text(f'[model]\nname = "{folder}"\n{model}\n[[sources]]\nkind = "cldr"\n')
    draft = read_draft(Origin("mine.toml", "", path=path))
    checked = check(draft, draft.values)
    assert checked.config is None
    assert checked.field == field
    assert reason in checked.reason
