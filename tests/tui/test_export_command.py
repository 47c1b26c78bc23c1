"""``export``: tables, figures and files for other programs go where they are asked to; wrong use is one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from export_cases import make_evaluation, make_run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    for name, noise in (("mono", 2.0), ("hybrid", 0.6)):
        make_run(home, name, name, {400: {"toy": make_evaluation(0, noise)}})
    return home


def export(home, *arguments):
    return main(["--runs", str(home), "export", *map(str, arguments)])


def test_stdout_holds_the_document_alone(home, capsys):
    assert export(home, "mono", "hybrid", "--table", "pareto", "--format", "json") == EXIT_DONE
    assert [row["condition"] for row in json.loads(capsys.readouterr().out)] == ["mono", "hybrid"]
    assert export(home, "mono", "--format", "mteb") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["task_name"] == "toy"


def test_files_are_named_on_stderr(home, tmp_path, capsys):
    out = tmp_path / "mono.run"
    assert export(home, "mono", "--table", "ranks", "--format", "trec", "--out", out) == EXIT_DONE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(out) in printed.err
    assert f"{out}.qrels" in printed.err
    assert out.read_text().startswith("de:q:0000 Q0 ")
    assert Path(f"{out}.qrels").read_text().startswith("de:q:0000 0 ")


def test_a_figure_goes_to_stdout_or_a_file(home, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert export(home, "mono", "hybrid", "--figure", "pareto", "--format", "svg") == EXIT_DONE
    svg = capsys.readouterr().out
    assert svg.rstrip().endswith("</svg>")
    assert (
        export(home, "mono", "hybrid", "--figure", "pareto", "--format", "svg", "--out", tmp_path / "p.svg")
        == EXIT_DONE
    )
    assert (tmp_path / "p.svg").read_text() == svg


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mono", "--format", "csv"], "--table or --figure"),
        (["mono", "--table", "summary", "--figure", "loss", "--format", "svg"], "choose one"),
        (["mono", "--table", "summary", "--format", "svg"], "unknown format 'svg'"),
        (["mono", "--figure", "heatmap", "--format", "latex"], "svg, pdf, png"),
        (["mono", "--figure", "heat", "--format", "svg"], "loss, validation, heatmap, ranks, pareto"),
        (["mono", "--table", "bias", "--format", "trec", "--out", "x"], "leave --table bias out"),
        (["mono", "hybrid", "--format", "mteb"], "holds one run, not 2"),
        (["mono", "--format", "trec"], "--out"),
        (["mono", "--figure", "heatmap", "--format", "pdf"], "--out"),
        (["mono", "--table", "paper", "--format", "latex"], "no results on xquad-r or mlqa-r"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(home, tmp_path, monkeypatch, capsys, arguments, named):
    monkeypatch.chdir(tmp_path)
    assert export(home, *arguments) == EXIT_WRONG_USE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
