"""The layouts in which collections are published: BEIR, its copies by mteb and on the hub, CQADupStack, SQuAD."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from retrieval_files import beir_folder, judgements, miracl_folder, write_jsonl, write_lines

from engine.benchmark_names import expand_suite, suite_of
from engine.config import ConfigError, SourceConfig
from engine.data.sources import load_benchmark, load_source
from engine.language_codes import language_in

QRELS = [{"query-id": "q1", "corpus-id": "d1", "score": 2}, {"query-id": "q2", "corpus-id": "d2", "score": 1}]


def gzipped(root: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        path = root / name
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def judgements_as_json(root: Path) -> None:
    (root / "qrels" / "test.tsv").unlink()
    write_jsonl(root / "qrels" / "test.jsonl", QRELS)


def judgements_beside(root: Path) -> None:
    (root / "qrels").rename(root.with_name(f"{root.name}-qrels"))


def tables(root: Path, judged: str, split: str) -> None:
    rows = {
        "corpus": [json.loads(line) for line in (root / "corpus.jsonl").read_text().splitlines()],
        "queries": [json.loads(line) for line in (root / "queries.jsonl").read_text().splitlines()],
    }
    for name, content in rows.items():
        table = [{"_id": row["_id"], "title": row.get("title", ""), "text": row["text"]} for row in content]
        place = root / name / f"{name if split == 'own' else 'test'}-00000-of-00001.parquet"
        place.parent.mkdir()
        datasets.Dataset.from_list(table).to_parquet(place)
        (root / f"{name}.jsonl").unlink()
    (root / "qrels" / "test.tsv").unlink()
    (root / judged).mkdir(exist_ok=True)
    datasets.Dataset.from_list(QRELS).to_parquet(root / judged / "test-00000-of-00001.parquet")


@pytest.mark.parametrize(
    "lay_out",
    [
        gzipped,
        judgements_as_json,
        judgements_beside,
        lambda root: tables(root, "qrels", "own"),
        lambda root: tables(root, "default", "test"),
        lambda root: tables(root, "data", "test"),
    ],
)
def test_a_beir_data_set_is_read_as_beir_mteb_and_the_hub_lay_it_out(
    tmp_path: Path, lay_out: Callable[[Path], None]
) -> None:
    root = beir_folder(tmp_path / "set")
    expected = judgements(load_benchmark(f"beir/mine={root}"))
    lay_out(root)
    assert judgements(load_benchmark(f"beir/mine={root}")) == expected


def test_a_split_that_is_not_judged_is_named_with_those_that_are(tmp_path: Path) -> None:
    root = beir_folder(tmp_path)
    (root / "qrels" / "test.tsv").rename(root / "qrels" / "train.tsv")
    with pytest.raises(ConfigError, match=r"no qrels/test.tsv with the judgements of the test split, only train"):
        load_benchmark(f"beir/mine={root}")


def test_cqadupstack_is_its_sets(tmp_path: Path) -> None:
    for name in ("android", "english", ".cache"):
        beir_folder(tmp_path / "cqadupstack" / name)
    spec = f"beir/cqadupstack={tmp_path / 'cqadupstack'}"
    assert suite_of(spec) == "beir/cqadupstack-*"
    assert expand_suite(spec) == tuple(
        f"beir/cqadupstack-{name}={tmp_path / 'cqadupstack' / name}" for name in ("android", "english")
    )
    one = f"beir/cqadupstack-android={tmp_path / 'cqadupstack' / 'android'}"
    assert (suite_of(one), expand_suite(one)) == (None, (one,))


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("de", "de"),
        ("xquad.de", "de"),
        ("zh-Hans", "zh-Hans"),
        ("train.pt_BR", "pt_BR"),
        ("train-pt_BR", "pt_BR"),
        ("es-419", "es-419"),
        ("acm_Arab", "acm_Arab"),
        ("de_squad-translate-train-train-v1.1", "de"),
        ("squad_zh-Hant", "zh-Hant"),
        ("train-v2.0", None),
        ("dev-v1.1", None),
        ("dev-context-de-question-en", None),
        ("new_train", None),
        ("dataset_infos", None),
        ("DE", None),
    ],
)
def test_only_a_language_code_in_a_name_is_a_language(name: str, language: str | None) -> None:
    assert language_in(name) == language


def squad(path: Path, language: str) -> Path:
    asked = [
        {"id": f"q{n}", "question": f"{n} {language}?", "answers": [{"text": "x", "answer_start": 0}]} for n in range(2)
    ]
    content = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "x y", "qas": asked}]}]}
    path.parent.mkdir(exist_ok=True)
    data = json.dumps(content).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_translated_squad_is_read_by_its_published_names(tmp_path: Path) -> None:
    squad(tmp_path / "de_squad-translate-train-train-v1.1.json", "de")
    squad(tmp_path / "es_squad-translate-train-train-v1.1.json.gz", "es")
    squad(tmp_path / "._es_squad-translate-train-train-v1.1.json", "es").write_bytes(b"\0")
    assert load_source(SourceConfig(kind="squad", path=str(tmp_path))).languages == ("de", "es")


@pytest.mark.parametrize("name", ["train-v2.0.json", "dataset_infos.json"])
def test_a_file_whose_name_says_no_language_is_named(tmp_path: Path, name: str) -> None:
    squad(tmp_path / "xquad.de.json", "de")
    path = squad(tmp_path / name, "en")
    with pytest.raises(ConfigError, match=f"^{path}: cannot tell the language of this file"):
        load_source(SourceConfig(kind="squad", path=str(tmp_path)))


def test_a_name_that_no_table_has_is_a_language_where_the_config_says_so(tmp_path: Path) -> None:
    squad(tmp_path / "tlh-mine.json", "x")
    squad(tmp_path / "x1.json", "x")
    corpus = load_source(SourceConfig(kind="squad", path=str(tmp_path), languages=("x1", "tlh-mine")))
    assert corpus.languages == ("tlh-mine", "x1")


def test_a_folder_of_lareqa_has_the_languages_that_are_in_it(tmp_path: Path) -> None:
    """XQuAD has Romanian, which LAReQA never published."""
    for language in ("de", "en", "ro"):
        path = squad(tmp_path / f"{language}.json", language)
        content = json.loads(path.read_text())
        paragraph = content["data"][0]["paragraphs"][0]
        paragraph |= {"sentences": [paragraph["context"]], "sentence_breaks": [[0, len(paragraph["context"])]]}
        write_lines(path, [json.dumps(content)])
    assert load_benchmark(f"xquad-r={tmp_path}", ("ro", "de")).languages == ("de", "ro")
    with pytest.raises(ConfigError, match="unknown language 'fr', expected de, en, ro"):
        load_benchmark(f"xquad-r={tmp_path}", ("fr",))


def test_a_question_given_again_word_for_word_is_left_out_and_another_under_its_id_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = squad(tmp_path / "de.json", "de")
    content = json.loads(path.read_text())
    content["data"].append(content["data"][0])
    path.write_text(json.dumps(content))
    corpus = load_source(SourceConfig(kind="squad", path=str(tmp_path)))
    assert (list(corpus.groups), list(corpus.passage_ids)) == (["q0", "q1"], ["de:p:0000.0000", "de:p:0000.0000"])
    assert "left out 2 questions given again word for word" in caplog.text
    content["data"][1] = json.loads(json.dumps(content["data"][1]).replace("x y", "other"))
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"data\[1\].*qas\[0\].id: 'q0' comes twice and differs \(first .*data\[0\]"):
        load_source(SourceConfig(kind="squad", path=str(tmp_path)))


def test_miracls_tables_may_have_headings(tmp_path: Path) -> None:
    expected = judgements(load_benchmark(f"miracl={miracl_folder(tmp_path)}"))
    for kind, heading in (("topics", "query_id\tquery"), ("qrels", "query_id\tQ0\tdocid\trelevance")):
        (path,) = tmp_path.rglob(f"{kind}*-dev.tsv")
        path.write_text(f"{heading}\n{path.read_text()}")
    benchmark = load_benchmark(f"miracl={tmp_path}")
    assert judgements(benchmark) == expected
    assert "1 queries without a relevant passage" in benchmark.pool
