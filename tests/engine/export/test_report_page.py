"""``report``: one page with the numbers of ``export`` and ``compare``, whatever the runs are called and however far."""

from __future__ import annotations

import re
import sys

import msgspec
import pytest
from export_cases import make_evaluation, make_run
from html_pages import read_page

from engine import events
from engine.config import ConfigError
from engine.export.compare import compare_runs
from engine.export.page.html import Section, document, isolated, table
from engine.export.page.report_page import report_page
from engine.export.run_results import Checkpoint
from engine.export.tables import build_table
from engine.export.tables.rounding import rounded
from engine.runs.folder import RunFolder, read_spec

HOSTILE = "<script>alert(1)</script> & \"'\x1b[2J\u202egnp.\u05d0\u05d1"


def with_log(run, *, validations=True):
    count = 6
    step = events.Step(
        seq=1, t=1.8e9, first_step=1, loss=[4.0, 3.5, "NaN", 3.0, 2.75, 2.5], mode=["mono", "cross"] * 3,
        lr=[0.0] * count, masked=[0.0] * count, grad_norm=[1.0] * count, seconds=[0.1] * count,
        data_wait=[0.0] * count, tokens=[1] * count,
    )  # fmt: skip
    log = [step]
    if validations:
        log += [
            events.Validation(
                seq=2 + index, t=1.8e9 + index, step=3 * (index + 1), measure="loss", value=value, best_step=3,
                best_value=2.125, since_best=index,
            )
            for index, value in enumerate((2.125, 2.375))
        ]  # fmt: skip
    (run / "events.jsonl").write_bytes(b"".join(map(events.encode, log)))
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return [
        with_log(make_run(home, f"toy-{name}-20261201-12000{n}", name, {6: {"toy": make_evaluation(n, noise)}}))
        for n, (name, noise) in enumerate((("mono", 2.0), ("hybrid", 0.6)))
    ]


@pytest.fixture(scope="module")
def page(runs):
    return report_page(runs)


def rows_of(reader):
    return {row[0]: row[1:] for rows in reader.tables for row in rows}


def test_it_is_whole_and_needs_nothing_else(page):
    reader = read_page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert not re.search(r"@import|url\((?!#)|https?:|\bon\w+=", page)
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(reader.ids)


def test_the_contents_lead_to_every_section(page):
    titles = re.findall(r'<h2 id="([^"]+)-title">([^<]+)</h2>', page)
    assert [title for _, title in titles] == [
        "The runs", "Comparison on toy", "Results on toy", "Training", "How these numbers were made", "Configuration",
        "Provenance",
    ]  # fmt: skip
    assert re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', page) == titles


def test_tables_and_figures_can_be_read_aloud(page):
    pytest.importorskip("matplotlib")
    assert page.count("<table>") == page.count("<caption>") == page.count("<thead>")
    assert '<th scope="row">' in page
    drawn = re.findall(r'<figure id="figure-([a-z]+)', page)
    assert drawn == ["forest", "pareto", "heatmap", "ranks", "loss", "validation"]
    labelled = re.findall(r'<svg role="img" aria-labelledby="([^"]+)"', page)
    titled = re.findall(r'<title id="([^"]+)">[^<]{20,}</title>', page)
    assert labelled == titled
    assert len(labelled) == len(drawn)


def test_measures_and_pairs_are_those_of_export(runs, page):
    (measures,) = [rows for rows in read_page(page).tables if rows[1] == ["step", "6", "6"]]
    rows = {row[0]: row[1:] for row in measures}
    summary = list(build_table("summary", runs).iter_rows(named=True))
    for name in ("map_monolingual", "map_crosslingual", "map_multilingual", "rank_distance", "recall_at_100"):
        assert rows[name] == [rounded(name, record[name], record) for record in summary]
    heatmap = build_table("heatmap", runs)
    cells = read_page(page).cells
    for record in heatmap.iter_rows(named=True):
        for name in heatmap.columns[2:]:
            assert rounded(name, record[name], record) in cells


def test_a_comparison_is_that_of_compare(runs, page):
    compared = compare_runs(runs)
    lines = [row for rows in read_page(page).tables for row in rows]
    for row in compared.rows:
        low, high = (f"{end:+,.{row.places}f}" for end in row.interval)
        assert [
            "toy-hybrid", row.setting, f"{row.value:,.{row.places}f}", f"{row.baseline_value:,.{row.places}f}",
            f"{row.difference:+,.{row.places}f}", f"[{low}, {high}]", f"{row.p_holm:.4f}", row.verdict,
        ] in lines  # fmt: skip


def test_bias_is_that_of_export(runs, page):
    lines = [row for rows in read_page(page).tables for row in rows]
    for record in build_table("bias", runs).iter_rows(named=True):
        if record["query_language"] is None and record["passage_language"] is None and record["value"] is not None:
            value = rounded("value", record["value"], record)
            assert any(line[:2] == [record["measure"], value] for line in lines), record


def test_training_is_told(page):
    lines = [row for rows in read_page(page).tables for row in rows]
    assert ["toy-mono", "mono", "3", "4.0000", "2.7500", "2.7500", "1"] in lines
    assert ["toy-mono", "loss", "2", "2.1250", "2.1250", "3", "2.3750"] in lines


def test_equal_runs_give_equal_pages(runs, page):
    assert report_page(runs) == page


def test_another_baseline_turns_the_comparison(runs):
    lines = [row for rows in read_page(report_page(runs, runs[1])).tables for row in rows]
    assert any(row[:2] == ["toy-mono", "map_monolingual"] for row in lines)
    assert not any(row[:2] == ["toy-hybrid", "map_monolingual"] for row in lines)


