"""The heatmap: no number is cut at any width, and the mouse finds the cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_run
from helpers.screens import lines_of, text_of
from helpers.sizes import WIDE
from queried_runs import queried
from runs_factory import LANGUAGES, finished

from tui.draw.glyphs import BRAILLE
from tui.draw.heatmap import Matrix, Window, cell_at, cell_width, columns_in_sight, diverging, heatmap, sequential
from tui.run.heatmap_tab import HeatmapTab
from tui.run.queries_tab import QueriesTab

NAMES = tuple(f"{first}{second}" for first in "abcd" for second in "efghi")


def matrix(count: int, spread: float) -> Matrix:
    """``spread`` on the diagonal, and smaller ones beside it; all of one sign."""
    sign = 1 if spread > 0 else -1
    values = tuple(
        tuple(spread if row == column else sign * abs(row - column) / (2 * count) for column in range(count))
        for row in range(count)
    )
    return Matrix(NAMES[:count], values, tuple(0.5 for _ in range(count)), tuple(1.0 for _ in range(count)))


@pytest.mark.parametrize("count", range(2, 18))
@pytest.mark.parametrize("signed", [False, True], ids=["values", "differences"])
def test_no_number_is_cut_at_any_width(count: int, signed: bool) -> None:
    data = matrix(count, -0.37 if signed else 1.0)
    shades = diverging(data) if signed else sequential(data)
    for cells in range(20, 201):
        size, label = cell_width(cells, data, shades), 3
        for line, row in enumerate(heatmap(cells, count + 1, data, shades, Window(), BRAILLE)[1:]):
            text = "".join(part for part, _ in row)[label:]
            shown = [text[column * size :][:size].strip() for column in range(columns_in_sight(cells, data, shades))]
            expected = [f"{100 * value:{'+' if signed else ''}.0f}" for value in data.values[line]][: len(shown)]
            assert shown[:count] == [text[1:] if text in ("+0", "-0") else text for text in expected], cells


@pytest.mark.parametrize("count", [2, 5, 11, 17])
def test_every_cell_is_found_where_it_is_drawn(count: int) -> None:
    data = matrix(count, 1.0)
    shades = sequential(data)
    for cells in range(20, 201, 3):
        for column in range(count):
            rows = heatmap(cells, count + 1, data, shades, Window(0, 0, (1, column)), BRAILLE)
            x, found = 0, None
            for text, style in rows[2]:
                if style == "cursor.cell":
                    found = x + len(text) // 2
                x += len(text)
            if found is not None:
                assert cell_at(cells, data, shades, Window(), found, 2) == (1, column), cells


@pytest.mark.parametrize("cells", [60, 84, 85, 86, 87, 88, 100])
async def test_a_hundred_stands_whole_in_the_tab(cells: int, home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=(cells, 30)) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await pilot.press("2")
        assert isinstance(screen.tab, HeatmapTab)
        assert screen.tab.heat.matrix is not None
        heat = screen.tab.heat
        data = heat.matrix
        assert data is not None
        heat.matrix = Matrix(data.names, tuple(tuple(1.0 for _ in line) for line in data.values), data.margin)
        rows = heat.rows(heat.size.width, heat.size.height)
        inside = [text for row in rows for text, style in row if style.startswith("ramp") and text.strip()]
        assert inside
        assert {number.replace("100", "") for text in inside for number in text.split()} == {""}


async def test_a_click_chooses_a_cell_and_a_double_click_lists_its_queries(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dashboard: Make, until: Until
) -> None:
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))
    queried(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await pilot.press("2")
        tab = screen.tab
        assert isinstance(tab, HeatmapTab)
        await pilot.pause()
        line = next(index for index, line in enumerate(lines_of(app)) if re.match(r"│ en +\d", line))
        offset = (9, line - tab.heat.region.y)
        await pilot.click(tab.heat, offset=offset)
        await pilot.pause()
        assert tab.heat.cell() == ("en", "de")
        assert "en asks, de answers" in text_of(app)
        await pilot.click(tab.heat, offset=offset, times=2)
        await until(pilot, lambda: isinstance(screen.tab, QueriesTab), "the queries")
        assert screen.selection.pair == ("en", "de")


async def test_a_measure_that_single_queries_do_not_have_says_what_is_listed(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_run(pilot, app, until, "a")
        await pilot.press("2", "down", "m", "enter")
        await until(pilot, lambda: isinstance(screen.tab, QueriesTab), "the queries")
        assert "by average precision" in text_of(app)
        assert len(LANGUAGES) > 2
