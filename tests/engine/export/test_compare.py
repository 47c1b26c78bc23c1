"""Comparisons of runs: what is grouped, what is refused, and the same numbers in the result, the table and the text."""

from __future__ import annotations

import shutil

import msgspec
import pytest
from export_cases import LANGUAGES, make_evaluation, make_run

from engine.config import ConfigError
from engine.export.compare import CompareResult, compare_runs
from engine.export.tables import build_table
from engine.measures import HEADLINE, MEASURES
from engine.runs.folder import RunFolder, read_spec

POOR, GOOD, OTHER = (make_evaluation(seed, noise) for seed, noise in ((0, 2.0), (1, 0.5), (2, 2.0)))


def reseed(run, seed, **changes):
    """Gives the run another seed, and other values in its config."""
    spec = read_spec(RunFolder(run))
    config = msgspec.structs.replace(spec.config, seed=seed, **changes)
    (run / "spec.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, config=config)))
    return run


@pytest.fixture
def runs(tmp_path):
    return [
        make_run(tmp_path, "mono-a", "mono", {400: {"toy": POOR}}),
        make_run(tmp_path, "hybrid-b", "hybrid", {400: {"toy": GOOD}}),
    ]


def test_settings_come_with_their_cells_and_reported_values(runs):
    found = compare_runs(runs)
    assert (found.metric, found.benchmark, found.margin, found.baseline) == ("all", "toy", 0.01, "mono-a")
    means = {row.setting: row for row in found.rows if row.query_language is None}
    assert tuple(means) == HEADLINE
    for metric in HEADLINE[:4]:
        assert means[metric].value == pytest.approx(GOOD.summary.metrics[metric])
        assert means[metric].baseline_value == pytest.approx(POOR.summary.metrics[metric])
    pairs = {row.setting: row for row in found.rows if row.passage_language is not None}
    assert len(pairs) == len(LANGUAGES) ** 2
    cross = pairs["map_crosslingual de->en"]
    assert (cross.query_language, cross.passage_language) == ("de", "en")
    assert cross.value == pytest.approx(GOOD.summary.matrix["de"]["en"])
    assert cross.difference == pytest.approx(cross.value - cross.baseline_value)


def test_a_clear_gain_is_found_and_worded(tmp_path):
    """Enough clusters that sign flips can be small; measures of bias are lower, not better."""
    runs = [
        make_run(tmp_path, name, name, {9: {"toy": make_evaluation(3, noise, facts=60, clusters=30)}})
        for name, noise in (("mono", 3.0), ("hybrid", 0.7))
    ]
    rows = {row.setting: row for row in compare_runs(runs).rows}
    gained = rows["map_multilingual"]
    assert (gained.different, gained.not_inferior, gained.verdict) == (True, True, "better, for these seeds")
    assert gained.interval[0] > 0
    lower = rows["rank_distance"]
    assert (lower.different, lower.not_inferior, lower.verdict) == (True, None, "lower, for these seeds")
    assert rows["own_language_advantage"].not_inferior is None
    turned = {row.setting: row for row in compare_runs(runs, baseline=runs[1]).rows}
    assert turned["map_multilingual"].verdict == "worse, for these seeds"
    assert turned["map_multilingual"].difference == pytest.approx(-gained.difference)


def test_holm_is_over_the_cells_of_one_setting(runs):
    rows = compare_runs(runs, metric="map_crosslingual").rows
    cells = [row for row in rows if row.query_language is not None]
    assert len(cells) == 6
    assert min(row.p_holm for row in cells) == pytest.approx(min(1.0, 6 * min(row.p for row in cells)))
    mean = next(row for row in rows if row.query_language is None)
    assert mean.p_holm == mean.p


def test_runs_that_differ_in_their_seed_are_one_condition(runs, tmp_path):
    """Names, devices and checkpoints do not part seeds; the margin is a part of the condition."""
    second = reseed(make_run(tmp_path, "mono-c", "mono", {400: {"toy": OTHER}}), 8)
    found = compare_runs([runs[0], second, runs[1]])
    assert found.conditions == {"mono-a": ["mono-a", "mono-c"], "hybrid-b": ["hybrid-b"]}
    row = next(row for row in found.rows if row.setting == "map_monolingual")
    values = [evaluation.summary.metrics["map_monolingual"] for evaluation in (POOR, OTHER)]
    assert row.baseline_value == pytest.approx(sum(values) / 2)
    reseed(runs[0], 7, name="mono")
    reseed(second, 8, name="mono")
    assert list(compare_runs([runs[0], second, runs[1]]).conditions) == ["mono", "hybrid-b"]


def test_seeds_of_one_condition_alone_are_compared_one_by_one(runs, tmp_path):
    second = reseed(make_run(tmp_path, "mono-c", "mono", {400: {"toy": OTHER}}), 8)
    found = compare_runs([runs[0], second])
    assert (found.baseline, {row.run for row in found.rows}) == ("mono-a", {"mono-c"})


def test_the_selection_rule_is_stated(runs):
    config = read_spec(RunFolder(runs[0])).config
    optimizer = msgspec.structs.replace(config.optimizer, max_steps=500)
    reseed(runs[1], 7, optimizer=optimizer)
    assert compare_runs(runs).selection == {
        "mono-a": "last step (400), fixed before training",
        "hybrid-b": "newest evaluated step (400 of 500), not the last one that was fixed before training",
    }


def test_every_metric_can_be_asked_for(runs):
    for metric in MEASURES:
        found = compare_runs(runs, metric=metric, margin=0.5)
        assert found.metric == metric
        assert {row.metric for row in found.rows} == {metric}
        assert found.rows[0].setting == metric


def test_json_holds_the_contract(runs):
    found = compare_runs(runs)
    document = msgspec.json.decode(msgspec.json.encode(found))
    assert list(document)[:5] == ["metric", "benchmark", "margin", "baseline", "rows"]
    assert list(document["rows"][0])[:10] == [
        *("run", "setting", "value", "baseline_value", "difference", "interval"),
        *("p_holm", "different", "not_inferior", "verdict"),
    ]
    assert msgspec.json.decode(msgspec.json.encode(found), type=CompareResult) == found


def test_the_table_has_the_same_numbers(runs):
    rows = compare_runs(runs).rows
    frame = build_table("compare", runs)
    assert frame.height == len(rows)
    for record, row in zip(frame.iter_rows(named=True), rows, strict=True):
        assert (record["interval_low"], record["interval_high"]) == (row.interval or (None, None))
        for name in ("run", "setting", "value", "difference", "p_holm", "different", "not_inferior", "verdict"):
            assert record[name] == getattr(row, name)


def test_what_cannot_be_compared_is_one_line(runs, tmp_path):
    other_data = make_run(tmp_path, "other", "cross", {400: {"toy": make_evaluation(languages=("de", "en"))}})
    margin = make_run(tmp_path, "margin", "cross", {400: {"toy": POOR}})
    evaluation = msgspec.structs.replace(read_spec(RunFolder(margin)).config.evaluation, margin=0.02)
    twin = make_run(tmp_path, "twin", "mono", {400: {"toy": POOR}})
    reseed(margin, 7, evaluation=evaluation)
    for call, named in [
        (lambda: compare_runs(runs[:1]), "at least two runs"),
        (lambda: compare_runs([runs[0], runs[0]]), "at least two runs"),
        (lambda: compare_runs([*runs, twin]), "mono-a and twin have the same config and the same seed, 7"),
        (lambda: compare_runs([runs[0], margin]), r"different margins (0.01, 0.02)"),
        (lambda: compare_runs([runs[0], other_data]), "different data of toy"),
        (lambda: compare_runs(runs, metric="map"), "map_monolingual"),
        (lambda: compare_runs(runs, baseline=twin), "the baseline twin is not one of the runs"),
        (lambda: compare_runs(runs, benchmark="cldr"), "mono-a has no results on cldr"),
    ]:
        with pytest.raises(ConfigError) as error:
            call()
        assert named in str(error.value)
        assert "\n" not in str(error.value)


def test_one_language_has_no_crosslingual_rows(tmp_path):
    runs = [
        make_run(tmp_path, name, "english", {1: {"toy": make_evaluation(seed, languages=("en",))}})
        for seed, name in enumerate(("one", "two"))
    ]
    reseed(runs[1], 8)
    assert {row.metric for row in compare_runs(runs).rows} == {"ndcg_at_10"}
    with pytest.raises(ConfigError, match="map_crosslingual cannot be compared: the benchmark has one language"):
        compare_runs(runs, metric="map_crosslingual")


@pytest.fixture
def beir(tmp_path):
    """Two conditions of two seeds on two English data sets, and on another benchmark."""
    sets = {"beir/one": (20, 5), "beir/two": (35, 30), "toy": (20, 4)}
    runs = []
    for name, noise in (("mono", 1.0), ("hybrid", 0.5)):
        for seed in (0, 1):
            measured = {
                key: make_evaluation(seed, noise, languages=("en",), facts=facts, clusters=clusters)
                for key, (facts, clusters) in sets.items()
            }
            runs.append(reseed(make_run(tmp_path, f"{name}-{seed}", name, {400: measured}), seed, name=name))
    return runs


def test_a_suite_is_its_mean_and_each_data_set(beir):
    found = compare_runs(beir, benchmark="beir/*")
    assert (found.benchmark, found.data_sets, found.primary) == ("beir/*", ["beir/one", "beir/two"], "ndcg_at_10")
    assert found.conditions == {"mono": ["mono-0", "mono-1"], "hybrid": ["hybrid-0", "hybrid-1"]}
    mean, one, two = (row for row in found.rows if row.metric == "ndcg_at_10")
    assert [row.setting for row in (mean, one, two)] == ["ndcg_at_10", "ndcg_at_10 beir/one", "ndcg_at_10 beir/two"]
    assert [row.benchmark for row in (mean, one, two)] == ["beir/*", "beir/one", "beir/two"]
    assert mean.difference == pytest.approx((one.difference + two.difference) / 2)
    for row in (one, two):
        alone = next(iter(compare_runs(beir, benchmark=row.benchmark).rows))
        assert (row.difference, row.interval, row.p) == (alone.difference, alone.interval, alone.p)
    smaller, larger = sorted((one.p, two.p))
    assert sorted((one.p_holm, two.p_holm)) == pytest.approx([min(1, 2 * smaller), max(2 * smaller, larger)])
    assert mean.p_holm == mean.p
    assert mean.clusters == 35


def test_the_table_of_a_suite_has_the_same_numbers(beir):
    rows = compare_runs(beir, benchmark="beir/*").rows
    frame = build_table("compare", beir, "beir/*")
    assert frame.select("setting", "benchmark", "difference", "p_holm").rows() == [
        (row.setting, row.benchmark, row.difference, row.p_holm) for row in rows
    ]
    assert set(build_table("summary", beir, "beir/*")["benchmark"]) == {"beir/one", "beir/two"}


def test_a_suite_needs_every_run_on_every_data_set(beir, tmp_path):
    shutil.rmtree(beir[3] / "results" / "step-000400" / "beir" / "two")
    with pytest.raises(ConfigError, match="hybrid-1 has no results on beir/two, which other runs have"):
        compare_runs(beir, benchmark="beir/*")
    with pytest.raises(ConfigError, match=r"has no results on own/\*"):
        compare_runs(beir, benchmark="own/*")
    with pytest.raises(ConfigError, match="several benchmarks"):
        build_table("heatmap", beir, "beir/*")
