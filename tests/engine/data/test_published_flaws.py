"""What published collections get wrong is read and counted where it does no harm, and refused with both places else."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from retrieval_files import beir_folder, judgements, miracl_folder, own_folder, write_jsonl, write_lines

from engine.config import ConfigError
from engine.data.benchmark import Benchmark, sample_queries
from engine.data.sources import load_benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import EncodingProtocol, Evaluation, query_values, ranks_table

QRELS = "query-id\tcorpus-id\tscore"
MIRACL_QRELS = "miracl-v1.0-sw/qrels/qrels.miracl-v1.0-sw-dev.tsv"
MIRACL_TOPICS = "miracl-v1.0-sw/topics/topics.miracl-v1.0-sw-dev.tsv"
DOCS = "miracl-corpus-v1.0-sw/docs-1.jsonl"
MARK = b"\xef\xbb\xbf"


def beir(root: Path, *rows: str) -> Benchmark:
    write_lines(beir_folder(root) / "qrels" / "test.tsv", [QRELS, *rows])
    return load_benchmark(f"beir/mine={root}")


def evaluated(benchmark: Benchmark) -> Evaluation:
    """With vectors under which candidates rank by ascending index for every query."""
    count = len(benchmark.candidate_ids)
    level = np.linspace(0.0, 1.0, count)
    candidates = np.stack([np.cos(level), np.sin(level)], axis=1).astype(np.float32)
    queries = np.tile(np.array([[1.0, 0.0]], np.float32), (len(benchmark.query_ids), 1))
    encoding = EncodingProtocol(
        pooling="mean",
        query_prefix="",
        passage_prefix="",
        max_query_tokens=8,
        max_passage_tokens=8,
        truncated_queries=0,
        truncated_passages=0,
        model_digest="",
        tokenizer_digest="",
    )
    return evaluate(benchmark, queries, candidates, encoding)


def test_a_judged_passage_that_is_not_there_counts_as_not_found_as_in_trec_eval(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the number of relevant passages and in the ideal ranking, also where it is a query's only one."""
    many = [f"q1\td{n}\t1" for n in range(30)]
    write_jsonl(
        beir_folder(tmp_path) / "corpus.jsonl", [{"_id": f"d{n}", "title": "", "text": f"text {n}"} for n in range(30)]
    )
    write_lines(tmp_path / "qrels" / "test.tsv", [QRELS, *many, "q1\tgone\t3", "q2\tlost\t1"])
    benchmark = load_benchmark(f"beir/mine={tmp_path}")
    note = "2 judgements of 2 queries name passages that are not there: gone, lost; counted as not found"
    assert [record.getMessage() for record in caplog.records] == [f"beir/mine: {note}"]
    assert note in benchmark.pool
    evaluation = evaluated(benchmark)
    assert (evaluation.summary.queries, evaluation.summary.protocol.absent) == (2, 2)
    assert evaluation.summary.protocol.unretrieved == 0

    ids = [id.removeprefix("en:p:") for id in benchmark.candidate_ids]
    run = {query: {id: 1.0 - place / 30 for place, id in enumerate(ids)} for query in ("q1", "q2")}
    qrels = {"q1": {**{f"d{n}": 1 for n in range(30)}, "gone": 3}, "q2": {"lost": 1}}
    trec = pytrec_eval.RelevanceEvaluator(qrels, {"map", "ndcg_cut.10", "recall.100"}).evaluate(run)
    for name, theirs in {"map_monolingual": "map", "ndcg_at_10": "ndcg_cut_10", "recall_at_100": "recall_100"}.items():
        expected = sum(scores[theirs] for scores in trec.values()) / 2
        assert evaluation.summary.metrics[name] == pytest.approx(expected, abs=1e-6)
        stored = query_values(ranks_table(evaluation), name)
        assert stored["value"].to_list() == pytest.approx([trec[query][theirs] for query in ("q1", "q2")], abs=1e-6)


