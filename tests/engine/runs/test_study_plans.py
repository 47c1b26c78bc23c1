"""Benchmarks, untrained systems and claims of a study: planned as the file says, or refused with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from retrieval_files import beir_folder

from engine.config import ConfigError, ModelConfig, SystemConfig, load_config
from engine.runs.folder import RunFolder
from engine.runs.study import load_study
from engine.runs.study_record import Claim, StudyRecord, digest_of_claims, stated, was_stated
from engine.runs.study_start import StartedRun, changed_since_training

CONFIG = """
name = "base"
[[sources]]
kind = "cldr"
[batch]
size = 32
[evaluation]
benchmarks = ["cldr"]
every = 200
margin = 0.01
"""
STUDY = """\
name = "batches"
config = "base.toml"
seeds = [3, 4]
# benchmarks

[[conditions]]
name = "mono"
set = ["batch.mode=mono"]

[[conditions]]
name = "half"
set = ["batch.mono_share=0.5"]
"""
CLAIM = """
[[claims]]
sentence = "half costs nothing"
measure = "map_monolingual"
benchmark = "cldr"
condition = "half"
against = "mono"
relation = "not inferior"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two BEIR data sets, a model's folder and a config."""
    monkeypatch.chdir(tmp_path)
    Path("base.toml").write_text(CONFIG)
    for name in ("first", "second"):
        beir_folder(tmp_path / "beir" / name)
    Path("model").mkdir()
    return tmp_path


def plan(text, benchmarks="", **arguments):
    Path("study.toml").write_text(text.replace("# benchmarks", benchmarks))
    return load_study(Path("study.toml"), **arguments)


def refusal(text, benchmarks=""):
    with pytest.raises(ConfigError) as error:
        plan(text, benchmarks)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_suite_of_the_study_is_measured_in_every_run(folder):
    """Acceptance: a study over two BEIR folders."""
    study = plan(STUDY, "benchmarks = ['beir/*=beir', 'cldr']")
    for run in study.runs:
        assert run.config.evaluation.benchmarks == (
            "cldr",
            "beir/first=beir/first",
            "beir/second=beir/second",
        )
        assert run.record.benchmarks == ("beir/*", "cldr")
    assert study.keys == ("beir/first", "beir/second", "cldr")
    assert study.benchmark == "beir/first"


def test_without_benchmarks_a_study_is_about_all_of_the_config(folder):
    Path("base.toml").write_text(CONFIG.replace("['cldr']".replace("'", '"'), '["cldr", "beir/*=beir", "xquad-r"]'))
    assert plan(STUDY).record.benchmarks == ("cldr", "beir/*", "xquad-r")
    Path("base.toml").write_text(CONFIG.replace('["cldr"]', '["beir/first=beir/first", "cldr"]'))
    assert plan(STUDY).record.benchmarks == ("beir/first", "cldr")  # one data set is no suite


def test_data_sets_of_beir_that_are_named_one_by_one_are_a_suite(folder):
    study = plan(STUDY, "benchmarks = ['beir/a=beir/first', 'cldr', 'beir/b=beir/second']")
    assert study.record.benchmarks == ("beir/*", "cldr")
    assert study.keys == ("beir/a", "beir/b", "cldr")
    study = plan(STUDY, "benchmarks = ['cldr', 'beir/scifact', 'beir/*']")  # from the hub
    assert (study.record.benchmarks, study.keys) == (("cldr", "beir/*"), ("cldr", "beir/scifact"))


def test_settings_for_all_conditions_are_set_anew_by_one_and_by_the_command(folder):
    settings = "set = ['batch.size=16', 'batch.mono_share=0.9', 'loss.temperature=1']"
    runs = plan(STUDY, settings, overrides=["loss.temperature=2"]).runs
    assert {run.config.batch.size for run in runs} == {16}
    assert {run.config.loss.temperature for run in runs} == {2}
    assert {run.condition: run.config.batch.mono_share for run in runs} == {"mono": 0.9, "half": 0.5}


def test_a_folder_of_the_study_goes_before_that_of_the_config(folder):
    Path("base.toml").write_text(CONFIG.replace('["cldr"]', '["beir/x=beir/first", "cldr"]'))
    config = plan(STUDY, "benchmarks = ['beir/x=beir/second']").runs[0].config
    assert config.evaluation.benchmarks == ("beir/x=beir/second", "cldr")


