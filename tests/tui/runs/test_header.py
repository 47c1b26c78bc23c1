"""The line above the table: whatever the width, its numbers are whole."""

from __future__ import annotations

import re

import pytest
from helpers.rows import make_run_row

from tui.draw.text import row_width
from tui.follow.rows import RunRow
from tui.runs.header import header

STATES = ("running", "evaluating", "starting", "queued", "stalled", "paused", "crashed", "failed", "finished")


def rows(states: tuple[str, ...], each: int) -> list[RunRow]:
    return [
        make_run_row(number, state=states[number % len(states)], device="GPU0 NVIDIA H200", telemetry="  97 %")
        for number in range(each * len(states))
    ]


@pytest.mark.parametrize("states", [STATES, ("finished",), ("running", "queued")], ids=["all", "one", "two"])
@pytest.mark.parametrize("cells", range(40, 201))
def test_what_does_not_fit_is_left_out_and_nothing_is_cut(cells: int, states: tuple[str, ...]) -> None:
    found = rows(states, 111)
    left, right = header(found, "./runs", 0, cells, ends="23:40")
    assert row_width(right) + 5 + len("hybrid-tui") <= cells
    text = "".join(piece for piece, _ in right)
    assert text, "how many runs there are is always said"
    for part in text.split("   "):
        assert re.fullmatch(r"(111|222|333|444|555|999) \w+|done ~23:40", part), part
    told = "".join(piece for piece, _ in left)
    if "H200" in told:
        assert row_width((*left, *right)) + 5 <= cells, "devices are named where there is room for them"


def test_when_all_will_be_done_stands_beside_what_waits() -> None:
    found = rows(("queued",), 3)
    for cells in (64, 80, 120):
        _, right = header(found, "./runs", 0, cells, ends="23:40")
        assert "".join(piece for piece, _ in right).startswith("3 queued   done ~23:40")
