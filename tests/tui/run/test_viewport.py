"""The window of the charts stays inside the run, keeps what it is centred on, and follows a run that goes on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.run.chart_board import LEAST_SPAN, Viewport

steps = st.integers(1, 2_000_000)
keys = st.lists(st.sampled_from(["z", "Z", "<", ">", "left", "right", "home", "end", "0", "later"]), max_size=40)


def press(viewport: Viewport, key: str, newest: int) -> None:
    match key:
        case "z" | "Z":
            viewport.zoom(key == "z", newest)
        case "<" | ">":
            viewport.pan(-1 if key == "<" else 1, newest)
        case "left" | "right":
            viewport.move(-1 if key == "left" else 1, newest, 140)
        case "home" | "end":
            viewport.move_to_end(key == "end", newest)
        case "0":
            viewport.show_all()


@settings(max_examples=150, deadline=None)
@given(keys, steps)
def test_whatever_is_pressed_the_window_holds_something_of_the_run(pressed: list[str], newest: int) -> None:
    viewport = Viewport()
    for key in pressed:
        newest += 37 if key == "later" else 0  # the run goes on
        press(viewport, key, newest)
        first, last = viewport.window(newest)
        assert 0 <= first < last
        assert first <= newest
        assert viewport.whole or last - first >= LEAST_SPAN
        if viewport.crosshair is not None:
            assert 0 <= viewport.crosshair <= newest


@settings(max_examples=100, deadline=None)
@given(keys, steps, st.sampled_from(["left", "right"]))
def test_a_moved_crosshair_is_in_sight(pressed: list[str], newest: int, key: str) -> None:
    viewport = Viewport()
    for former in pressed:
        press(viewport, former, newest)
    press(viewport, "left", newest)
    press(viewport, key, newest)
    first, last = viewport.window(newest)
    assert viewport.crosshair is not None
    assert first <= viewport.crosshair <= last


@given(st.integers(100, 1_000_000), st.data())
def test_zooming_in_keeps_the_crosshair_in_sight_down_to_single_steps(newest: int, data: st.DataObject) -> None:
    viewport = Viewport(crosshair=data.draw(st.integers(0, newest)))
    for _ in range(30):
        viewport.zoom(True, newest)
        first, last = viewport.window(newest)
        assert viewport.crosshair is not None
        assert first <= viewport.crosshair <= last
    assert last - first == LEAST_SPAN


@given(st.integers(1000, 1_000_000), st.integers(1, 6))
def test_without_a_crosshair_a_zoomed_window_follows_the_run(newest: int, times: int) -> None:
    viewport = Viewport()
    for _ in range(times):
        viewport.zoom(True, newest)
    span = viewport.window(newest)[1] - viewport.window(newest)[0]
    first, last = viewport.window(newest + 5000)
    assert last - first == span
    assert first <= newest + 5000 <= last


@given(st.integers(1000, 1_000_000), st.integers(1, 6))
def test_zooming_out_again_ends_at_the_whole_run(newest: int, times: int) -> None:
    viewport = Viewport()
    for closer in [True] * times + [False] * (times + 1):
        viewport.zoom(closer, newest)
    assert viewport.whole


def test_panning_back_leaves_the_end_and_panning_on_returns_to_it() -> None:
    viewport = Viewport()
    viewport.zoom(True, 1024)
    viewport.pan(-1, 1024)
    fixed = viewport.window(1024)
    assert viewport.window(5000) == fixed  # no longer follows
    viewport.pan(1, 1024)
    viewport.pan(1, 1024)
    assert viewport.window(5000)[1] >= 5000


def test_a_crosshair_beside_an_edge_keeps_that_edge_in_sight() -> None:
    """The last evaluation of a finished run stands on the last step."""
    right, left = Viewport(crosshair=79), Viewport(crosshair=1)
    for viewport in (right, left):
        viewport.zoom(True, 80)
    assert right.window(80)[1] == 80
    assert left.window(80)[0] == 0