def test_an_optional_benchmark_is_left_out_where_its_folder_is_not_there(folder):
    claim = CLAIM.replace('"cldr"', '"xquad-r"')
    study = plan(STUDY + claim, "optional = ['xquad-r=data', 'beir/*=beir']")
    assert study.record.benchmarks == ("cldr", "beir/*")
    assert study.record.left_out == ("xquad-r",)
    assert study.record.claims[0].benchmark == "xquad-r"  # which will not be measured
    Path("data").mkdir()
    study = plan(STUDY + claim, "optional = ['xquad-r=data', 'beir/*=beir']")
    assert (study.record.benchmarks, study.record.left_out) == (("cldr", "xquad-r", "beir/*"), ())


@pytest.mark.parametrize(
    ("benchmarks", "told"),
    [
        ("benchmarks = ['cldr', 'nothing']", "study.toml:4: benchmarks[1]: unknown benchmark 'nothing'"),
        ("benchmarks = ['beir/*']", "condition mono: beir/* is not one of its benchmarks (cldr)"),
        ("benchmarks = ['cldr', 'beir/*=nowhere']", "study.toml:4: benchmarks[1]: no folder 'nowhere'"),
        ("benchmarks = ['beir/x=beir/first', 'beir/x=beir/second']", "4: benchmarks: beir/x is named twice"),
        ("benchmarks = ['beir/*=beir', 'beir/first=beir/second']", "4: benchmarks: beir/first is named twice"),
        ("benchmarks = ['xquad-r']\noptional = ['xquad-r=nowhere']", "5: optional: xquad-r is named twice"),
        ("benchmarks = ['cldr']\nbenchmark = 'cldr'", "study.toml:5: benchmark: the old name of benchmarks"),
        ("optional = ['xquad-r']", "study.toml:4: optional[0]: 'xquad-r': expected KEY=FOLDER"),
        ("optional = ['unknown=beir']", "study.toml:4: optional[0]: unknown benchmark 'unknown'"),
        ("optional = ['unknown=nowhere']", "study.toml:4: optional[0]: unknown benchmark 'unknown'"),
        ("optional = ['cldr=nowhere']", "study.toml:4: optional[0]: cldr is built in and takes no path"),
        (
            "benchmarks = ['*', 'cldr-en']",
            "the data sets of * have no usual measure in common (map_monolingual of cldr",
        ),
        ("measures = {xquad-r = 'ndcg_at_10'}", "xquad-r is not one of the study's benchmarks (cldr)"),
        ("measures = {cldr = 'rank_distance'}", "expected single-language quality, one of map_monolingual"),
        ("margins = {cldr = -1}", "study.toml:4: margins"),
        ("margins = {'beir/*' = 0.1}", "beir/* is not one of the study's benchmarks (cldr)"),
    ],
)
def test_wrong_benchmarks_are_refused_with_their_line(folder, benchmarks, told):
    assert told in refusal(STUDY, benchmarks)


def test_a_folder_that_cannot_name_a_benchmark_is_named(folder):
    beir_folder(folder / "beir" / "no name")
    assert "the folder 'no name' in it cannot name a benchmark: rename it" in refusal(
        STUDY, "benchmarks = ['beir/*=beir']"
    )


def test_what_is_not_trained_is_measured_once_and_as_it_is(folder):
    text = STUDY + (
        '[[conditions]]\nname = "other"\nmodel = "model"\nset = ["model.query_prefix=q: "]\n'
        '[[conditions]]\nname = "words"\nmodel = "bm25"\n'
    )
    study = plan(text, overrides=["model.passage_prefix=p: "])
    assert [(run.condition, run.config.seed) for run in study.runs] == [
        ("mono", 3), ("half", 3), ("other", 0), ("words", 0), ("mono", 4), ("half", 4),
    ]  # fmt: skip
    other, words = (run.config for run in study.runs[2:4])
    assert other.kind == words.kind == "evaluation"
    assert other.model == ModelConfig(name="model", query_prefix="q: ")  # nothing of the config's own model
    assert (words.model, words.system) == (ModelConfig(), SystemConfig(kind="bm25"))
    assert other.sources == words.sources == ()
    assert other.evaluation.benchmarks == ("cldr",)
    assert (other.name, other.study) == ("batches-other", "batches")


def test_a_setting_of_training_changes_nothing_in_what_is_not_trained(folder):
    """Or a finished evaluation would be made anew with every other number of steps."""
    text = STUDY + '[[conditions]]\nname = "base"\ntrained = false\n'
    Path("base.toml").write_text(CONFIG + "[model]\nname = 'model'\nquery_prefix = 'q: '\n")
    before, after = (
        plan(text, overrides=[f"optimizer.max_steps={steps}", f"evaluation.every={steps}"]).runs[2] for steps in (5, 9)
    )
    assert before.condition == "base"
    assert before.config == after.config
    assert before.config.model == ModelConfig(name="model", query_prefix="q: ")


