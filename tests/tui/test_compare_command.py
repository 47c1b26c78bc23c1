"""``compare``: the text and the JSON document are of one comparison, and wrong use is one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import pytest

from engine.export.compare import compare_runs
from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main
from tui.numbers import effect, p_value, share

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from export_cases import make_evaluation, make_run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    for name, noise in (("mono", 2.0), ("hybrid", 0.6)):
        make_run(home, name, name, {400: {"toy": make_evaluation(0, noise, facts=30, clusters=25)}})
    return home


def test_json_is_the_comparison(home, capsys):
    assert main(["--runs", str(home), "compare", "mono", "hybrid", "--json"]) == EXIT_DONE
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(msgspec.json.encode(compare_runs([home / "mono", home / "hybrid"])))


def test_text_has_a_line_for_every_row(home, capsys):
    """With its values, its interval and its verdict; and how the checkpoints were chosen."""
    given = ["--runs", str(home), "compare", "hybrid", "--baseline", "mono", "--metric", "map_crosslingual"]
    assert main([*given, "--margin", "0.02"]) == EXIT_DONE
    lines = capsys.readouterr().out.splitlines()
    assert "difference to mono, margin of non-inferiority .020" in lines[0]
    found = compare_runs([home / "mono", home / "hybrid"], metric="map_crosslingual", margin=0.02)
    for row in found.rows:
        numbers = [share(row.value), share(row.baseline_value), effect(row.difference), p_value(row.p_holm)]
        line = next(line for line in lines if f"  {row.setting}  " in line)
        assert all(number in line for number in [*numbers, f"[{effect(row.interval[0])}, {effect(row.interval[1])}]"])
        assert line.endswith(row.verdict.replace(" at the margin of 0.02", ""))
    assert lines[-2:] == [f"checkpoint of {run}: last step (400), fixed before training" for run in ("mono", "hybrid")]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mono"], "at least two runs"),
        (["mono", "hybrid", "--metric", "mAP"], "unknown metric 'mAP'"),
        (["mono", "hybrid", "--benchmark", "cldr"], "no results on cldr"),
        (["mono", "nothing"], "nothing"),
    ],
)
def test_wrong_use_is_one_line(home, capsys, arguments, named):
    assert main(["--runs", str(home), "compare", *arguments]) == EXIT_WRONG_USE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
    assert printed.err.count("\n") == 1
