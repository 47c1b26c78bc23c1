"""Two configs differ in exactly the settings whose values differ."""

from __future__ import annotations

import msgspec
from runs_factory import run_config

from engine.config import ModelConfig, SourceConfig
from tui.follow.config_difference import AS_MODEL, NONE, Difference, config_differences


def test_a_config_does_not_differ_from_itself() -> None:
    assert config_differences(run_config("a"), run_config("a")) == []


def test_every_setting_is_named_with_its_section_and_both_values() -> None:
    here = run_config("a")
    there = msgspec.structs.replace(
        run_config("a", mode="cross", max_steps=100, seed=3),
        sources=(*here.sources, SourceConfig(kind="cldr", languages=("en", "de"))),
    )
    found = config_differences(here, there)
    assert {
        Difference("seed", "0", "3"), Difference("batch.mode", "hybrid", "cross"),
        Difference("optimizer.max_steps", "400", "100"), Difference("sources[1].kind", NONE, "cldr"),
        Difference("sources[1].languages", NONE, '["en","de"]'),
    } <= set(found)  # fmt: skip
    assert not any(difference.key.startswith("sources[0]") for difference in found)


def test_the_other_way_round_the_values_change_sides() -> None:
    here, there = run_config("a"), run_config("\x1b[2J", mode="cross")
    turned = [Difference(each.key, each.there, each.here) for each in config_differences(there, here)]
    assert sorted(turned, key=str) == sorted(config_differences(here, there), key=str)
    assert Difference("name", "a", "␛[2J") in turned


def test_what_is_left_to_the_model_is_no_absence_and_blanks_are_seen() -> None:
    here = run_config("a", model=ModelConfig(query_prefix="query: ", passage_prefix="", truncate_dim=8))
    there = run_config("a", model=ModelConfig(query_prefix="query:", pooling="mean"))
    assert config_differences(here, there) == [
        Difference("model.pooling", AS_MODEL, "mean"), Difference("model.query_prefix", '"query: "', "query:"),
        Difference("model.passage_prefix", '""', AS_MODEL), Difference("model.truncate_dim", "8", NONE),
    ]  # fmt: skip
