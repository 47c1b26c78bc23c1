"""The report of a study says what the comparison and the tables say, in Markdown and in HTML that fetches nothing."""

from __future__ import annotations

import re
import shutil

import msgspec
import pytest
from export_cases import make_evaluation
from html_pages import read_page
from study_cases import trained

from engine.config import ConfigError
from engine.evaluation.results import read_summary
from engine.export.compare import compare_runs
from engine.export.compare_rows import CompareRow
from engine.export.markdown import markdown_table, plain_text
from engine.export.report.answer import answer
from engine.export.report.contents import StudyReport
from engine.export.report.document import bullets, to_html, to_markdown
from engine.export.report.study_report import study_report, write_report
from engine.export.study_results import StudyResults
from engine.measures import RANK_DISTANCE_NULL
from engine.runs.study_record import StudyRecord

NOISE = {"mono": 2.0, "cross": 1.2, "hybrid": 0.6}


RECORD = StudyRecord(name="toy-batches", condition="", baseline="mono", benchmarks=("toy",))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return {
        condition: [
            trained(home, condition, seed, RECORD, {"toy": make_evaluation(seed, noise, clusters=10)})
            for seed in (0, 1)
        ]
        for condition, noise in NOISE.items()
    }


def reported(runs, record=RECORD):
    return study_report(StudyResults(record, runs))


@pytest.fixture(scope="module")
def written(runs, tmp_path_factory):
    report, blocks = reported(runs)
    out = tmp_path_factory.mktemp("out") / "deep" / "report"
    return report, out, write_report(report, blocks, out)


def test_the_answers_are_the_comparisons(runs, written):
    """Against the same command's rows: verdict on map_monolingual, reduction of rank distance with its interval."""
    report = written[0]
    rows = compare_runs([path for paths in runs.values() for path in paths]).rows
    means = {(row.run, row.metric): row for row in rows if row.query_language is None}
    assert [found.condition for found in report.answers] == ["cross", "hybrid"]
    for found in report.answers:
        quality, bias = (means[f"toy-batches-{found.condition}", name] for name in ("map_monolingual", "rank_distance"))
        assert found.verdict == quality.verdict
        assert f"{quality.difference:+.4f}" in found.quality
        assert quality.verdict in found.quality
        assert "margin of 0.01" in found.quality
        assert found.reduction == -bias.difference
        assert found.reduction_interval == (-bias.interval[1], -bias.interval[0])
        assert f"[{-bias.interval[1]:,.1f}, {-bias.interval[0]:,.1f}]" in found.bias
        assert f"({-100 * bias.difference / bias.baseline_value:.0f} %)" in found.bias
        assert "for these seeds" in found.cost + found.removed


def test_the_basis_is_stated(written):
    text = (written[1] / "report.md").read_text()
    assert "fewer than 5 seeds" in text
    assert "10 clusters are fewer than the 24" in text
    assert "Holm over the 2 conditions" in text
    assert "last step (400), fixed before training" in text
    assert text.count("| mono | mono-0 | tiny | 0 |") == 1


def test_json_is_the_report(written):
    report, out, _ = written
    assert msgspec.json.decode((out / "report.json").read_bytes(), type=StudyReport) == report
    assert {one.condition: one.runs for one in report.conditions}["hybrid"] == ["hybrid-0", "hybrid-1"]
    (benchmark,) = report.benchmarks
    assert {row["condition"] for row in benchmark.means} == set(NOISE)
    assert len(report.differences) == sum(row.is_mean for row in benchmark.comparison.rows)


def test_measures_of_bias_stand_beside_what_they_would_be_without_it(runs, written):
    """Means over the two seeds, of every measure but those of the means table; the report shows the same numbers."""
    report, out, _ = written
    (benchmark,) = report.benchmarks
    found = {(mean.measure, mean.condition): mean for mean in benchmark.bias}
    for condition, paths in runs.items():
        of_seeds = [read_summary(path / "results" / "step-000400" / "toy").bias for path in paths]
        for name in set(of_seeds[0].measures) - {RANK_DISTANCE_NULL}:
            assert found[name, condition].value == pytest.approx(sum(bias.measures[name] for bias in of_seeds) / 2)
            if name in of_seeds[0].nulls:
                assert found[name, condition].null == pytest.approx(sum(bias.nulls[name] for bias in of_seeds) / 2)
    first = found["first_right_own_language", "mono"]
    text = (out / "report.md").read_text()
    assert "### Bias and its opposite" in text
    assert f"{first.value:.3f} ({first.null:.3f})" in text


def test_html_is_whole_and_needs_nothing_else(written):
    html = (written[1] / "report.html").read_text()
    reader = read_page(html)
    assert len(reader.cells) > 50
    assert not re.search(r"<script|<link|<img|@import|url\((?!#)", html)
    assert set(re.findall(r"url\(#([^)]*)\)", html)) <= set(reader.ids)


