"""The figures before a start read as people say them, and what is not known is called so."""

from __future__ import annotations

import pytest
from runs_factory import run_config

from tui.launch.estimate import Estimate, Figure
from tui.launch.fields import Checked
from tui.launch.plan import plan_rows
from tui.numbers import large, size

GIB = 2**30


def plan_text(**changed: object) -> str:
    values: dict[str, object] = {
        "runs": 1, "steps": 30_000, "pairs": 3_000_000, "evaluations": 9, "tokens": Figure(624e6, unsure=True),
        "memory": Figure(14.0 * GIB, "of 80 GiB", unsure=True), "seconds": Figure(13_200.0, unsure=True),
        "disk": Figure(10.0 * GIB, unsure=True), "free": 410 * GIB, "like": "xlmr-mono-s0", "differs": "",
    }  # fmt: skip
    found = Estimate(**(values | changed))  # type: ignore[arg-type]
    rows = plan_rows(Checked(run_config("new"), estimate=found, model="cls pooling; no prefix"), 60)
    return "\n".join("".join(text for text, _ in row) for row in rows)


def test_every_figure_has_its_line() -> None:
    text = plan_text()
    wanted = ("model       cls pooling; no prefix", "pairs       3,000,000", "tokens      ~624 M",
              "memory      ~14 GiB of 80 GiB",
              "time        ~3 h 40 m", "disk        ~10 GiB of 410 GiB free", "taken from  xlmr-mono-s0")  # fmt: skip
    assert [line for line in wanted if line not in text] == []


def test_what_is_not_known_is_called_so() -> None:
    none = Figure(None)
    text = plan_text(tokens=none, memory=Figure(4.4 * GIB, at_least=True), seconds=none, disk=none, like="")
    assert "time        not known\n" in text
    assert "memory      at least 4.4 GiB" in text
    assert "disk        not known; 410 GiB free" in text
    assert "taken from  nothing: no run of this model" in text


def test_a_sweep_says_that_its_runs_queue() -> None:
    text = plan_text(runs=6)
    assert "30,000 x 6 runs" in text
    assert "one after the other" in text
    assert "wait for a free device" in text


def test_a_disk_that_is_too_small_is_an_error() -> None:
    found = Estimate(
        runs=1, steps=1, pairs=1, evaluations=0, tokens=Figure(None), memory=Figure(None), seconds=Figure(None),
        disk=Figure(9.5 * GIB, unsure=True), free=10 * GIB,
    )  # fmt: skip
    rows = plan_rows(Checked(run_config("new"), estimate=found), 60)
    assert [style for row in rows for text, style in row if "free" in text] == ["error"]


@pytest.mark.parametrize(
    ("value", "shown"), [(5, "5"), (9_999, "9,999"), (12_345, "12.3 k"), (840_000, "840 k"), (6.24e8, "624 M")]
)
def test_amounts_have_three_digits(value: float, shown: str) -> None:
    assert large(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(2_000, "2 KiB"), (61 * 2**20, "61 MiB"), (3.3 * GIB, "3.3 GiB"), (410 * GIB, "410 GiB")]
)
def test_sizes_are_told_in_the_unit_that_fits(value: float, shown: str) -> None:
    assert size(value) == shown


def test_a_model_that_is_not_here_yet_is_called_so() -> None:
    none = Figure(None)
    found = Estimate(runs=1, steps=1, pairs=1, evaluations=0, tokens=none, memory=none, seconds=none, disk=none, free=0)
    (row, *_) = plan_rows(Checked(run_config("new"), estimate=found), 60)
    assert "".join(text for text, _ in row) == "model       not known before it is downloaded"
