"""A config is read exactly, or refused in one line that names file, line and field."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.benchmark_names import languages_for
from engine.config import (
    ConfigError,
    RunConfig,
    load_config,
    load_training_sources,
    parse_config,
    sample_configs_folder,
    to_toml,
)

VALID = """
name = "example"
[[sources]]
kind = "cldr"
[batch]
mode = "hybrid"
mono_share = 0.25
"""


@pytest.mark.parametrize("path", sorted(sample_configs_folder().glob("*.toml")), ids=lambda path: path.name)
def test_every_sample_config_has_valid_fields(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples name folders of the user's; here those folders exist and are empty but for the language files."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/xquad-r", "data/mmarco/google", "models/e5-small"):
        Path(name).mkdir(parents=True)
    for language in ("de", "en", "zh"):
        Path(f"data/xquad-r/{language}.json").touch()
    config = load_config(path)
    assert config.sources
    assert config.evaluation.benchmarks


def test_toml_written_is_toml_read() -> None:
    config = parse_config(VALID, overrides=["loss.temperature=0.1", "model.query_prefix=query: "])
    assert parse_config(to_toml(config)) == config


def test_overrides_replace_values_of_every_kind() -> None:
    config = parse_config(
        VALID, overrides=["batch.mode=mono", "seed=7", "sources.0.languages=['en','de']", "evaluation.at_start=false"]
    )
    assert config.batch.mode == "mono"
    assert config.seed == 7
    assert config.sources[0].languages == ("en", "de")
    assert config.evaluation.at_start is False


def test_languages_of_one_benchmark_need_not_be_those_of_the_other() -> None:
    """A run can be evaluated in German and English on XQuAD-R and in English on BEIR."""
    config = parse_config(VALID + "[evaluation]\nbenchmarks=['xquad-r', 'beir/scifact']\nlanguages=['de', 'en']")
    assert [languages_for(key, config.evaluation.languages) for key in config.evaluation.benchmarks] == [
        ("de", "en"),
        ("en",),
    ]


def test_defaults_alone_are_a_config_but_for_its_sources() -> None:
    assert msgspec.convert({}, RunConfig) == RunConfig()


@pytest.mark.parametrize(
    ("change", "field", "line"),
    [
        ("[batch]\nsise = 3", "batch.sise", 2),
        ("colour = 1", "colour", 1),
        ("[optimizer]\nmax_steps = 'many'", "optimizer.max_steps", 2),
        ("[optimizer]\nmax_steps = 0", "optimizer.max_steps", 2),
        ("[batch]\nmono_share = 1.2", "batch.mono_share", 2),
        ("[batch]\nmode = 'both'", "batch.mode", 2),
        ("[model]\nname = '/no/such/folder'", "model.name", 2),
        ("[evaluation]\nbenchmarks = ['xquad-r=/no/such/folder']", "evaluation.benchmarks[0]", 2),
        ("[evaluation]\nbenchmarks = ['cldr']\nlanguages = ['en', 'xx']", "evaluation.languages", 3),
        ("[evaluation]\nbenchmarks = ['cldr', 'beir/scifact']\nlanguages = ['de']", "evaluation.languages", 3),
        ("[evaluation]\nbenchmarks = ['cldr', 'own']", "evaluation.benchmarks[1]", 2),
        ("[evaluation]\nbenchmarks = ['beir/../x']", "evaluation.benchmarks[0]", 2),
        ("[evaluation]\nbenchmarks = ['cldr']\nvalidation = 'xquad-r'", "evaluation.validation", 3),
        ("[evaluation]\nselect = 'best'\nbenchmarks = ['cldr']", "evaluation.select", 2),
        ("[evaluation]\nvalidation = 'loss'\nselect = 'best'\npatience = 2", "evaluation.patience", 4),
        ("[evaluation]\nevery = 5\nvalidation = 'loss'\npatience = 2", "evaluation.patience", 4),
        ("[evaluation]\nvalidation = 'loss'\nvalidation_share = 0.0", "evaluation.validation_share", 3),
        ("[evaluation]\nvalidation_metric = 'map'", "evaluation.validation_metric", 2),
        ("[loss]\ntemperature = 0.001\nlearned_temperature = true", "loss.temperature", 2),
        ("[loss]\nmatryoshka_dimensions = [64, 0]", "loss.matryoshka_dimensions[1]", 2),
        ("[optimizer]\nema_decay = 1.0", "optimizer.ema_decay", 2),
        ("[lora]\nrank = -1", "lora.rank", 2),
        ("[runtime]\ncompile = true\ngradient_checkpointing = true", "runtime.gradient_checkpointing", 3),
        ("[runtime]\nprecision = 'fp16'", "runtime.precision", 2),
        ("[batch]\nmode = 'english'\nlanguage = 'fr'", "batch.language", 3),
        ("[optimizer]\nwarmup_steps = 9\nmax_steps = 4", "optimizer.warmup_steps", 2),
    ],
)
def test_a_wrong_field_is_one_line_that_names_it(change: str, field: str, line: int) -> None:
    document = f"{change}\n[[sources]]\nkind = 'cldr'\n"
    with pytest.raises(ConfigError) as caught:
        parse_config(document, "my.toml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"my.toml:{line}: {field}: ")


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("kind = 'jsonl'", "sources[1].path"),
        ("kind = 'jsonl'\npath = '/no/such/file.jsonl'", "sources[1].path"),
        ("kind = 'lareqa'\npath = '/no/such/folder'", "sources[1].path"),
        ("kind = 'cldr'\nlanguages = ['en', 'xx']", "sources[1].languages"),
        ("kind = 'cldr'\nsplit = 'test'", "sources[1].split"),
        ("kind = 'hub'\npath = 'a/b'", "sources[1].columns"),
        ("kind = 'cldr'\nrole = 'validation'", "sources[1].role"),
    ],
)
def test_the_second_source_is_named_with_its_own_line(source: str, field: str) -> None:
    with pytest.raises(ConfigError, match=r"^my\.toml:[456]: ") as caught:
        parse_config(f"[[sources]]\nkind = 'cldr'\n\n[[sources]]\n{source}\n", "my.toml")
    assert field in str(caught.value)


@pytest.mark.parametrize("override", ["batch", "=3", "batch.=3", "nothing.here.at.all=1", "batch.mono_share=2"])
def test_a_wrong_override_is_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(VALID, overrides=[override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch.mono_share=2", "f.toml, --set: batch.mono_share: expected float <= 1.0"),
        ("sources.0.kind=1", "f.toml, --set: sources[0].kind: expected str, got int"),
        ("batch.sizes=2", "f.toml, --set: batch.sizes: unknown key"),
        ("runtime.devices=gpu", "f.toml, --set: runtime.devices: expected auto, cpu, cpu:2, cuda, cuda:1, cuda:0,1 or"),
        ("name=../up", "f.toml, --set: name: expected at most 64 letters"),
    ],
)
def test_what_is_wrong_with_an_override_is_not_said_of_a_line_of_the_file(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(VALID, "f.toml", overrides=["seed=3", override])
    assert str(caught.value).startswith(message)


def test_not_toml_and_no_file_are_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \n")
    for path in (broken, tmp_path / "missing.toml"):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


DEBIASED = """
kind = "evaluation"
[model]
name = "a/model"
[system]
debias = "lir"
[evaluation]
benchmarks = ["cldr"]
languages = ["de", "en"]
[[sources]]
kind = "cldr"
languages = ["de", "en"]
"""


def test_an_evaluation_has_sources_where_its_vectors_are_corrected_and_else_none() -> None:
    assert parse_config(DEBIASED).system.debias == "lir"
    assert parse_config(DEBIASED, overrides=["evaluation.languages=[]", "system.debias_missing=keep"]).sources
    with pytest.raises(ConfigError, match="sources: an evaluation trains on nothing"):
        parse_config(DEBIASED, overrides=["system.debias=none"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["sources=[]"], "sources: system.debias = 'lir' is estimated on training pairs"),
        (["system.kind=bm25"], "system.debias: only for an encoder, not for bm25"),
        (["system.debias=whiten"], "system.debias: "),
        (["system.debias_rank=0"], "system.debias_rank: "),
        (["system.debias=shift", "system.debias_alpha=2"], "system.debias_alpha: "),
        (["system.debias=shift", "system.debias_pivot=fr"], "system.debias_pivot: 'fr' is in no source"),
        (["sources.0.languages=['xx']"], "sources[0].languages: "),
        (["evaluation.languages=['en','th']"], "system.debias: no source has th of cldr"),
        (["sources.0.role=validation"], "sources[0].role: "),
        (["kind=training", "system.debias=lir"], "system: only for kind"),
    ],
)
def test_a_correction_that_cannot_be_estimated_is_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(DEBIASED, overrides=overrides)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_of_a_config_only_the_sources_to_train_on_are_taken_for_a_correction(tmp_path: Path) -> None:
    path = tmp_path / "training.toml"
    path.write_text('[model]\nname = "/not/here"\n[[sources]]\nkind = "cldr"\nsplit = "all"\n')
    (source,) = load_training_sources(path)
    assert source.split == "all"
    path.write_text("seed = 3\n")
    with pytest.raises(ConfigError, match=r"training\.toml: sources: expected at least one"):
        load_training_sources(path)
    path.write_text('[[sources]]\nkind = "cldr"\nlanguages = ["xx"]\n')
    with pytest.raises(ConfigError, match=r"training\.toml:3: sources\[0\].languages"):
        load_training_sources(path)


@pytest.mark.parametrize(
    ("override", "wrong"),
    [
        ("batch.size=1000000000000000000000000000000", "batch.size"),
        ("optimizer.max_steps=9223372036854775808", "optimizer.max_steps"),
        ("checkpoint.every=99999999999999999999", "checkpoint.every"),
        ("seed=9223372036854775808", "seed"),
        ("optimizer.learning_rate=inf", "optimizer.learning_rate"),
        ("optimizer.learning_rate=nan", "optimizer.learning_rate"),
        ("loss.temperature=nan", "loss.temperature"),
        ("batch.mono_share=nan", "batch.mono_share"),
        ("evaluation.margin=-inf", "evaluation.margin"),
        ("name=", "name"),
        ("study=", "study"),
    ],
)
def test_values_that_cannot_be_are_refused_with_their_field(override: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=rf"--set: {wrong}: expected "):
        parse_config(VALID, overrides=[override])