def test_figures_are_files_beside_the_markdown_and_within_the_html(written):
    pytest.importorskip("matplotlib")
    _, out, files = written
    linked = re.findall(r"!\[.*\]\((.*)\)", (out / "report.md").read_text())
    assert linked == [f"figures/{name}.svg" for name in ("forest", "pareto", "heatmap", "ranks", "loss")]
    assert all((out / link).read_text().startswith("<?xml") for link in linked)
    assert (out / "report.html").read_text().count("<svg") == 5
    assert {file.relative_to(out).as_posix() for file in files} == {
        *linked,
        *(f"report.{kind}" for kind in ("md", "html", "json")),
    }


def test_a_figure_that_cannot_be_drawn_is_left_out_with_the_reason(runs, monkeypatch, tmp_path):
    """As of more conditions than colours."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("engine.export.figures.style.COLOURS", ["black"] * 2)
    write_report(*reported(runs), tmp_path)
    assert (
        "There is no figure of the kind ranks: a ranks figure tells 2 runs apart"
        in (tmp_path / "report.md").read_text()
    )
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"forest", "pareto", "heatmap"}


def test_without_matplotlib_the_report_says_what_is_missing(runs, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    report, blocks = reported(runs)
    write_report(report, blocks, tmp_path / "out")
    assert "hybrid-tui[figures]" in (tmp_path / "out" / "report.md").read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json", "report.md"]


def row(difference, *, different, not_inferior, metric="map_monolingual", basis="for these seeds"):
    return CompareRow(
        run="hybrid",
        setting=metric,
        value=0.8 + difference,
        baseline_value=0.8,
        difference=difference,
        interval=(difference - 0.01, difference + 0.01),
        p_holm=0.01,
        different=different,
        not_inferior=not_inferior,
        verdict="v",
        metric=metric,
        query_language=None,
        passage_language=None,
        lower_bound=difference - 0.01,
        p=0.01,
        seed_interval=None,
        basis=basis,
        clusters=30,
    )


@pytest.mark.parametrize(
    ("difference", "different", "not_inferior", "cost"),
    [
        (0.02, True, True, "No, for these seeds: it is better."),
        (0.001, False, True, "No, for these seeds: a loss of 0.01 or more is excluded."),
        (-0.015, True, False, "Yes, for these seeds: a loss of 0.01 or more is not excluded."),
        (-0.005, True, True, "Yes, for these seeds, but by less than the margin of 0.01."),
        (-0.05, True, False, "Yes, for these seeds: by more than the margin of 0.01."),
        (
            -0.01,
            False,
            False,
            "Undecided, for these seeds: neither a difference nor its absence to within 0.01 is shown.",
        ),
        (-0.01, False, None, "Undecided: there is too little data to say."),
    ],
)
def test_the_cost_is_worded_by_both_flags(difference, different, not_inferior, cost):
    rows = [row(difference, different=different, not_inferior=not_inferior)]
    found = answer("toy", "hybrid", "mono", rows, margin=0.01)
    assert found.cost == cost
    assert found.removed == "Not measured."


@pytest.mark.parametrize(
    ("difference", "different", "removed", "way"),
    [
        (-0.4, True, "50 % of the rank distance, over seeds.", "0.4 lower (50 %), 95 % interval [0.4, 0.4]"),
        (
            0.4,
            True,
            "None, over seeds: the rank distance is 50 % higher.",
            "0.4 higher (50 %), 95 % interval [0.4, 0.4]",
        ),
        (-0.4, False, "None that is shown, over seeds.", "0.4 lower"),
    ],
)
def test_what_is_removed_is_what_is_shown(difference, different, removed, way):
    rows = [row(difference, different=different, not_inferior=None, metric="rank_distance", basis="over seeds")]
    found = answer("toy", "hybrid", "mono", rows, margin=0.01, nulls=(3.0, 4.0))
    assert found.removed == removed
    assert way in found.bias
    assert "would give 3.0 and 4.0: what languages add is" in found.bias


def test_text_of_others_stays_text():
    blocks = [
        f"# {plain_text('<b>')}",
        f"**{plain_text('x' + chr(27))}** {plain_text('a & b *c* _d_ [e](f) &lt; `g`')}",
        bullets([plain_text("<script>")]),
        markdown_table(["a|b", "n"], [["1|2", "3"]], [False, True]),
    ]
    html, markdown = to_html("<t>", blocks), to_markdown(blocks)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a &amp; b *c* _d_ [e](f) &amp;lt; `g`" in html
    assert "\x1b" not in html + markdown
    assert "| 1\\|2 | 3 |" in markdown


def test_what_cannot_be_reported_is_one_line(runs, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    report, blocks = reported(runs)
    two = {**runs, "other": [tmp_path / "mono-7"]}
    shutil.copytree(runs["mono"][0], tmp_path / "mono-7")
    elsewhere = msgspec.structs.replace(RECORD, benchmarks=("xquad-r",))
    for call, named in [
        (lambda: reported(runs, elsewhere), "xquad-r"),
        (lambda: reported(two), "two of its conditions have the same config, mono and other"),
        (lambda: reported({"mono": [*runs["mono"], *runs["cross"]]}), "differ in more than their seed"),
        (lambda: write_report(report, blocks, blocked / "out"), "no folder"),
    ]:
        with pytest.raises(ConfigError) as error:
            call()
        assert named in str(error.value)
        assert "\n" not in str(error.value)
