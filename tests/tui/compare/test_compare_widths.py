"""Every table of a comparison at every width: a number stands whole or not at all."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import msgspec
import pytest
from compare_cases import comparable
from helpers.opening import Make, Until, first_rows
from helpers.screens import lines_of
from textual.pilot import Pilot

from engine.export import compare_job
from engine.export.compare_job import CompareOutcome, CompareRequest
from engine.export.compare_rows import CompareRow
from tui.app import Dashboard
from tui.compare.screen import CompareScreen
from tui.numbers import metric_change, metric_value, p_value

WIDTHS = range(40, 201)
LARGE = 40_000
_NUMBER = re.compile(r"[-+<>~]?[\d.,]*\d[\d.,]*")


@pytest.fixture
def five(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_job, "send", lambda message: None)

    def compute(request: CompareRequest, progress: object, cancelled: threading.Event) -> CompareOutcome:
        return in_a_large_pool(compare_job.compare(request))

    monkeypatch.setattr("tui.compare.comparator.compute", compute)
    comparable(home)


def in_a_large_pool(outcome: CompareOutcome) -> CompareOutcome:
    """The same with rank distances as among millions of passages, whose numbers are long."""
    replace = msgspec.structs.replace
    rows = [
        replace(
            row, value=LARGE * row.value, baseline_value=LARGE * row.baseline_value, difference=LARGE * row.difference,
            interval=row.interval and (LARGE * row.interval[0], LARGE * row.interval[1]),
        )
        if row.metric == "rank_distance"
        else row
        for row in outcome.comparison.rows
    ]  # fmt: skip
    points = [
        replace(
            point, rank_distance=LARGE * (point.rank_distance or 0),
            rank_distance_null=LARGE * (point.rank_distance_null or 0),
        )
        for point in outcome.points
    ]  # fmt: skip
    return replace(outcome, comparison=replace(outcome.comparison, rows=rows), points=points)


async def compared(pilot: Pilot[None], app: Dashboard, until: Until) -> CompareScreen:
    await first_rows(pilot, app, until)
    await pilot.press(*("space",) * 5, "c")
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    await until(pilot, lambda: screen.comparison is not None, "the comparison")
    return screen


def texts(rows: list[CompareRow]) -> set[str]:
    """Every number that may stand in a line of one of these."""
    return {
        text.replace("<", "")
        for row in rows
        for text in (
            metric_value(row.metric, row.value), metric_value(row.metric, row.baseline_value),
            metric_change(row.metric, row.difference), p_value(row.p_holm),
        )
    }  # fmt: skip


def numbers_in(lines: list[str]) -> set[str]:
    return {found.strip("<>~") for line in lines for found in _NUMBER.findall(line)} - {""}


async def test_the_table_at_every_width(five: None, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await compared(pilot, app, until)
        assert screen.comparison is not None
        rows = list(screen.comparison.rows)
        nulls = {f"{place.rank_distance_null:,.0f}" for place in screen.comparison.done.points
                 if place.rank_distance_null is not None}  # fmt: skip
        for cells in WIDTHS:
            drawn = [line for index in range(len(rows)) for line in screen.table.draw_item(index, cells)]
            lines = ["".join(text for text, _ in line) for line in drawn]
            assert all(len(line) <= cells for line in lines), cells
            assert numbers_in(lines) <= texts(rows) | nulls, cells
            for row in rows:
                assert any(metric_change(row.metric, row.difference) in line.split() for line in lines), cells
                assert any(metric_value(row.metric, row.value) in line.split() for line in lines), cells


@pytest.mark.parametrize(("view", "downs"), [("pairs", 0), ("pairs", 6), ("places", 0)])
async def test_the_other_tables_at_every_width(
    view: str, downs: int, five: None, dashboard: Make, until: Until
) -> None:
    app = dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await compared(pilot, app, until)
        assert screen.comparison is not None
        await pilot.press(*("down",) * downs, {"pairs": "h", "places": "p"}[view])
        points = screen.comparison.done.points
        allowed = {
            text
            for place in points
            for value in (place.rank_distance, place.rank_distance_null)
            if value is not None
            for text in (f"{value:,.0f}",)
        } | {metric_value("map_monolingual", place.map_monolingual) for place in points if place.map_monolingual}
        for cells in WIDTHS:
            if view == "pairs":
                rows = screen.pairs.rows(cells - 4, 30)
                lines = ["".join(text for text, _ in row) for row in rows]
                table = lines[: lines.index("")] if "" in lines else lines
                if not screen.pairs.is_matrix:
                    assert numbers_in(table) <= texts(list(screen.pairs.cells.values())), cells
                else:
                    assert {int(text) for text in numbers_in([line[:19] for line in table])} <= {
                        round(100 * cell.difference) for cell in screen.pairs.cells.values()
                    }, cells
            else:
                rows = screen.places.rows(cells - 4, 30)
                lines = ["".join(text for text, _ in row) for row in rows]
                start = next(index for index, line in enumerate(lines) if "mAP " in line and "distance" in line) + 1
                assert numbers_in(lines[start:]) <= allowed, cells
                assert len(lines[start:]) == len(points)


async def test_the_whole_screen_at_every_width(five: None, dashboard: Make, until: Until) -> None:
    app = dashboard()
    async with app.run_test(size=(40, 20)) as pilot:
        screen = await compared(pilot, app, until)
        for cells in (40, 47, 60, 79, 80, 84, 92, 120, 160, 200):
            await pilot.resize_terminal(cells, 30)
            await pilot.pause()
            first = screen.table.ordered[0]
            assert any(metric_change(first.metric, first.difference) in line.split() for line in lines_of(app)), cells
            assert not re.search(r"\d…", "\n".join(lines_of(app)[1:-1])), cells
