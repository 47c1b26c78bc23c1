"""What a comparison is of, how its numbers read, and curves of several seeds as one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from runs_factory import START, RunWriter, run_config

from engine.runs.folder import RunFolder
from engine.runs.reader import MODE_CODES, RunReader
from tui.compare.job import Choice, common_benchmarks, oldest_first, usual_baseline
from tui.compare.overlay import ALL, OverlayReader
from tui.follow.rows import RunRow
from tui.numbers import metric_change, metric_value


def row(name: str, mode: str = "hybrid", created: float = 0.0, **evaluated: tuple[int, float]) -> RunRow:
    found = tuple((key.replace("_", "-"), *value) for key, value in evaluated.items())
    return RunRow(
        folder=RunFolder(Path("/runs") / name), name=name, mode=mode, mono_share=None, state="finished", reason="",
        step=1, max_steps=1, loss=None, spark=(), benchmark=None, metrics={}, updated=0.0, device="", host="",
        work=None, seconds_left=None, alive=False, attempt=1, created=created, evaluated=found,
    )  # fmt: skip


def test_the_order_of_runs_does_not_depend_on_how_they_were_marked() -> None:
    rows = [row("b", created=2.0), row("c", created=1.0), row("a", created=2.0)]
    for seed in range(5):
        shuffled = random.Random(seed).sample(rows, len(rows))
        assert [one.name for one in oldest_first(shuffled)] == ["c", "a", "b"]


def test_monolingual_training_is_the_usual_baseline() -> None:
    assert usual_baseline([row("a"), row("m", "mono")]).name == "m"
    assert usual_baseline([row("a"), row("b", "cross")]).name == "a"


def test_only_what_all_runs_were_evaluated_on_is_common() -> None:
    rows = [
        row("a", cldr=(5, 1.0), xquad_r=(5, 1.0)),
        row("b", xquad_r=(9, 2.0)),
        row("c", xquad_r=(1, 1.0), cldr=(1, 1.0)),
    ]
    assert common_benchmarks(rows) == ["xquad-r"]
    assert common_benchmarks([*rows, row("d")]) == []


@pytest.mark.parametrize(
    ("other", "same"),
    [((5, 1.0), True), ((6, 1.0), False), ((5, 2.0), False)],
    ids=["the same", "a later step", "evaluated again"],
)
def test_a_comparison_is_known_by_its_runs_steps_and_evaluations(other: tuple[int, float], same: bool) -> None:
    first, second = row("a", cldr=(5, 1.0)), row("b", cldr=(5, 1.0))
    key = Choice((first, second), first, "cldr").key
    assert (Choice((first, row("b", cldr=other)), first, "cldr").key == key) is same
    assert Choice((first, second), second, "cldr").key != key


@pytest.mark.parametrize(
    ("metric", "value", "difference", "shown"),
    [
        ("map_monolingual", 0.7916, 0.0312, (".792", "+.031")),
        ("map_monolingual", 1.0, -1.0, ("1.000", "-1.000")),
        ("map_crosslingual", 0.5, -0.00004, (".500", "-.00004")),
        ("rank_distance", 1282.4, -1234.5, ("1,282", "-1,234")),
        ("rank_distance", 12.0, 23.1, ("12", "+23")),
        ("own_language_advantage", -0.333, -0.804, ("-0.33", "-0.80")),
    ],
)
def test_numbers_are_as_precise_as_their_measure_deserves(
    metric: str, value: float, difference: float, shown: tuple[str, str]
) -> None:
    assert (metric_value(metric, value), metric_change(metric, difference)) == shown


def oracle(folders: list[RunFolder], code: int | None) -> dict[int, float]:
    """Losses of each step, averaged over the runs that have it."""
    found: dict[int, list[float]] = {}
    for folder in folders:
        reader = RunReader(folder, series=True)
        reader.poll()
        assert reader.series is not None
        for step, (loss, mode) in enumerate(zip(reader.series.loss, reader.series.mode, strict=True), start=1):
            if code is None or mode == code:
                found.setdefault(step, []).append(loss)
    return {step: sum(losses) / len(losses) for step, losses in sorted(found.items())}


def test_curves_are_means_over_the_seeds_that_reached_a_step(home: Path) -> None:
    writers = []
    for seed, steps in ((0, 60), (1, 90)):
        config = run_config("hybrid", seed=seed)
        writers.append(
            RunWriter(home, f"hybrid-s{seed}", config, created=START + seed).started().evaluated(0).steps(1, steps)
        )
    folders = [writer.folder for writer in writers]
    reader = OverlayReader({"hybrid": folders}, "cldr")
    overlay = reader.read(0.0)
    for what, code in ((ALL, None), ("mono batches", MODE_CODES["mono"]), ("cross batches", MODE_CODES["cross"])):
        view = overlay.curves[what]["hybrid"]
        wanted = oracle(folders, code)
        assert list(view.curve.steps[: view.count]) == list(wanted)
        assert list(view.curve.values[: view.count]) == pytest.approx(list(wanted.values()))
    assert overlay.last == 90
    writers[0].steps(61, 95)
    assert reader.read(0.0).last == 95, "a live run is followed"


def test_what_no_run_has_is_not_offered(home: Path) -> None:
    writer = RunWriter(home, "mono", run_config("mono", "mono")).started().steps(1, 20)
    overlay = OverlayReader({"mono": [writer.folder]}, "cldr").read(0.9)
    assert overlay.kinds() == [ALL, "mono batches"]


def test_a_loss_that_is_not_finite_is_marked_and_spoils_no_mean(home: Path) -> None:
    first = RunWriter(home, "a", run_config("a", "mono")).started().steps(1, 20, nan_at=7)
    second = RunWriter(home, "b", run_config("a", "mono", seed=1)).started().steps(1, 20)
    alone = OverlayReader({"a": [first.folder]}, "cldr").read(0.0).curves[ALL]["a"]
    assert [step for step, _ in alone.lost()] == [7]
    assert alone.count == 19
    both = OverlayReader({"a": [first.folder, second.folder]}, "cldr").read(0.0).curves[ALL]["a"]
    assert both.count == 20
    assert not both.lost()
