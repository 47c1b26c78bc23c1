"""Charts hold exactly what the log tells: every step of the measures asked for, every evaluation, nothing else."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs_factory import evaluation_result

from engine.events import Step
from engine.runs.reader import Series
from engine.runs.state import EvaluationPoint, ValidationPoint
from tui.follow.bias_figures import overall_advantage, top_shares
from tui.follow.charts import Chart
from tui.follow.curves import CurveBook
from tui.run.chart_board import Board, ChartChoices, arrange


def step_event(first_step: int, count: int, grad_norm: float | str = 0.5, **other: object) -> Step:
    return Step(
        first_step=first_step, loss=[1.0] * count, mode=["mono"] * count, lr=[1e-3] * count, masked=[0.0] * count,
        grad_norm=[grad_norm] * count, seconds=[0.5] * count, data_wait=[0.1] * count, tokens=[100] * count, **other,  # type: ignore[arg-type]
    )  # fmt: skip


def point(step: int, benchmark: str = "cldr") -> EvaluationPoint:
    return EvaluationPoint(t=0.0, step=step, benchmark=benchmark, seconds=1.0, result=evaluation_result(step / 400))


def charts(book: CurveBook, evaluations: list[EvaluationPoint] | None = None) -> dict[str, Chart]:
    return {chart.name: chart for chart in book.charts(evaluations or [], [])}


def test_only_measures_that_were_asked_for_are_made_and_they_are_exact() -> None:
    series, book = Series(), CurveBook()
    series.extend([step_event(1, 30)])
    book.sync(series, 1, 0.0, {"pairs/s", "data wait %"}, batch_size=64)
    found = charts(book)
    assert not found["lr"].ready
    assert list(found["pairs/s"].series[0].view.curve.values) == [128.0] * 30
    assert list(found["data wait %"].series[0].view.curve.values) == [20.0] * 30
    series.extend([step_event(31, 5)])
    book.sync(series, 1, 0.0, {"pairs/s", "lr"}, batch_size=64)
    found = charts(book)
    assert found["pairs/s"].series[0].view.count == 35
    assert found["lr"].series[0].view.count == 35


def test_a_gap_of_the_log_is_no_point_and_a_norm_that_is_not_finite_is_marked() -> None:
    """Lost events say nothing; an infinite gradient norm says much."""
    series, book = Series(), CurveBook()
    series.extend([step_event(1, 3)])
    series.extend([step_event(8, 2, grad_norm="Infinity")])
    book.sync(series, 1, 0.0, {"grad norm", "lr"}, batch_size=64)
    found = charts(book)
    assert list(found["lr"].series[0].view.curve.steps) == [1, 2, 3, 8, 9]
    assert found["lr"].series[0].view.lost_count == 0
    assert found["grad norm"].series[0].view.lost() == [(8, math.inf), (9, math.inf)]


def test_a_measure_that_no_step_tells_has_no_chart() -> None:
    """Temperature is there where it is learned, and pairs/s have no points where nobody knows the batch size."""
    series, book = Series(), CurveBook()
    series.extend([step_event(1, 3)])
    book.sync(series, 1, 0.0, {"temperature", "pairs/s"}, batch_size=0)
    assert "temperature" not in charts(book)
    assert charts(book)["pairs/s"].series[0].view.count == 0
    series.extend([step_event(4, 2, temperature=[0.05, 0.049])])
    book.sync(series, 1, 0.0, {"temperature"}, batch_size=0)
    view = charts(book)["temperature"].series[0].view
    assert list(zip(view.curve.steps, view.curve.values, strict=True)) == [(4, 0.05), (5, 0.049)]


def test_a_resumed_run_draws_its_measures_anew() -> None:
    series, book = Series(), CurveBook()
    series.extend([step_event(1, 30, grad_norm=0.5)])
    book.sync(series, 1, 0.0, {"grad norm"}, batch_size=64)
    old = charts(book)["grad norm"].series[0].view
    series.truncate(10)
    series.extend([step_event(11, 40, grad_norm=0.25)])
    book.sync(series, 2, 0.0, {"grad norm"}, batch_size=64)
    new = charts(book)["grad norm"].series[0].view
    assert list(new.curve.values[: new.count]) == [0.5] * 10 + [0.25] * 40
    assert old.count == 30


def test_evaluations_are_drawn_per_benchmark_and_named_where_there_are_several() -> None:
    book = CurveBook()
    alone = charts(book, [point(0), point(200)])
    assert [one.label for one in alone["mAP"].series] == ["mono", "cross", "pool"]
    assert list(alone["rank distance"].series[0].view.curve.steps) == [0, 200]
    both = charts(book, [point(0), point(200), point(200, "own")])
    assert {"mAP cldr", "mAP own"} <= both.keys()
    assert "ndcg@10" not in alone  # this benchmark has none


def test_a_validation_loss_is_a_chart_and_a_validation_metric_is_among_the_evaluations() -> None:
    def told(measure: str) -> list[ValidationPoint]:
        return [ValidationPoint(step=9, measure=measure, value=0.5, best_step=9, best_value=0.5, since_best=0)]

    book = CurveBook()
    assert "validation loss" in [chart.name for chart in book.charts([], told("loss"))]
    assert "validation loss" not in [chart.name for chart in book.charts([], told("own map_multilingual"))]


@given(st.integers(20, 300), st.integers(3, 100), st.integers(0, 12))
def test_charts_fill_the_board_and_none_is_squeezed(width: int, height: int, others: int) -> None:
    columns, lines = arrange(width, height, others)
    assert sum(lines) == height
    assert all(line >= 9 for line in lines[1:])
    assert width // columns >= min(width, 38)
    assert lines[0] >= min(height, 12)


@given(st.sets(st.integers(0, 5)), st.integers(-20, 20))
def test_the_leading_chart_goes_round_the_shown_ones(hidden: set[int], by: int) -> None:
    every = [Chart(name) for name in "abcdef"]
    board = Board(ChartChoices(hidden=frozenset("abcdef"[index] for index in hidden)), leading="a")
    before = board.in_order(every)
    board.lead(every, by)
    after = board.in_order(every)
    assert after
    assert {chart.name for chart in after} == {chart.name for chart in before}
    assert after[0] == before[by % len(before)]


def test_shares_of_the_top_are_over_the_shares_of_the_pool() -> None:
    """A language that fills three elevenths of the wrong answers with an eleventh of the pool stands at three."""
    result = evaluation_result(0.5)
    table = top_shares(result)
    assert table is not None
    assert math.isclose(table.values[0][0], 3.0)
    assert math.isclose(sum(table.values[0]) / len(table.names), 1.0)


def test_the_overall_advantage_has_its_interval_where_the_evaluation_has_one() -> None:
    found = overall_advantage(evaluation_result(0.5))
    assert found is not None
    assert found.interval is not None


def test_what_is_set_and_not_measured_is_told_as_it_was_at_every_smoothing() -> None:
    """A smoothed learning rate would lag behind its decay, and read too high at the end."""
    series, book = Series(), CurveBook()
    rates = [1e-3 * (1 - step / 40) for step in range(40)]
    told = step_event(1, 40, temperature=[0.05] * 20 + [0.02] * 20)
    series.extend([msgspec.structs.replace(told, lr=rates)])
    for beta in (0.9, 0.99):
        book.sync(series, 1, beta, {"lr", "temperature", "grad norm"}, batch_size=64)
        found = charts(book)
        assert list(found["lr"].series[0].view.curve.smooth) == pytest.approx(rates)
        assert found["temperature"].series[0].view.smooth_before(41) == pytest.approx(0.02)
        assert (found["lr"].smoothed, found["grad norm"].smoothed) == (False, True)
        assert found["grad norm"].series[0].view.curve.beta == beta
