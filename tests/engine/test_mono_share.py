"""The share of monolingual batches over a run: its ends, its mean, its words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import BatchConfig, ConfigError, OptimizerConfig, RunConfig, SourceConfig, parse_config, problems
from engine.mono_share import mean_mono_share, mono_share_at, mono_share_range, mono_share_text, schedule_text

SHARES = st.floats(0, 1)


@st.composite
def batches(draw: st.DrawFn) -> BatchConfig:
    schedule = draw(st.sampled_from(["constant", "linear", "cosine", "steps"]))
    firsts = sorted(draw(st.sets(st.integers(1, 60), min_size=1, max_size=4)))
    return BatchConfig(
        mono_share=draw(SHARES),
        mono_share_schedule=schedule,
        mono_share_end=draw(SHARES) if schedule in ("linear", "cosine") else None,
        mono_share_steps=tuple((first, draw(SHARES)) for first in firsts) if schedule == "steps" else (),
    )


@given(batches(), st.integers(1, 50))
def test_mean_and_range_are_those_of_all_updates(batch: BatchConfig, max_steps: int) -> None:
    shares = [mono_share_at(batch, max_steps, step) for step in range(1, max_steps + 1)]
    assert all(0 <= share <= 1 for share in shares)
    assert mean_mono_share(batch, max_steps) == pytest.approx(math.fsum(shares) / max_steps, abs=1e-9)
    assert mono_share_range(batch, max_steps) == (min(shares), max(shares))
    assert mono_share_at(batch, max_steps, max_steps + 7) in (
        shares[-1], *(share for first, share in batch.mono_share_steps if first > max_steps),
    )  # fmt: skip


def test_shares_of_each_schedule() -> None:
    def shares(**fields: object) -> list[float]:
        return [mono_share_at(BatchConfig(mono_share=1.0, **fields), 5, step) for step in range(1, 6)]  # type: ignore[arg-type]

    assert shares() == [1.0] * 5
    assert shares(mono_share_schedule="linear", mono_share_end=0.0) == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert shares(mono_share_schedule="cosine", mono_share_end=0.0) == pytest.approx(
        [1.0, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125), 0.0]
    )
    assert shares(mono_share_schedule="steps", mono_share_steps=((2, 0.25), (5, 0.5))) == [1.0, 0.25, 0.25, 0.25, 0.5]


def test_words() -> None:
    linear = BatchConfig(mono_share=1.0, mono_share_schedule="linear", mono_share_end=0.0)
    steps = BatchConfig(mono_share_schedule="steps", mono_share_steps=((100, 0.25), (200, 0.0)))
    assert [mono_share_text(batch) for batch in (BatchConfig(), linear, steps)] == [
        "0.5", "1->0 linear", "0.5->0.25->0 steps",
    ]  # fmt: skip
    assert schedule_text(BatchConfig()) == schedule_text(BatchConfig(mode="mono")) == ""


@pytest.mark.parametrize(
    ("toml", "field", "reason"),
    [
        ('mono_share_schedule = "linear"', "mono_share_end", "'linear' needs it"),
        ("mono_share_end = 0.1", "mono_share_end", "only for mono_share_schedule"),
        ('mono_share_schedule = "linear"\nmono_share_end = 1.5', "mono_share_end", "<= 1.0"),
        ('mono_share_schedule = "steps"', "mono_share_steps", "needs at least one"),
        ("mono_share_steps = [[3, 0.5]]", "mono_share_steps", "only for mono_share_schedule"),
        ('mono_share_schedule = "steps"\nmono_share_steps = [[3, 0.5], [3, 0.2]]', "mono_share_steps", "ascending"),
        ('mono_share_schedule = "steps"\nmono_share_steps = [[3, 0.5], [2, 0.2]]', "mono_share_steps", "got 3, 2"),
        ('mono_share_schedule = "steps"\nmono_share_steps = [[3, 1.5]]', "mono_share_steps", "<= 1.0"),
        ('mono_share_schedule = "steps"\nmono_share_steps = [[0, 0.5]]', "mono_share_steps", ">= 1"),
        ('mode = "mono"\nmono_share_schedule = "cosine"\nmono_share_end = 0.0', "mono_share_schedule", '"hybrid"'),
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_is_one_line_that_names_its_field(toml: str, field: str, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(f'[[sources]]\nkind = "cldr"\n[batch]\n{toml}\n')
    message = str(error.value)
    assert f"batch.{field}" in message
    assert reason in message
    assert "\n" not in message


def test_schedules_are_read_from_toml() -> None:
    steps = 'mono_share_schedule = "steps"\nmono_share_steps = [[100, 0.25], [200, 0]]\n'
    config = parse_config(f'[[sources]]\nkind = "cldr"\n[batch]\n{steps}')
    assert config.batch.mono_share_steps == ((100, 0.25), (200, 0.0))
    again = RunConfig(sources=(SourceConfig(kind="cldr"),), batch=config.batch, optimizer=OptimizerConfig(max_steps=50))
    assert list(problems(again)) == [], "a short trial of a long schedule may end before its last step"
