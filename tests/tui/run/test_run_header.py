"""The header never rounds up to the end, and says that what is left is an estimate."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from runs_factory import START, finished

from engine.runs.folder import read_spec
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from tui.draw.glyphs import BRAILLE
from tui.follow.rows import RunRow, make_row
from tui.run.run_header import header


@pytest.fixture
def row(home: Path) -> RunRow:
    folder = finished(home, "a").folder
    reader = RunReader(folder)
    reader.poll()
    return make_row(folder, read_spec(folder), reader.state, probe(folder), START + 60)


@pytest.mark.parametrize("cells", [120, 80, 60])
def test_a_hundred_percent_is_the_last_step(row: RunRow, cells: int) -> None:
    def text(step: int) -> str:
        there = replace(row, step=step, max_steps=30_000, state="running", seconds_left=61.0)
        left, _ = header(there, "a", START + 60, cells, BRAILLE)
        return "".join(text for text, _ in left)

    assert " 99 %" in text(29_851)
    assert " 99 %" in text(29_999)
    assert " 100 %" in text(30_000)
    if cells > 60:  # at 60 what the age is of comes first
        assert "~1 m 01 s left" in text(29_851)
