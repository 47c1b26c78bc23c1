"""eval --debias: a run for each method, conditions of their own in a comparison, and one line for every wrong use."""

from __future__ import annotations

import json

import pytest

from engine.config import ModelConfig
from engine.runs.registry import list_runs
from tui import cli

pytestmark = pytest.mark.usefixtures("quick_workers")

PAIRS = '[model]\nname = "/not/here"\n[[sources]]\nkind = "cldr"\nsplit = "{}"\nlanguages = ["de", "en"]\n'


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from engine.encoder import load_encoder

    texts = [f"the currency of country {index} is named {index * 7}" for index in range(200)]
    folder = tmp_path_factory.mktemp("debias") / "small"
    load_encoder(ModelConfig(name="tiny"), "cpu", texts=texts).save(folder)
    return folder


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.toml"
    path.write_text(PAIRS.format("train"))
    return path


def evaluate(model, *options):
    return cli.main(
        ["eval", str(model), "--benchmark", "cldr", "--languages", "de,en", "--max-queries", "40", *map(str, options)]
    )


def test_each_method_is_a_run_and_a_condition_with_a_verdict(model, pairs, tmp_path, capfdbinary):
    assert evaluate(model, "--debias", "none,lir", "--debias-pairs", pairs, "--debias-texts", 60, "--json") == 0
    out, err = capfdbinary.readouterr()
    documents = json.loads(out)["evaluations"]
    assert [document["model"] for document in documents] == [f"{model}", f"{model} (lir)"]
    assert b"overlaps" not in err
    none, lir = (document["protocol"]["debias"] for document in documents)
    assert none is None
    assert (lir["method"], lir["pairs"]) == ("lir", {"de": 60, "en": 60})
    runs = sorted(list_runs(tmp_path / "runs"), key=lambda run: run.id)
    assert [run.id.split("-20")[0] for run in runs] == ["eval-small", "eval-small-lir"]
    names = [run.id for run in runs]
    assert cli.main(["compare", *names, "--baseline", names[0], "--metric", "map_multilingual", "--json"]) == 0
    compared = json.loads(capfdbinary.readouterr().out)
    assert list(compared["conditions"]) == ["small", "small (lir)"]
    assert [row["verdict"] != "" for row in compared["rows"] if row["setting"] == "map_multilingual"] == [True]


def test_pairs_that_the_benchmark_asks_about_are_told_or_refused(model, pairs, capsys):
    pairs.write_text(PAIRS.format("heldout"))
    assert evaluate(model, "--debias", "centre", "--debias-pairs", pairs) == 0
    assert "cldr overlaps with the training source" in capsys.readouterr().err
    assert evaluate(model, "--debias", "centre", "--debias-pairs", pairs, "--forbid-overlap") == 2
    assert "forbid_overlap" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--debias", "lir"], "name some with --debias-pairs CONFIG.toml"),
        (["--debias", "whiten", "--debias-pairs", "PAIRS"], "'whiten'"),
        (["--debias", "lir,lir", "--debias-pairs", "PAIRS"], "each once"),
        (["--debias-pairs", "PAIRS"], "--debias-pairs: only with --debias"),
        (["--trec", "x.run", "--debias", "lir", "--debias-pairs", "PAIRS"], "--debias: only for encoders"),
        (["--debias", "shift", "--debias-pairs", "PAIRS", "--debias-pivot", "th"], "'th' is in no source"),
        (["--debias", "shift", "--debias-pairs", "PAIRS", "--debias-alpha", "2"], "debias_alpha"),
        (["--debias", "lir", "--debias-pairs", "/no/such.toml"], "/no/such.toml"),
    ],
)
def test_wrong_use_is_one_line_and_makes_no_run(model, pairs, tmp_path, capsys, options, words):
    assert evaluate(model, *(pairs if option == "PAIRS" else option for option in options)) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert list_runs(tmp_path / "runs") == []


def test_a_language_that_the_pairs_lack_is_refused_before_any_result(model, pairs, tmp_path, capsys):
    arguments = ["eval", str(model), "--benchmark", "cldr", "--languages", "de,th"]
    assert cli.main([*arguments, "--debias", "centre", "--debias-pairs", str(pairs)]) == 2
    assert "no source has th of cldr" in capsys.readouterr().err
    assert list_runs(tmp_path / "runs") == []
