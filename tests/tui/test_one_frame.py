"""Screen, table and figure show one evaluation's numbers, cell for cell."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from engine import events
from engine.export.figures import FIGURES
from engine.export.figures.style import styled
from engine.export.tables import build_table
from engine.runs.folder import RunFolder
from engine.runs.reader import RunReader
from tui.draw.glyphs import ASCII
from tui.draw.heatmap import Window, heatmap, sequential
from tui.run.matrix import to_matrix

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from export_cases import make_evaluation, make_run

EVALUATION = make_evaluation(4, 0.9)


@pytest.fixture
def run(tmp_path):
    """A run whose log and result folder tell of the same evaluation."""
    folder = make_run(tmp_path, "hybrid-a", "hybrid", {9: {"toy": EVALUATION}})
    finished = events.EvalFinished(seq=1, benchmark="toy", step=9, seconds=1.0, result=EVALUATION.result)
    (folder / "events.jsonl").write_bytes(events.encode(finished))
    return folder


@pytest.fixture
def screen(run):
    """What the dashboard knows: the log, never the result folder."""
    reader = RunReader(RunFolder(run))
    reader.poll()
    return reader.state.latest_evaluations()["toy"].result


def test_heatmap_cells_are_the_same_on_screen_in_the_table_and_in_the_figure(run, screen):
    pytest.importorskip("matplotlib")
    frame, matrix = build_table("heatmap", [run]), to_matrix(screen)
    assert tuple(frame["query_language"]) == matrix.names
    for row, record in enumerate(frame.iter_rows(named=True)):
        assert [record[name] for name in matrix.names] == list(matrix.values[row])
        assert math.isclose(record["mean_other"], matrix.margin[row])
    with styled():
        printed = [text.get_text() for text in FIGURES["heatmap"].draw(frame).axes[0].texts]
    lines = heatmap(80, len(matrix.names) + 1, matrix, sequential(matrix), Window(), ASCII)
    shown = ["".join(text for text, _ in line).split()[1:] for line in lines[1:]]
    width = len(matrix.names)
    for row, cells in enumerate(shown):
        assert cells[:width] == printed[row * (width + 1) : row * (width + 1) + width]


def test_summary_metrics_and_rank_distances_are_the_same(run, screen):
    table = build_table("summary", [run]).row(0, named=True)
    assert {name: table[name] for name in screen.metrics} == screen.metrics
    pareto = build_table("pareto", [run]).row(0, named=True)
    assert [pareto[name] for name in ("map_monolingual", "rank_distance")] == [
        screen.metrics[name] for name in ("map_monolingual", "rank_distance")
    ]
    for row in FIGURES["ranks"].frame([run], None, None).iter_rows(named=True):
        found = screen.rank_distance[row["query_language"]]
        assert [row["median"], row["p90"], row["mean"]] == pytest.approx([found.median, found.p90, found.mean])
