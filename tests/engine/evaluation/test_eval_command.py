"""The eval command: its JSON contract, its text, and one line for every wrong use."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from engine.config import ModelConfig
from engine.evaluation.measures import METRICS, RANK_DISTANCE_NULL
from engine.evaluation.results import read_ranks, read_summary
from engine.worker.eval_command import _Progress, main


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from engine.encoder import load_encoder

    texts = [f"the currency of country {index} is named {index * 7}" for index in range(200)]
    options = ModelConfig(name="tiny", query_prefix="ask: ", max_passage_tokens=32)
    folder = tmp_path_factory.mktemp("eval") / "model"
    load_encoder(options, "cpu", texts=texts).save(folder)
    return folder


def test_json_is_the_contract_and_nothing_else(model, tmp_path, capfdbinary):
    arguments = [str(model), "--benchmark", "cldr", "--languages", "de,en", "--json", "--out", str(tmp_path)]
    assert main(arguments) == 0
    out, err = capfdbinary.readouterr()
    document = json.loads(out)
    assert out.count(b"\n") == 1
    assert b"ranking" in err
    assert {"benchmark", "model", "settings", "metrics", "matrix", "protocol"} < set(document)
    assert (document["benchmark"], document["model"]) == ("cldr", str(model))
    assert document["settings"] == {"monolingual": 2, "crosslingual": 2, "multilingual": 2}
    assert set(document["metrics"]) == {*METRICS, RANK_DISTANCE_NULL}
    assert document["bias"]["not_applicable"]["peer"].startswith("constant by construction")
    assert set(document["matrix"]) == set(document["matrix"]["en"]) == {"de", "en"}
    ranks, summary = read_ranks(tmp_path / "cldr"), read_summary(tmp_path / "cldr")
    assert summary.metrics == document["metrics"]
    assert document["queries"] == summary.queries == ranks["query_id"].n_unique()
    assert document["candidates"] == summary.candidates > 0


def test_a_saved_model_brings_its_prefixes_and_options_override_them(model, capfdbinary):
    def protocol(*options):
        assert main([str(model), "--benchmark", "cldr", "--languages", "en", "--json", *options]) == 0
        return json.loads(capfdbinary.readouterr().out)["protocol"]

    assert (protocol()["query_prefix"], protocol()["max_passage_tokens"]) == ("ask: ", 32)
    changed = protocol(
        "--query-prefix", "q: ", "--passage-prefix", "p: ", "--pooling", "cls", "--max-query-tokens", "9"
    )
    assert (changed["query_prefix"], changed["passage_prefix"]) == ("q: ", "p: ")
    assert (changed["pooling"], changed["max_query_tokens"]) == ("cls", 9)


def test_what_is_set_is_told_apart_from_what_the_model_says(model, capfdbinary):
    """Also where it equals a default: a saved prefix can be cleared."""
    arguments = [str(model), "--benchmark", "cldr", "--languages", "en", "--query-prefix", "", "--pooling", "mean"]
    assert main([*arguments, "--json"]) == 0
    protocol = json.loads(capfdbinary.readouterr().out)["protocol"]
    assert (protocol["query_prefix"], protocol["pooling"]) == ("", "mean")
    assert (protocol["origins"]["query_prefix"], protocol["origins"]["max_passage_tokens"]) == ("config", "model")
    assert main(arguments) == 0
    assert "(config)" in capfdbinary.readouterr().out.decode()


def test_a_tokenizer_that_knows_no_word_of_the_data_is_refused(model, tmp_path, capsys):
    """Numbers of a model whose texts are all [UNK] look plausible, and mean nothing."""
    shutil.copytree(model, tmp_path / "foreign")
    path = tmp_path / "foreign" / "tokenizer.json"
    rules = json.loads(path.read_text())
    rules["model"]["vocab"] = [*rules["model"]["vocab"][:5], *(["§" * (1 + n % 9) + str(n), 0.0] for n in range(9))]
    path.write_text(json.dumps(rules))
    assert main([str(tmp_path / "foreign"), "--benchmark", "cldr", "--languages", "en"]) == 2
    assert "into unknown ones ([UNK])" in capsys.readouterr().err


def test_code_of_a_model_runs_only_where_it_is_trusted(model, tmp_path, capfdbinary):
    folder = tmp_path / "coded"
    shutil.copytree(model, folder)
    description = json.loads((folder / "config.json").read_text())
    description |= {"model_type": "mine", "auto_map": {"AutoModel": "modeling_x.X", "AutoConfig": "modeling_x.C"}}
    (folder / "config.json").write_text(json.dumps(description))
    (folder / "modeling_x.py").write_text(
        "from transformers import BertConfig, BertModel\n"
        "class C(BertConfig):\n    model_type = 'mine'\n"
        "class X(BertModel):\n    config_class = C\n"
    )
    arguments = [str(folder), "--benchmark", "cldr", "--languages", "en", "--json"]
    assert main(arguments) == 2
    refusal = capfdbinary.readouterr().err.decode()
    assert "--trust-remote-code" in refusal
    assert "model.trust_remote_code = true" in refusal
    assert main([*arguments, "--trust-remote-code"]) == 0


def test_text_shows_settings_metrics_matrix_and_protocol(model, capsys):
    assert main([str(model), "--benchmark", "cldr", "--languages", "de,en"]) == 0
    text = capsys.readouterr().out
    for wanted in (
        "2 monolingual",
        *METRICS,
        RANK_DISTANCE_NULL,
        "peer: not applicable",
        "rows ask",
        "rank distance by",
        "p90",
        "tie_rule",
        "data_digest",
    ):
        assert wanted in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "MODEL"),
        (["m"], "--benchmark"),
        (["m", "--benchmark", "squad"], "'squad'"),
        (["m", "--benchmark", "own"], "own=FOLDER"),
        (["m", "--benchmark", "xquad-r="], "no folder"),
        (["m", "--benchmark", "xquad-r=/no/such/folder"], "/no/such/folder"),
        (["m", "--benchmark", "cldr", "--languages", "en,xx"], "'xx'"),
        (["./no-such-model", "--benchmark", "cldr", "--languages", "en"], "no-such-model"),
        (["m", "--benchmark", "cldr", "--pooling", "median"], "--pooling"),
        (["m", "--benchmark", "cldr", "--max-query-tokens", "0"], "--max-query-tokens"),
        (["m", "--benchmark", "cldr", "--unit", "page"], "--unit"),
        (["m", "--benchmark", "cldr", "--prefix", "x"], "--prefix"),
        (["m", "--benchmark", "cldr", "--memory", "0"], "--memory"),
        (["m", "--benchmark", "cldr", "--memory", "much"], "--memory"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(arguments, named, capsys):
    try:
        status = main(arguments)
    except SystemExit as leave:
        status = leave.code
    out, err = capsys.readouterr()
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert named in err


def test_out_never_replaces_what_is_not_a_result(tmp_path, capsys):
    """Refused before the model is even looked for."""
    (tmp_path / "cldr").mkdir()
    (tmp_path / "cldr" / "thesis.tex").write_text("years of work")
    assert main(["./no-such-model", "--benchmark", "cldr", "--out", str(tmp_path)]) == 2
    assert "not a result folder" in capsys.readouterr().err
    assert main(["./no-such-model", "--benchmark", "cldr", "--out", str(tmp_path / "cldr" / "thesis.tex")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert (tmp_path / "cldr" / "thesis.tex").read_text() == "years of work"


def test_a_wrong_argument_is_told_without_loading_torch():
    code = "import sys; from engine.worker.eval_command import main\ntry: main(['m', '--benchmark', 'squad'])\n"
    code += "finally: print(sorted({'torch', 'transformers', 'polars'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_large_benchmarks_go_through_files_and_say_so(model, monkeypatch, capfdbinary):
    """The same metrics but for the rounding of vectors; a second call encodes nothing."""

    def document(*options):
        assert main([str(model), "--benchmark", "cldr", "--languages", "de,en", "--json", *options]) == 0
        out, err = capfdbinary.readouterr()
        return json.loads(out), err

    small, _ = document()
    monkeypatch.setattr("engine.evaluation.benchmarking.IN_MEMORY", 10)
    large, progress = document("--memory", "0.001")
    assert "float16" in large["protocol"]["score"]
    assert "float16" not in small["protocol"]["score"]
    assert large["metrics"]["map_monolingual"] == pytest.approx(small["metrics"]["map_monolingual"], abs=0.01)
    assert b"encoding passage texts" in progress
    again, _ = document()
    assert again["metrics"] == large["metrics"]


def test_progress_tells_the_time_left_from_what_this_process_did(monkeypatch, capsys):
    """What was done before, by a process that was killed, says nothing about the speed."""
    clock = iter([100.0, 110.0, 110.01, 4010.0])
    monkeypatch.setattr("engine.worker.eval_command.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with _Progress() as progress:
        progress("encoding", 500, 1000)
        progress("encoding", 510, 1000)  # 10 in 10 s
        progress("encoding", 511, 1000)  # too soon to draw again
        progress("encoding", 1000, 1000)
    lines = capsys.readouterr().err.split("\r")
    assert [line.replace("\033[K", "").strip() for line in lines if line] == [
        "encoding 500/1,000",
        "encoding 510/1,000, 0:08:10 left",
        "encoding 1,000/1,000",
    ]