def test_the_config_is_whole_and_differences_are_told(runs, page):
    rows = rows_of(read_page(page))
    assert rows["batch.mode"] == ['"mono"', '"hybrid"']
    assert "max_steps" in read_page(page).text


def test_one_run_has_no_comparison(runs):
    reader = read_page(report_page(runs[:1]))
    assert "Comparison" not in reader.text
    assert "map_monolingual" in reader.cells


def test_a_run_at_a_step_is_named_so(tmp_path):
    steps = {step: {"toy": make_evaluation(step, 1.0)} for step in (3, 6)}
    run = make_run(tmp_path, "toy-mono-20261201-120000", "mono", steps)
    reader = read_page(report_page([Checkpoint(run, 3)]))
    assert rows_of(reader)["id"] == ["toy-mono-20261201-120000@3"]
    assert rows_of(reader)["step"] == ["3"]


def test_training_ends_at_the_step_that_was_asked_for(tmp_path):
    run = with_log(make_run(tmp_path, "mono", "mono", {3: {"toy": make_evaluation(0)}}))
    lines = [row for rows in read_page(report_page([Checkpoint(run, 3)])).tables for row in rows]
    assert ["mono@3", "mono", "2", "4.0000", "4.0000", "4.0000", "1"] in lines
    assert ["mono@3", "loss", "1", "2.1250", "2.1250", "3", "2.1250"] in lines


def test_sources_are_told_apart_key_by_key(tmp_path):
    runs = [make_run(tmp_path, name, name, {}) for name in ("mono", "cross")]
    spec = read_spec(RunFolder(runs[1]))
    (source,) = spec.config.sources
    config = msgspec.structs.replace(spec.config, sources=(msgspec.structs.replace(source, weight=0.5),))
    (runs[1] / "spec.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, config=config)))
    assert rows_of(read_page(report_page(runs)))["sources[0].weight"] == ["1.0", "0.5"]


def test_a_run_that_has_nothing_yet_is_told_of(tmp_path):
    run = make_run(tmp_path, "young", "mono", {})
    reader = read_page(report_page([run]))
    assert "young has no results: its config has no evaluation.benchmarks." in reader.text
    assert "There are no steps yet." in reader.text


def test_runs_that_cannot_be_compared_say_why(tmp_path):
    runs = [
        make_run(tmp_path, "small", "mono", {6: {"toy": make_evaluation(0, facts=20)}}),
        make_run(tmp_path, "large", "cross", {6: {"toy": make_evaluation(0, facts=24)}}),
    ]
    reader = read_page(report_page(runs))
    assert "There is no comparison on toy: small and large were measured on different data of toy" in reader.text
    assert "map_monolingual" in reader.cells


def test_a_suite_is_compared_as_one(tmp_path):
    evaluations = {f"beir/{name}": make_evaluation(n, 0.8, ("en",)) for n, name in enumerate(("one", "two"))}
    runs = [make_run(tmp_path, mode, mode, {6: evaluations}) for mode in ("mono", "cross")]
    text = read_page(report_page(runs, benchmark="beir/*")).text
    assert "Comparison on beir/*" in text
    assert "A mean is over the data sets beir/one, beir/two." in text
    assert "Results on beir/two" in text


@pytest.mark.parametrize(("benchmark", "named"), [("xquad-r", "no results on xquad-r"), ("beir/*", "beir")])
def test_an_unknown_benchmark_is_refused(runs, benchmark, named):
    with pytest.raises(ConfigError, match=named):
        report_page(runs, benchmark=benchmark)


def test_text_of_others_stays_text(tmp_path):
    made = with_log(make_run(tmp_path, "plain", "mono", {6: {"toy": make_evaluation(0)}}))
    run = made.rename(tmp_path / "hostile-\u05d0 <b>")
    spec = read_spec(RunFolder(run))
    config = msgspec.structs.replace(spec.config, model=msgspec.structs.replace(spec.config.model, name=HOSTILE))
    provenance = msgspec.structs.replace(spec.provenance, command_line=("hybrid-tui", HOSTILE))
    changed = msgspec.structs.replace(spec, config=config, provenance=provenance)
    (run / "spec.json").write_bytes(msgspec.json.encode(changed))
    page = report_page([run])
    reader = read_page(page)
    assert "script" not in reader.tags
    assert "b" not in reader.tags
    assert not re.search("[\x1b\u202e]", page)
    assert "␛[2J\\u202e" in reader.text
    assert "<bdi>hostile-\u05d0 &lt;b&gt;</bdi>" in page


def test_without_matplotlib_it_is_a_page_of_tables(runs, page, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    plain = report_page(runs)
    reader = read_page(plain)
    assert "pip install 'hybrid-tui[figures]'" in reader.text
    assert "<svg" not in plain
    assert reader.cells == read_page(page).cells


def test_wide_tables_are_split_and_lose_nothing():
    header = ["", *(f"run-{number}" for number in range(9))]
    html = table("Wide", header, [["row", *map(str, range(9))]], across=4)
    reader = read_page(html)
    assert [len(rows[0]) - 1 for rows in reader.tables] == [3, 3, 3]
    assert [cell for rows in reader.tables for cell in rows[1][1:]] == list(map(str, range(9)))


def test_only_text_of_other_scripts_is_isolated():
    assert isolated("plain") == "plain"
    assert isolated("\u05d0 & b") == "<bdi>\u05d0 &amp; b</bdi>"
    assert "<bdi>" in document("\u05d0", [], [Section("one", "\u05d1", "")])
