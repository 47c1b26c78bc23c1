"""Figures draw their frame's own numbers, in print size, the same bytes for the same numbers."""

from __future__ import annotations

import re
import sys

import numpy as np
import polars as pl
import pytest
from export_cases import make_evaluation, make_run

from engine import events
from engine.config import ConfigError
from engine.export.figures import FIGURES, draw_figure
from engine.export.figures.style import COLOURS, COLUMN_INCHES, PAGE_INCHES, short, styled
from engine.export.tables import build_table

pytest.importorskip("matplotlib")

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
GOOD, POOR = (make_evaluation(seed, noise, LANGUAGES, facts=12) for seed, noise in ((0, 0.6), (1, 1.4)))
LOSSES = [4.0, 3.5, 9.0, 3.0, "NaN", 2.5]
MODES = ["mono", "cross", "mono", "cross", "mono", "cross"]


def with_steps(run):
    count = len(LOSSES)
    step = events.Step(
        seq=1,
        first_step=1,
        loss=LOSSES,
        mode=MODES,
        lr=[0.0] * count,
        masked=[0.0] * count,
        grad_norm=[1.0] * count,
        seconds=[0.1] * count,
        data_wait=[0.0] * count,
        tokens=[1] * count,
    )
    validations = [
        events.Validation(
            seq=2 + index,
            step=3 * (index + 1),
            measure="loss",
            value=value,
            best_step=3,
            best_value=2.5,
            since_best=index,
        )
        for index, value in enumerate((2.5, 2.75))
    ]
    (run / "events.jsonl").write_bytes(b"".join(map(events.encode, (step, *validations))))
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return [
        with_steps(make_run(home, f"cldr-{mode}-20260801-12000{number}", mode, {6: {"cldr": evaluation}}))
        for number, (mode, evaluation) in enumerate((("mono", POOR), ("hybrid", GOOD)))
    ]


def texts(figure):
    from matplotlib.text import Text

    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_is_of_print_size_and_its_letters_are_readable(runs, kind):
    """8 pt and more at the width it is printed in; exponents would be smaller."""
    with styled():
        figure = FIGURES[kind].draw(FIGURES[kind].frame(runs, None, None))
        found = texts(figure)
    assert figure.get_figwidth() in (COLUMN_INCHES, PAGE_INCHES)
    assert found
    assert min(text.get_fontsize() for text in found) >= 8
    assert not any("mathdefault" in text.get_text() for text in found)


@pytest.mark.parametrize("kind", FIGURES)
def test_nothing_is_cut_off(runs, kind):
    with styled():
        figure = FIGURES[kind].draw(FIGURES[kind].frame(runs, None, None))
        figure.draw_without_rendering()
        drawn = figure.get_tightbbox()
        labels = [text.get_window_extent() for axes in figure.axes for text in axes.texts]
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= figure.get_figwidth()
    assert drawn.y1 <= figure.get_figheight()
    assert all(0 <= label.x0 < label.x1 <= figure.bbox.x1 for label in labels)


@pytest.mark.parametrize(("kind", "format"), [*((kind, "svg") for kind in FIGURES), ("pareto", "pdf"), ("loss", "png")])
def test_equal_numbers_are_equal_files(runs, tmp_path, kind, format):
    files = [tmp_path / name for name in ("one", "two")]
    for out in files:
        draw_figure(kind, format, runs, out=out)
    first, second = (out.read_bytes() for out in files)
    assert first == second
    assert first.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[format])


def test_the_heatmap_prints_every_cell_of_the_table(runs):
    frame = build_table("heatmap", runs)
    with styled():
        figure = FIGURES["heatmap"].draw(frame)
    assert len(figure.axes) == 2
    for run, axes in zip(runs, figure.axes, strict=True):
        assert axes.get_title(loc="left").startswith(run.name)
        rows = frame.filter(run=run.name).drop("run", "query_language").rows()
        printed = [text.get_text() for text in axes.texts]
        assert printed == [f"{100 * value:.0f}" for row in rows for value in row]
        assert len(axes.patches) == len(printed)