def test_a_correction_of_vectors_is_estimated_on_what_the_others_are_trained_on(folder):
    text = (
        STUDY + '[[conditions]]\nname = "lir"\nmodel = "model"\nset = ["system.debias=lir", "system.debias_rank=2"]\n'
    )
    held_out = '[[sources]]\nkind = "cldr"\nrole = "validation"\n[batch]'
    Path("base.toml").write_text(CONFIG.replace("[batch]", held_out, 1) + 'validation = "loss"\n')
    planned = plan(text).runs[2].config
    assert planned.system == SystemConfig(debias="lir", debias_rank=2)
    assert [source.role for source in planned.sources] == ["train"]


def test_the_weights_of_a_run_are_found_in_its_home(folder):
    run = RunFolder(folder / "runs" / "old")
    run.model.mkdir(parents=True)
    run.spec.write_text("{}")
    planned = plan(STUDY + '[[conditions]]\nname = "old"\nmodel = "run:old"\n', home=folder / "runs").runs[2]
    assert (planned.config.model.name, planned.parent) == (str(run.model), "old")
    with pytest.raises(ConfigError, match=r"condition old: .*no run"):
        plan(STUDY + '[[conditions]]\nname = "old"\nmodel = "run:none"\n', home=folder / "runs")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ('model = "model"\ntrained = true', "study.toml:16: conditions[2].trained: what"),
        ("trained = false", 'study.toml: condition more: base.toml: model.name: "tiny" is built from the texts'),
        ('model = "./nowhere"', "study.toml: condition more: base.toml, set: model.name: no folder './nowhere'"),
        ('model = ""', "study.toml:15: conditions[2].model: expected str of length >= 1"),
        ("model = 3", "study.toml:15: conditions[2].model: expected str"),
    ],
)
def test_a_system_that_cannot_be_measured_is_refused(folder, condition, told):
    message = refusal(STUDY + f'[[conditions]]\nname = "more"\n{condition}\n')
    assert told in message


def test_a_study_with_claims_puts_them_into_every_run(folder):
    study = plan(STUDY + CLAIM, "margins = {cldr = 0.02}\ndiffers = ['a tiny model']")
    claim = Claim(
        sentence="half costs nothing",
        measure="map_monolingual",
        benchmark="cldr",
        condition="half",
        against="mono",
        relation="not inferior",
    )
    assert [run.record for run in study.runs[:2]] == [
        StudyRecord(
            name="batches",
            condition=condition,
            baseline="mono",
            benchmarks=("cldr",),
            margins={"cldr": 0.02},
            claims=(claim,),
            claims_digest=digest_of_claims((claim,)),
            differs=("a tiny model",),
        )
        for condition in ("mono", "half")
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {'condition = "half"': 'condition = "cross"'},
            "18: claims[0].condition: 'cross' is not one of",
        ),
        ({'against = "mono"': 'against = "half"'}, "19: claims[0].against: 'half' is compared with itself"),
        ({'benchmark = "cldr"': 'benchmark = "xquad-r"'}, "17: claims[0].benchmark: xquad-r is not one of the study's"),
        ({"map_monolingual": "map_mono"}, "16: claims[0].measure: unknown measure 'map_mono'"),
        ({"not inferior": "superior"}, "20: claims[0].relation: 'superior': expected one of better, lower, not inf"),
        ({"relation": "published = nan\nrelation"}, "20: claims[0].published: expected a finite number"),
        ({"relation": "margin = inf\nrelation"}, "20: claims[0].margin: expected a finite number"),
        ({"not inferior": "lower"}, "20: claims[0].relation: 'lower' does not fit map_monolingual"),
        ({"map_monolingual": "rank_distance", "not inferior": "better"}, "of which lower is better: expected 'lower'"),
        ({"map_monolingual": "rank_distance"}, "claims[0].margin: 'not inferior' needs one: that of cldr is for map_"),
        ({'"not inferior"': '"better"\nmargin = 0.1'}, "21: claims[0].margin: is for 'not inferior' and"),
        ({'"half costs nothing"': '""'}, "15: claims[0].sentence: "),
        ({"sentence": "sentense"}, "claims[0].sentense: unknown key"),
        ({CLAIM: CLAIM + CLAIM}, "the same claim is made twice"),
    ],
)
def test_a_claim_that_nothing_could_judge_is_refused(folder, changes, told):
    text = STUDY + CLAIM
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    message = refusal(text)
    assert message.startswith("study.toml:")
    assert told in message


