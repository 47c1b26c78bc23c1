"""The line chart keeps its frame for any data, keeps spikes, and marks what cannot be drawn."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.draw.curve import Curve
from tui.draw.glyphs import ASCII, BLOCK, BRAILLE, CHARSETS, Glyphs
from tui.draw.lines import Axes, Series, line_chart, steady_end
from tui.draw.text import Row, row_width

glyph_sets = st.sampled_from(list(CHARSETS.values()))


def chart(
    values: list[float], width: int = 80, height: int = 20, glyphs: Glyphs = BRAILLE, log: bool = False,
    smoothed: bool = True,
) -> list[Row]:  # fmt: skip
    curve = Curve(0.9)
    curve.extend(range(1, len(values) + 1), values)
    axes = Axes(1, max(2, len(values)), log=log, smoothed=smoothed)
    return line_chart(width, height, [Series("mono", "mono", curve.view())], axes, glyphs)


def plain(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50),
    st.integers(0, 130),
    st.integers(0, 40),
    glyph_sets,
    st.booleans(),
    st.booleans(),
)
def test_rows_are_exact_for_any_data_and_size(
    values: list[float], width: int, height: int, glyphs: Glyphs, log: bool, smoothed: bool
) -> None:
    rows = chart(values, width, height, glyphs, log, smoothed)
    assert len(rows) == height
    assert all(row_width(row) == width for row in rows)


@given(st.integers(1, 4999))
@settings(max_examples=25, deadline=None)
def test_one_spike_among_thousands_of_steps_reaches_the_top_line(at: int) -> None:
    """The raw line at the top of the plot can only be the spike: everything else is far below."""
    values = [1.0] * 5000
    values[at] = 50.0
    top = chart(values)[0]
    spikes = [text for text, style in top if style == "series.mono.raw"]
    assert len(spikes) == 1
    assert len(spikes[0]) == 1


def test_a_lost_step_is_marked_at_its_place() -> None:
    values = [2.0] * 100
    values[50] = math.nan
    top = chart(values)[0]
    marks = [(text, style) for text, style in top if style == "error"]
    assert marks == [(BRAILLE.non_finite, "error")]
    before = "".join(text for text, _ in top[: [style for _, style in top].index("error")])
    assert abs(len(before) - 7 - (80 - 7 - 13) // 2) <= 2  # the middle of the plot


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=40), st.booleans())
@settings(max_examples=25, deadline=None)
def test_ascii_charts_hold_only_ascii(values: list[float], log: bool) -> None:
    assert all(line.isascii() for line in plain(chart(values, glyphs=ASCII, log=log)))


def test_block_charts_hold_no_braille() -> None:
    text = "".join(plain(chart([5.0 / (1 + i) for i in range(60)], glyphs=BLOCK)))
    assert not any(0x2800 <= ord(character) < 0x2900 for character in text)


@given(st.integers(1, 10**7))
def test_a_live_axis_ends_close_to_the_last_step_and_moves_seldom(step: int) -> None:
    end = steady_end(step)
    assert step <= end <= step * (1 + 1 / 128)
    assert len({steady_end(later) for later in range(step, step + 64)}) <= max(2, 64 * 256 // step + 1)


def test_direct_labels_stand_at_the_line_and_never_on_each_other() -> None:
    series = []
    for key in ("mono", "cross"):
        curve = Curve(0.5)
        curve.extend(range(1, 51), [2.0] * 50)
        series.append(Series(key, key, curve.view()))
    lines = plain(line_chart(80, 20, series, Axes(1, 50), BRAILLE))
    assert sum("mono 2" in line for line in lines) == 1
    assert sum("cross 2" in line for line in lines) == 1


def test_two_series_never_share_a_cell() -> None:
    """A cell's colour says whose it is: the later line covers the earlier one."""
    series = []
    for key in ("mono", "cross"):
        curve = Curve(0.0)
        curve.extend(range(1, 51), [float(step % 7) for step in range(50)])
        series.append(Series(key, key, curve.view()))
    alone = line_chart(80, 20, series[1:], Axes(1, 50, smoothed=False), BRAILLE)
    both = line_chart(80, 20, series, Axes(1, 50, smoothed=False), BRAILLE)
    assert dots(both, "series.cross") == dots(alone, "series.cross")
    assert not dots(both, "series.mono")


def dots(rows: list[Row], style: str) -> str:
    """The braille of one style."""
    drawn = "".join(text for row in rows for text, name in row if name == style)
    return "".join(character for character in drawn if 0x2800 < ord(character) < 0x2900)


def test_the_log_axis_draws_what_is_not_positive_at_the_bottom() -> None:
    lines = plain(chart([1.0, 0.0, -1.0, 10.0, 100.0], log=True))
    assert any(not line.isspace() for line in lines)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60),
    st.tuples(st.integers(0, 130), st.integers(0, 40)),
    st.tuples(st.integers(0, 80), st.integers(1, 80)),
    st.none() | st.integers(-5, 100),
    st.booleans(),
    glyph_sets,
)
def test_rows_are_exact_for_any_window_and_crosshair(
    values: list[float], size: tuple[int, int], window: tuple[int, int], crosshair: int | None, marked: bool,
    glyphs: Glyphs,
) -> None:  # fmt: skip
    curve = Curve(0.9)
    curve.extend(range(1, len(values) + 1), values)
    axes = Axes(window[0], sum(window), log=marked, smoothed=not marked, crosshair=crosshair)
    rows = line_chart(*size, [Series("mono", "mono", curve.view(), marked)], axes, glyphs)
    assert len(rows) == size[1]
    assert all(row_width(row) == size[0] for row in rows)


@given(st.integers(1, 49), st.integers(1, 49))
def test_the_crosshair_hides_nothing_and_names_its_step(at: int, other: int) -> None:
    """Every dot of the chart is still there, in its own colour."""
    curve = Curve(0.0)
    curve.extend(range(1, 51), [float((step * 7) % 11) for step in range(50)])
    series = [Series("mono", "mono", curve.view())]
    bare, crossed = (
        line_chart(80, 20, series, Axes(0, 50, smoothed=False, crosshair=step), BRAILLE) for step in (None, at)
    )
    dotted = [
        [(x, character) for x, character in enumerate(line) if 0x2800 < ord(character) < 0x2900] for line in plain(bare)
    ]
    assert dotted == [
        [(x, character) for x, character in enumerate(line) if 0x2800 < ord(character) < 0x2900]
        for line in plain(crossed)
    ]
    assert (str(at), "key") in crossed[-1]
    if other != at:
        moved = line_chart(80, 20, series, Axes(0, 50, smoothed=False, crosshair=other), BRAILLE)
        assert moved != crossed


def test_a_line_between_two_far_points_is_seen_where_it_passes() -> None:
    """Zoomed between two evaluations, the line that joins them crosses the window from edge to edge."""
    curve = Curve(0.0)
    curve.extend([0, 1000], [0.0, 10.0])
    series = [Series("single", "mAP", curve.view(), marked=True)]
    rows = line_chart(60, 12, series, Axes(400, 600, smoothed=False, labelled=False), BRAILLE)
    columns = {x for line in plain(rows) for x, character in enumerate(line) if 0x2800 < ord(character) < 0x2900}
    assert columns == set(range(7, 60))


def test_a_window_without_points_says_so() -> None:
    curve = Curve(0.0)
    curve.extend([1, 2], [1.0, 2.0])
    lines = plain(line_chart(60, 12, [Series("mono", "mono", curve.view())], Axes(100, 200), BRAILLE))
    assert any("no point in this part" in line for line in lines)