def test_heatmap_ink_stands_out_on_every_shade(runs):
    """WCAG asks for a contrast of 4.5 for text of this size; cividis' middle reaches 4.3 at worst."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    with styled():
        axes = FIGURES["heatmap"].draw(build_table("heatmap", runs)).axes[0]
    for text, patch in zip(axes.texts, axes.patches, strict=True):
        ink = 0.0 if text.get_color() == "black" else 1.0
        shade = luminance(patch.get_facecolor())
        assert (max(ink, shade) + 0.05) / (min(ink, shade) + 0.05) > 4.3


def test_loss_keeps_spikes_and_leaves_out_what_is_not_finite(runs):
    frame = FIGURES["loss"].frame(runs[:1], None, None)
    assert frame["step"].to_list() == list(range(1, 7))
    assert frame["loss"].to_list()[:4] == LOSSES[:4]
    with styled():
        axes = FIGURES["loss"].draw(frame).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert max(drawn["mono"]) == 9.0
    assert np.isfinite(drawn["mono"]).all()
    assert len(drawn["mono"]) == 2
    assert len(drawn["cross"]) == 3
    assert FIGURES["loss"].frame(runs[:1], None, 3).height == 3


def test_rank_quantiles_are_the_evaluations(runs):
    frame = FIGURES["ranks"].frame(runs, None, None)
    for run, evaluation in zip(runs, (POOR, GOOD), strict=True):
        for language, found in evaluation.summary.rank_distance.items():
            row = frame.filter(run=run.name, query_language=language).row(0, named=True)
            assert row["queries"] == found.queries
            assert [row["mean"], row["median"], row["p90"]] == pytest.approx([found.mean, found.median, found.p90])


def test_pareto_points_are_the_tables(runs):
    frame = build_table("pareto", runs)
    assert frame["front"].to_list() == [False, True]
    with styled():
        axes = FIGURES["pareto"].draw(frame).axes[0]
    points = {(text.get_text(), *text.xy) for text in axes.texts}
    rows = frame.select("rank_distance", "map_monolingual").rows()
    assert points == {(name, *row) for name, row in zip(("mono", "hybrid"), rows, strict=True)}


def test_the_front_is_what_no_other_beats():
    from engine.export.tables.pareto_table import _on_front

    points = [(0.8, 300.0), (0.8, 250.0), (0.7, 100.0), (0.6, 100.0), (0.9, None), (0.7, 100.0)]
    assert [_on_front(point, points) for point in points] == [False, True, True, False, None, True]


def test_names_lose_what_they_share():
    assert short(["cldr-mono-20260801-120000", "cldr-hybrid-20260801-120001-2"]) == ["mono", "hybrid"]
    assert short(["a-20260801-120000", "a-20260801-120001"]) == ["120000", "120001"]
    assert short(["one"]) == ["one"]
    assert short(["x-a", "x"]) == ["a", "x"]


def test_svg_text_is_text(runs):
    svg = draw_figure("heatmap", "svg", runs)
    assert re.search(r">cldr-mono-20260801-120000<", svg)


def test_without_matplotlib_one_line_names_the_extra(runs, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'hybrid-tui\[figures\]'"):
        draw_figure("pareto", "pdf", runs, out=tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()


def test_wrong_use_names_what_was_expected(runs, tmp_path):
    empty = make_run(tmp_path, "empty", "mono", {})
    crowd = pl.concat(
        [pl.DataFrame({"run": [f"r{n}"], "mode": ["mono"], "step": [1], "loss": [1.0]}) for n in range(8)]
    )
    english = make_run(tmp_path, "en", "english", {1: {"toy": make_evaluation(languages=("en",))}})
    for call, named in [
        (lambda: draw_figure("curve", "svg", runs), ", ".join(FIGURES)),
        (lambda: draw_figure("loss", "csv", runs), "svg, pdf, png"),
        (lambda: draw_figure("loss", "pdf", runs), "--out"),
        (lambda: draw_figure("loss", "svg", [empty]), "empty has no steps"),
        (lambda: FIGURES["loss"].draw(crowd), f"{len(COLOURS)} runs apart"),
        (lambda: draw_figure("ranks", "svg", [english]), "toy has no rank_distance: the benchmark has one language"),
        (lambda: draw_figure("pareto", "svg", [english]), "toy has no rank_distance: the benchmark has one language"),
        (lambda: draw_figure("heatmap", "svg", runs, benchmark="xquad-r"), "no results on xquad-r"),
    ]:
        with pytest.raises(ConfigError) as error:
            call()
        assert named in str(error.value)
        assert "\n" not in str(error.value)


def test_validations_are_drawn_with_the_best_ringed(runs):
    frame = FIGURES["validation"].frame(runs, None, None)
    assert frame.filter(run=runs[0].name).select("step", "value", "best").rows() == [(3, 2.5, True), (6, 2.75, False)]
    with styled():
        (axes,) = FIGURES["validation"].draw(frame).axes
    curve, ring = axes.lines[:2]
    assert curve.get_xydata().tolist() == [[3, 2.5], [6, 2.75]]
    assert ring.get_xydata().tolist() == [[3, 2.5]]


def test_validations_end_at_the_step_that_was_asked_for(runs):
    assert FIGURES["validation"].frame(runs[:1], None, 3)["step"].to_list() == [3]
