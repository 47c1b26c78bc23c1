"""Every key of a config is documented, in one place: beside its field."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.config import ConfigError, RunConfig, parse_config
from engine.config_keys import ConfigKey, as_toml, config_keys

ROOT = Path(__file__).parents[2]
KEYS = {key.name: key for key in config_keys()}


@pytest.mark.parametrize("key", config_keys(), ids=lambda key: key.name)
def test_every_key_says_what_it_means(key: ConfigKey) -> None:
    assert len(key.meaning) > 4


def test_the_keys_are_those_that_a_config_may_have() -> None:
    config = parse_config('[[sources]]\nkind = "cldr"\n')
    names = set()

    def collect(value: object, prefix: str) -> None:
        for field in msgspec.structs.fields(type(value)):  # type: ignore[arg-type]
            inner = getattr(value, field.name)
            if isinstance(inner, msgspec.Struct):
                collect(inner, f"{prefix}{field.name}.")
            elif inner and isinstance(inner, tuple) and isinstance(inner[0], msgspec.Struct):
                collect(inner[0], f"{prefix}{field.name}[].")
            else:
                names.add(f"{prefix}{field.name}")

    collect(config, "")
    assert names == KEYS.keys()


def test_a_default_is_the_one_that_the_type_has() -> None:
    assert (KEYS["optimizer.beta2"].default, KEYS["optimizer.beta2"].kind) == ("0.999", "number")
    assert KEYS["model.pooling"].default == ""
    assert KEYS["model.pooling"].nullable
    assert KEYS["batch.mode"].choices == ("mono", "cross", "hybrid", "mixed", "english")
    assert KEYS["runtime.tf32"].choices == ("true", "false")
    assert KEYS["alerts.ends"].default.startswith('["finished", ')


def test_the_comment_above_a_field_and_the_one_beside_it_are_its_meaning() -> None:
    assert KEYS["loss.symmetric"].meaning == "the mean of both directions: each passage also picks its question"
    assert KEYS["runtime.precision"].meaning.startswith("Of matrix products, in autocast; weights are always float32.")


def test_values_are_written_as_toml_reads_them() -> None:
    import tomllib

    for value in (True, 3, 0.25, 'a "b"', ["x", "y"], [[100, 0.25]], {"group": "id"}):
        assert tomllib.loads(f"value = {as_toml(value)}")["value"] == value
    assert as_toml(None) == ""


def test_the_page_of_all_keys_is_made_from_them() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "engine.config_keys"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs" / "config.md").read_text(encoding="utf-8") == made.stdout


def test_an_empty_model_name_is_refused_by_the_loader() -> None:
    assert RunConfig().model.name == "tiny"
    with pytest.raises(ConfigError, match=r"model\.name: expected a hub id, a folder or tiny"):
        parse_config('[[sources]]\nkind = "cldr"\n[model]\nname = ""\n')
