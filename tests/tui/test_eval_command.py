"""The eval command: its JSON contract, its text, and one line for every wrong use."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from retrieval_files import beir_folder

from engine.config import ModelConfig
from engine.evaluation.results import read_ranks, read_summary
from engine.measures import METRICS, RANK_DISTANCE_NULL
from tui import cli
from tui.commands.output import guard_terminal
from tui.commands.progress import ProgressLine

pytestmark = pytest.mark.usefixtures("quick_workers")


def main(arguments):
    return cli.main(["eval", *arguments])


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
    assert b"cldr" in err
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


def test_a_suite_is_measured_data_set_by_data_set(tmp_path, capfdbinary):
    for name in ("first", "second"):
        beir_folder(tmp_path / name)
    assert main(["bm25", "--benchmark", f"beir/*={tmp_path}", "--json"]) == 0
    documents = json.loads(capfdbinary.readouterr().out)["evaluations"]
    assert [document["benchmark"] for document in documents] == ["beir/first", "beir/second"]


@pytest.mark.parametrize(("spec", "suite"), [("beir/*", "beir/*"), ("beir/cqadupstack", "beir/cqadupstack-*")])
def test_a_suite_ends_with_the_mean_of_its_data_sets(tmp_path, capfdbinary, spec, suite):
    """CQADupStack is published as a folder of twelve data sets."""
    for name in ("android", "english"):
        queries = beir_folder(tmp_path / name) / "queries.jsonl"
        queries.write_text('{"_id": "q1", "text": "first"}\n{"_id": "q2", "text": "second"}\n')
    qrels = tmp_path / "english" / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text() + "q1\tgone\t1\n")
    assert main(["bm25", "--benchmark", f"{spec}={tmp_path}", "--json"]) == 0
    out, err = capfdbinary.readouterr()
    printed = json.loads(out)
    (mean,) = printed["means"]
    assert (mean["benchmark"], mean["model"]) == (suite, "bm25")
    assert mean["data_sets"] == [document["benchmark"] for document in printed["evaluations"]]
    values = [document["metrics"]["map_monolingual"] for document in printed["evaluations"]]
    assert mean["metrics"]["map_monolingual"] == sum(values) / 2
    assert values[0] > values[1]
    assert err.count(b"1 judgement of 1 query names a passage that is not there: gone") == 1


def test_of_several_systems_one_that_is_missing_is_told_and_the_others_are_measured(model, tmp_path, capfdbinary):
    gone = tmp_path / "gone"
    arguments = ["bm25", str(gone), "run:nobody", "--trec", str(tmp_path / "best.run")]
    assert main([*arguments, "--benchmark", "cldr", "--languages", "en", "--json", "--out", str(tmp_path)]) == 2
    out, err = capfdbinary.readouterr()
    (document,) = json.loads(out)["evaluations"]
    assert document["model"] == "bm25"
    told = [line for line in err.decode().splitlines() if line.startswith("hybrid-tui eval: ")]
    assert [line.split(": ")[1] for line in told] == [str(gone), "run:nobody", str(tmp_path / "best.run")]
    assert f"no folder '{gone}'" in told[0]
    assert "run:nobody" in told[1]
    assert "no file" in told[2]
    (folder,) = tmp_path.glob("*/cldr")  # OUT/RUN/BENCHMARK, as several were asked for
    assert folder.parent.name.startswith("eval-bm25-")


def test_where_all_of_several_systems_are_missing_nothing_is_started(tmp_path, capsys):
    assert main([str(tmp_path / "gone"), str(tmp_path / "lost"), "--benchmark", "cldr"]) == 2
    assert capsys.readouterr().err.count("no folder") == 1


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
        "not applicable: peer (constant by construction",
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
        ([], "--benchmark"),
        (["--benchmark", "cldr"], "MODEL"),
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
        (["bm25", "--benchmark", "cldr", "--name", "../x"], "name: expected"),
        (["bm25", "--benchmark", "cldr", "--name", "a b"], "name: expected"),
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


def test_out_keeps_what_is_not_a_result(model, tmp_path, capsys):
    thesis = tmp_path / "out" / "cldr" / "thesis.tex"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")
    arguments = [str(model), "--benchmark", "cldr", "--languages", "en", "--out"]
    assert main([*arguments, str(thesis)]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "out")]) == 0
    assert read_summary(thesis.parent).languages == ["en"]
    assert thesis.read_text() == "years of work"


def test_several_models_and_benchmarks_are_runs_with_results_of_their_own(model, tmp_path, capfdbinary, monkeypatch):
    """And those of "own" and "own/faq" do not lie within each other."""
    folder = tmp_path / "bench"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "the currency of country 3"}\n')
    (folder / "corpus.jsonl").write_text(
        "".join(f'{{"_id": "d{n}", "text": "the currency of country {n} is named {n * 7}"}}\n' for n in range(9))
    )
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td3\t1\n")
    shutil.copytree(model, tmp_path / "other")
    benchmarks = ["--benchmark", "cldr", "--benchmark", f"beir/tiny={folder}"]
    arguments = [str(model), str(tmp_path / "other"), *benchmarks, "--languages", "en", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capfdbinary.readouterr().out)
    assert [(each["model"], each["benchmark"]) for each in document["evaluations"]] == [
        (str(place), key) for place in (model, tmp_path / "other") for key in ("cldr", "beir/tiny")
    ]
    first, _, second, _ = document["evaluations"]
    assert first["metrics"] == second["metrics"]
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir() if not path.name.startswith("."))
    assert len(runs) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == runs
    assert {path.parent.name for path in (tmp_path / "out" / runs[0]).rglob("summary.json")} == {"cldr", "tiny"}
    assert cli.main(["compare", *runs, "--benchmark", "cldr", "--json"]) == 0
    rows = json.loads(capfdbinary.readouterr().out)["rows"]
    assert {row["difference"] for row in rows} == {0.0}


def test_other_systems_are_measured_beside_a_model(model, tmp_path, capfdbinary):
    """The 100 best of every query, exported and read back, give what can be told of them; BM25 is built in."""

    def documents(*arguments):
        assert main([*arguments, "--benchmark", "cldr", "--languages", "de,en", "--json"]) == 0
        out = json.loads(capfdbinary.readouterr().out)
        return out.get("evaluations", [out])

    (whole,) = documents(str(model), "--name", "whole")
    run_file = tmp_path / "best.trec"
    assert cli.main(["export", "whole", "--format", "trec", "--out", str(run_file)]) == 0
    capfdbinary.readouterr()
    lexical, listed = documents("bm25", "--trec", str(run_file))
    assert listed["metrics"]["recall_at_10_multilingual"] == whole["metrics"]["recall_at_10_multilingual"]
    assert listed["metrics"]["rank_distance"] is None
    assert "rank_distance" in listed["bias"]["not_applicable"]
    assert "BM25" in lexical["protocol"]["system"]
    assert lexical["metrics"]["map_monolingual"] > 0


def test_a_file_that_does_not_fit_the_benchmark_is_one_line_and_leaves_no_run(model, tmp_path, capsys):
    (tmp_path / "bad.trec").write_text("en:q:0001 Q0 en:p:none 1 0.5 tag\n")
    assert main(["--trec", str(tmp_path / "bad.trec"), "--benchmark", "cldr"]) == 2
    assert "bad.trec" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("[!.]*"))


def test_comparisons_of_a_sample_say_so(model, capsys):
    for name in ("first", "second"):
        arguments = [str(model), "--benchmark", "cldr", "--languages", "en", "--max-queries", "40", "--name", name]
        assert main(arguments) == 0
    capsys.readouterr()
    assert cli.main(["compare", "first", "second"]) == 0
    assert "on a sample of the 144 queries" in capsys.readouterr().out


def test_the_weights_of_a_run_are_named_by_the_run(model, tmp_path, capsys):
    assert main(["run:nope", "--benchmark", "cldr"]) == 2
    assert "nope" in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_leaves_no_run(model, tmp_path, capsys):
    shutil.copytree(model, tmp_path / "broken")
    (tmp_path / "broken" / "config.json").write_text("{}")
    assert main([str(tmp_path / "broken"), "--benchmark", "cldr"]) == 2
    assert "broken" in capsys.readouterr().err
    assert [path for path in (tmp_path / "runs").iterdir() if not path.name.startswith(".")] == []


def test_a_wrong_argument_is_told_without_loading_torch():
    code = "import sys; from tui.cli import main\ntry: main(['eval', 'm', '--benchmark', 'squad'])\n"
    code += "finally: print(sorted({'torch', 'transformers', 'polars'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_progress_tells_the_time_left_from_what_this_process_did(monkeypatch, capsys):
    """What was done before, by a process that was killed, says nothing about the speed."""
    clock = iter([100.0, 110.0, 110.01, 4010.0])
    monkeypatch.setattr("tui.commands.progress.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with ProgressLine() as progress:
        progress.show("encoding", 500, 1000)
        progress.show("encoding", 510, 1000)  # 10 in 10 s
        progress.show("encoding", 511, 1000)  # too soon to draw again
        progress.show("encoding", 1000, 1000)
    lines = capsys.readouterr().err.split("\r")
    assert [line.replace("\033[K", "").strip() for line in lines if line] == [
        "encoding 500/1,000",
        "encoding 510/1,000, 0:08:10 left",
        "encoding 1,000/1,000",
    ]


def test_progress_is_drawn_through_the_guard_of_a_terminal_on_one_line(monkeypatch):
    """A terminal is guarded against what names and texts hold; the line is drawn over, and never wraps."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((30, 20)))
    monkeypatch.setattr("sys.stdout", io.StringIO())
    guard_terminal()
    with ProgressLine() as progress:
        progress.show("eval-\x1b[31mx: a-long-benchmark: candidates", 0, 100_000)
        progress.show("eval-\x1b[31mx: a-long-benchmark: candidates", 100_000, 100_000)
    lines = [line.removesuffix("\033[K") for line in terminal.getvalue().rstrip("\n").split("\r")[1:]]
    assert len(lines) == 2
    assert all(len(line) == 29 and "\x1b" not in line for line in lines)