def test_a_sample_of_queries_keeps_their_missing_passages(tmp_path: Path) -> None:
    benchmark = beir(tmp_path, "q1\td1\t1", "q1\td2\t1", "q2\tlost\t2")
    kept = [sample_queries(benchmark, 1), benchmark]
    for sample in kept:
        asked = sample.query_ids
        assert (sample.absent is not None) == ("en:q:q2" in asked)
        if sample.absent is not None:
            assert [asked[int(query)] for query in sample.absent.query] == ["en:q:q2"]
            assert (list(sample.absent.ids), sample.absent.grades.tolist()) == (["en:p:lost"], [2])
    assert benchmark.digest != beir(tmp_path, "q1\td1\t1", "q1\td2\t1", "q2\tlost\t1").digest


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "q1\tgone{}\t1",
            r"test.tsv:10: corpus-id: no passage 'gone0' \(2 judgements .* 20% of all: .* the corpus\?\)",
        ),
        ("q8{}\td1\t1", r"queries of another split"),
    ],
)
def test_more_than_a_tenth_that_is_not_there_is_refused_with_the_share(tmp_path: Path, row: str, message: str) -> None:
    documents = [{"_id": f"d{n}", "title": "", "text": f"text {n}"} for n in range(8)]
    rows = [f"q1\td{n}\t1" for n in range(8)] + [row.format(n) for n in range(2)]
    write_jsonl(beir_folder(tmp_path) / "corpus.jsonl", documents)
    write_lines(tmp_path / "qrels" / "test.tsv", [QRELS, *rows])
    with pytest.raises(ConfigError, match=message):
        load_benchmark(f"beir/mine={tmp_path}")


def test_a_judgement_of_an_unknown_query_is_left_out_and_counted(tmp_path: Path) -> None:
    benchmark = beir(tmp_path, "q1\td1\t1", "q8\td1\t1")
    assert judgements(benchmark) == {"en:q:q1": {"en:p:d1": 1}}
    assert "1 judgement of 1 query that is not there: q8; left out" in benchmark.pool


@pytest.mark.parametrize(
    ("make", "spec", "file", "line", "note"),
    [
        (miracl_folder, "miracl", DOCS, '{"docid": "10#1", "title": "Kumi", "text": "moja."}', "1 passage given again"),
        (miracl_folder, "miracl", MIRACL_QRELS, "0\tQ0\t9#0\t1", "1 judgement given again"),
        (miracl_folder, "miracl", MIRACL_QRELS, "2\tQ0\t9#0\t-1", "1 judgement given again"),
        (miracl_folder, "miracl", MIRACL_TOPICS, "0\tNani?", "1 query given again"),
        (beir_folder, "beir/a", "qrels/test.tsv", "q1\td1\t2.0", "1 judgement given again"),
        (beir_folder, "beir/a", "corpus.jsonl", '{"_id": "d1", "text": "first"}', "1 passage given again"),
        (own_folder, "own", "relevance.jsonl", '{"query": "1-de", "candidate": "a"}', "1 judgement given again"),
    ],
)  # fmt: skip
def test_what_is_said_again_word_for_word_is_dropped_and_counted(
    tmp_path: Path, make: Callable[[Path], Path], spec: str, file: str, line: str, note: str
) -> None:
    folder = make(tmp_path / "set")
    before = load_benchmark(f"{spec}={folder}")
    path = folder / file
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    for _ in range(2):  # the second time from the cache
        again = load_benchmark(f"{spec}={folder}")
        assert (judgements(again), again.digest) == (judgements(before), before.digest)
        assert note in again.pool