def test_bias_of_one_language_is_no_claim(folder):
    claim = CLAIM.replace("map_monolingual", "rank_distance").replace("not inferior", "lower")
    message = refusal(STUDY + claim.replace('"cldr"', '"beir/*"'), "benchmarks = ['beir/*=beir']")
    assert message.endswith("claims[0].measure: rank_distance needs several languages, and beir/* has one")


def test_a_margin_is_needed_for_what_is_not_the_primary_measure(folder):
    text = STUDY + CLAIM.replace('"cldr"', '"beir/first"')
    assert "that of beir/first is for ndcg_at_10" in refusal(text, "benchmarks = ['beir/*=beir']")
    plan(text, "benchmarks = ['beir/*=beir']\nmeasures = {'beir/*' = 'map_monolingual'}")
    plan(text.replace("relation", "margin = 0.02\nrelation"), "benchmarks = ['beir/*=beir']")


def test_two_conditions_of_the_same_settings_are_refused_before_they_train(folder):
    twin = '[[conditions]]\nname = "twin"\nset = ["batch.mode=mono"]\n'
    assert refusal(STUDY + twin) == "study.toml: conditions: mono and twin have the same settings: leave one out"


def test_what_a_spec_cannot_hold_is_refused(folder):
    """JSON has no infinity, and torch no larger seeds: the worker would end on it."""
    assert refusal(STUDY, "margins = {cldr = inf}").endswith("expected a finite number")
    assert "seeds[0]: expected int <= " in refusal(STUDY.replace("[3, 4]", f"[{2**63}]"))


def test_a_margin_says_nothing_of_what_is_claimed_to_be_better(folder):
    text = STUDY + CLAIM.replace("not inferior", "better")
    before, now = (plan(text, f"margins = {{cldr = {margin}}}").record for margin in (0.02, 0.05))
    assert was_stated(now.claims[0], now, before)


def test_what_is_stated_for_a_suite_holds_for_its_data_sets():
    table = {"beir/*": 0.1, "beir/a": 0.2}
    assert [stated(table, name) for name in ("beir/a", "beir/b", "beir/*", "cldr")] == [0.2, 0.1, 0.1, None]


def test_a_claim_that_was_changed_after_training_is_told(folder):
    before = plan(STUDY + CLAIM, "margins = {cldr = 0.02}")
    now = plan(STUDY + CLAIM + CLAIM.replace("nothing", "little"), "margins = {cldr = 0.05}")

    def started(record):
        return [
            StartedRun(run, RunFolder(folder), "finished before", record(run), float(created))
            for created, run in enumerate(now.runs)
        ]

    assert changed_since_training(started(lambda run: run.record)) == []
    told = changed_since_training(started(lambda run: before.record))
    late = "made or changed after 4 runs of mono, half had been launched"
    assert [line.partition(":")[0] for line in told] == [late, late, "margin of cldr"]
    assert told[2].endswith("0.02 was stated before training, and counts; the study now says 0.05")
    assert "0.01 was stated" in changed_since_training(started(lambda run: None))[2]  # as the config says
    later = started(lambda run: before.record if run is not now.runs[0] else run.record)
    assert not any(line.startswith("margin") for line in changed_since_training(later))  # that of the first run counts
    claim = now.record.claims[0]
    assert not was_stated(claim, now.record, before.record)  # its margin was another
    own = msgspec.structs.replace(claim, margin=0.02)
    record = msgspec.structs.replace(before.record, claims=(own,))
    assert was_stated(own, now.record, record)
    assert not was_stated(own, now.record, None)


def test_a_measure_of_quality_that_was_chosen_after_training_is_told(folder):
    before, now = plan(STUDY), plan(STUDY, "measures = {cldr = 'ndcg_at_10'}")
    late = [
        StartedRun(run, RunFolder(folder), "finished before", old.record, 0.0)
        for run, old in zip(now.runs, before.runs, strict=True)
    ]
    told = ["measure of cldr: the usual one before training; the study now says ndcg_at_10"]
    assert changed_since_training(late) == told
    assert changed_since_training([replace(run, record=run.planned.record) for run in late]) == []


def test_adapting_a_config_goes_before_checking_it(folder):
    config = load_config(Path("base.toml"), adapt=lambda config: msgspec.structs.replace(config, seed=7))
    assert config.seed == 7
