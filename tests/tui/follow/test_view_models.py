"""What the screens are told: commands on their way, chosen evaluations, matrices and their changes."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from runs_factory import LANGUAGES, START, evaluation_result, finished

from engine.export.log_axis import distance_bounds
from engine.runs.commands import Command
from engine.runs.state import CommandState, EvaluationPoint
from tui.follow.curves import SMOOTHINGS, usual_smoothing
from tui.follow.detail import RunDetail
from tui.follow.feed import Feed
from tui.follow.requests import PATIENCE, RECENT, describe, merge, to_tell
from tui.follow.wish import Watch, Wish
from tui.run.matrix import change, to_matrix, widest_gap, worst_pair
from tui.run.selection import Selection


def pending(uuid: str, t: float = 100.0) -> Command:
    return Command(uuid=uuid, command="pause", attempt=1, t=t, path=Path("x"))


def known(uuid: str, outcome: str | None = None, detail: str = "") -> CommandState:
    return CommandState(uuid=uuid, command="pause", received=101.0, outcome=outcome, detail=detail)  # type: ignore[arg-type]


def test_a_file_nobody_has_taken_is_requested_and_says_when_it_waits_long() -> None:
    requests = merge([pending("a")], [])
    assert describe(requests, "running", True, 101.0) == ("pause: requested; p resumes it", "accent")
    text, style = describe(requests, "running", True, 101.0 + PATIENCE + 1)
    assert "not answered yet" in text
    assert style == "warning"


def test_a_request_to_a_dead_worker_says_that_nobody_is_there() -> None:
    assert "no worker is there" in describe(merge([pending("a")], []), "crashed", False, 101.0)[0]


def test_the_log_knows_better_than_the_file_that_still_lies_there() -> None:
    assert describe(merge([pending("a")], [known("a")]), "pausing", True, 102.0)[0] == "pause: acknowledged"
    assert describe(merge([pending("a")], [known("a", "done")]), "paused", True, 102.0) == ("pause: done", "good")


def test_a_failed_command_says_why_until_somebody_has_read_it() -> None:
    failed = merge([], [known("a", "failed", "disk full")])
    assert describe(failed, "running", True, 102.0) == ("pause failed: disk full", "error")
    assert describe(failed, "running", True, 102.0 + RECENT + 1) == ("pause failed: disk full", "error")
    assert describe(failed, "running", True, 102.0 + RECENT + 1, read={"a"}) == ("", "")
    assert to_tell(failed, 102.0 + RECENT + 1, since=100.0) == failed
    assert to_tell(failed, 102.0 + RECENT + 1, since=110.0) == ()  # of a day before this dashboard was opened


def test_a_pause_that_a_resume_has_overtaken_is_no_news() -> None:
    assert describe(merge([], [known("a", "done")]), "running", True, 102.0) == ("", "")


@pytest.fixture
def detail(home: Path) -> RunDetail:
    writer = finished(home, "done")
    writer.evaluated(400, benchmark="other", languages=("en", "de"))
    feed = Feed(home, lambda snapshot: None, lambda: START)
    feed.want([Wish(run=Watch(writer.folder))])
    snapshot = feed.step()
    assert snapshot is not None
    return snapshot.details[0]


def step_of(point: EvaluationPoint | None) -> int:
    assert point is not None
    return point.step


def test_the_selection_follows_the_newest_until_a_step_is_chosen(detail: RunDetail) -> None:
    chosen = Selection()
    assert step_of(chosen.point(detail)) == 400
    chosen.move_step(detail, -1)
    assert step_of(chosen.point(detail)) == 200
    chosen.move_step(detail, -5)
    assert step_of(chosen.point(detail)) == 0
    chosen.move_step(detail, 9)
    assert chosen.step is None


def test_the_main_benchmark_is_the_one_of_the_config_and_the_key_goes_round(detail: RunDetail) -> None:
    chosen = Selection()
    assert detail.row.benchmark == "cldr"
    assert chosen.next_benchmark(detail) == "other"
    assert [point.benchmark for point in chosen.points(detail)] == ["other"]
    assert chosen.next_benchmark(detail) == "cldr"


def test_worst_pair_and_widest_gap_are_those_of_the_matrix() -> None:
    matrix = to_matrix(evaluation_result(0.8))
    worst, gap = worst_pair(matrix), widest_gap(matrix)
    assert worst is not None
    assert gap is not None
    pairs = [matrix.values[r][c] for r in range(11) for c in range(11) if r != c]
    assert worst.value == min(pairs)
    name, own, others = gap
    row = LANGUAGES.index(name)
    assert own == matrix.values[row][row]
    assert own - others == max(matrix.values[r][r] - matrix.margin[r] for r in range(11))


def test_a_change_is_cell_by_cell_and_new_languages_have_none() -> None:
    first, last = evaluation_result(0.2, ("en", "de")), evaluation_result(0.9, ("de", "en", "th"))
    found = change(first, last)
    assert found.names == ("de", "en", "th")
    assert found.values[0][1] == last.matrix["de"]["en"] - first.matrix["de"]["en"]
    assert math.isnan(found.values[2][0])


def test_one_language_alone_has_no_others_and_no_worst_pair() -> None:
    matrix = to_matrix(evaluation_result(0.5, ("en",)))
    assert math.isnan(matrix.margin[0])
    assert worst_pair(matrix) is None
    assert widest_gap(matrix) is None


def test_the_rank_axis_covers_every_bin_that_holds_a_query() -> None:
    result = evaluation_result(0.5)
    low, high = distance_bounds(result)
    for found in result.rank_distance.values():
        for count, (first, last) in zip(found.histogram, itertools.pairwise(result.histogram_edges), strict=True):
            assert not count or (low <= max(0.5, first) and last <= high)


@pytest.mark.parametrize("steps", [10, 79, 100, 300, 500, 1_000, 4_100, 30_000, 1_000_000])
def test_smoothing_is_the_most_that_averages_over_a_fortieth_of_the_run(steps: int) -> None:
    """A mean with the weight ``beta`` is one of about 1 / (1 - beta) steps; the least smoothing is that of two."""
    spans = [1 / (1 - beta) for beta in SMOOTHINGS if beta]
    expected = max((span for span in spans if span <= steps / 40), default=2.0)
    assert 1 / (1 - usual_smoothing(steps)) == pytest.approx(expected)
    assert usual_smoothing(steps) in SMOOTHINGS


def test_a_long_run_is_smoothed_more_than_a_short_one() -> None:
    assert [usual_smoothing(steps) for steps in (10, 1_000, 5_000, 30_000)] == [0.5, 0.95, 0.99, 0.995]