@pytest.mark.parametrize(
    ("make", "spec", "file", "line", "message"),
    [
        (miracl_folder, "miracl", DOCS, '{"docid": "10#1", "text": "x"}', r"docs-1.jsonl:2: .*docs-1.jsonl:1\)"),
        (miracl_folder, "miracl", MIRACL_QRELS, "2\tQ0\t9#0\t1", r"dev.tsv:6: docid: .*, 1 here and 0 .*dev.tsv:5\)"),
        (miracl_folder, "miracl", MIRACL_TOPICS, "0\tWho?", r"dev.tsv:4: id: '0' comes twice and differs .*:1\)"),
        (beir_folder, "beir/a", "qrels/test.tsv", "q1\td1\t1", r"test.tsv:5: .*, 1 here and 2 before .*test.tsv:2\)"),
        (beir_folder, "beir/a", "corpus.jsonl", '{"_id": "d1", "text": "y"}', r"different texts .*corpus.jsonl:2\)"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_with_both_places(
    tmp_path: Path, make: Callable[[Path], Path], spec: str, file: str, line: str, message: str
) -> None:
    folder = make(tmp_path / "set")
    path = folder / file
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(ConfigError, match=message):
        load_benchmark(f"{spec}={folder}")


@pytest.mark.parametrize(
    ("grade", "message"),
    [
        ("40000", "expected at most 32,767, got"),
        ("0.5", "expected a whole number, got .*: multiply the grades"),
        ("1e999", "expected a whole number"),
    ],
)
def test_grades_out_of_range_are_named_in_every_format(tmp_path: Path, grade: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"test.tsv:2: score: {message}"):
        beir(tmp_path / "beir", f"q1\td1\t{grade}")
    folder = own_folder(tmp_path / "own")
    number = grade if grade != "1e999" else "NaN"
    write_lines(folder / "relevance.jsonl", [f'{{"query": "1-de", "candidate": "a", "grade": {number}}}'])
    with pytest.raises(ConfigError, match=r"relevance.jsonl:1: (grade|row): "):
        load_benchmark(f"own={folder}")


def test_grades_of_own_files_may_be_written_as_floats_and_ids_as_numbers(tmp_path: Path) -> None:
    folder = own_folder(tmp_path)
    write_jsonl(folder / "queries.jsonl", [{"id": 1, "language": "de", "text": "Wer?", "url": "x"}])
    write_jsonl(
        folder / "relevance.jsonl", [{"query": 1, "candidate": "a", "grade": 2.0}, {"query": 1, "candidate": "b"}]
    )
    assert judgements(load_benchmark(f"own={folder}")) == {"de:q:1": {"de:p:a": 2, "en:p:b": 1}}


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(("make", "spec"), [(miracl_folder, "miracl"), (beir_folder, "beir/a"), (own_folder, "own")])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(
    tmp_path: Path, make: Callable[[Path], Path], spec: str, gzipped: bool
) -> None:
    """In any file of any format, gzipped or not, whatever it is called; nor do files that systems leave behind."""
    plain, other = make(tmp_path / "plain"), make(tmp_path / "other")
    for path in [path for path in other.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        data = MARK + data.replace(b"\n", b"\r\n")
        path.write_bytes(gzip.compress(data) if gzipped else data)
        (path.parent / f"._{path.name}").write_bytes(b"\0\5\26\7")
        (path.parent / ".ipynb_checkpoints").mkdir(exist_ok=True)
        (path.parent / ".ipynb_checkpoints" / path.name).write_bytes(b"{")
    assert load_benchmark(f"{spec}={other}").digest == load_benchmark(f"{spec}={plain}").digest


def test_another_encoding_is_named(tmp_path: Path) -> None:
    folder = beir_folder(tmp_path)
    path = folder / "queries.jsonl"
    path.write_text(path.read_text(), encoding="utf-16")
    with pytest.raises(ConfigError, match=r"queries.jsonl: expected UTF-8 text, got UTF-16: convert it"):
        load_benchmark(f"beir/a={folder}")


def test_passages_without_a_text_stay_candidates_and_are_counted(tmp_path: Path) -> None:
    rows = [
        {"_id": "d1", "text": None},
        {"_id": "d2", "title": "", "text": " "},
        {"_id": "d3", "title": "T", "text": ""},
    ]
    write_jsonl(beir_folder(tmp_path) / "corpus.jsonl", rows)
    write_lines(tmp_path / "qrels" / "test.tsv", [QRELS, "q1\td1\t1"])
    for _ in range(2):  # the second time from the cache
        benchmark = load_benchmark(f"beir/mine={tmp_path}")
        assert list(benchmark.candidate_texts) == ["", "", "T"]
        assert "2 passages without a text" in benchmark.pool
