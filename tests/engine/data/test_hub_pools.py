"""Belebele, NanoBEIR and NeuCLIRBench, each one pool of languages: their published sizes, with texts made up.

They are read through ``datasets``: by hub id, which it takes for a local folder where there is one, and by folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from retrieval_files import judgements, write_jsonl, write_lines

from engine.benchmark_names import BELEBELE_LANGUAGES
from engine.config import ConfigError
from engine.data.readers import nanobeir, neuclir
from engine.data.sources import load_benchmark
from engine.language_codes import FLORES, flores_names, langscript

Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets-cache")
    monkeypatch.chdir(tmp_path)


def card(folder: Path, subsets: Iterable[tuple[str, str, str]], form: str = "") -> None:
    """README.md: (subset, split, path) of each."""
    files: dict[str, list[str]] = {}
    for subset, split, path in subsets:
        files.setdefault(subset, []).append(f"  - {{split: {split}, path: {path}}}\n")
    configs = "".join(f"- config_name: {name}\n  data_files:\n{''.join(some)}{form}" for name, some in files.items())
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")


# Belebele: 900 questions about 488 passages.


def belebele(code: str, questions: int = 900) -> Rows:
    places = [(number, 1) for number in range(488)] + [(number, 2) for number in range(questions - 488)]
    return [
        {
            "link": f"https://en.wikibooks.org/{link:03d}", "question_number": number,
            "question": f"{code} {link}.{number}?", "flores_passage": f"{code} passage {link}", "mc_answer1": "x",
            "correct_answer_num": "1", "ds": "2023-05-03",
        }
        for link, number in places
    ]  # fmt: skip


def belebele_folder(folder: Path, **rows: Rows) -> Path:
    for code, some in ({"deu_Latn": belebele("deu_Latn"), "zho_Hans": belebele("zho_Hans")} | rows).items():
        write_jsonl(folder / "data" / f"{code}.jsonl", some)
    return folder


def test_belebele_is_one_pool_whose_gold_passage_is_that_of_the_link(tmp_path: Path) -> None:
    folder = belebele_folder(tmp_path / "facebook" / "belebele")
    benchmark = load_benchmark(f"belebele={folder}", ("zh", "de"))
    assert (benchmark.languages, len(benchmark.query_ids), len(benchmark.candidate_ids)) == (("de", "zh"), 1800, 976)
    found = judgements(benchmark)
    assert found["de:q:007.1"] == found["zh:q:007.2"] == {"de:p:007": 1, "zh:p:007": 1}
    index = benchmark.query_ids.index("zh:q:007.2")
    assert (benchmark.query_texts[index], benchmark.query_group[index]) == ("zho_Hans 7.2?", "007.2")
    assert benchmark.query_cluster[index] == "007", "both questions about a passage are resampled together"
    assert len(set(benchmark.query_cluster)) == 488
    assert benchmark.digest == "4f1320e4b70491b6cf50d0f70cf9236843654d132c33e8a9a6424a427de6dc80"
    card(folder, [(code, "test", f"data/{code}.jsonl") for code in ("deu_Latn", "zho_Hans")])
    assert load_benchmark("belebele", ("zh", "de")).digest == benchmark.digest
    card(folder, [("default", code, f"data/{code}.jsonl") for code in ("deu_Latn", "zho_Hans")])
    assert load_benchmark("belebele", ("zh", "de")).digest == benchmark.digest


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (belebele("deu_Latn", 899), "deu_Latn: expected 900 questions about 488 passages, found 899 about 488"),
        ([*belebele("deu_Latn"), belebele("deu_Latn")[0]], "row 901: question_number: 1 of .* comes twice"),
        (
            [*belebele("deu_Latn")[:-1], {**belebele("deu_Latn")[-1], "flores_passage": "other"}],
            "row 900: flores_passage",
        ),
        ([*belebele("deu_Latn")[:-1], {**belebele("deu_Latn")[-1], "question": " "}], "row 900: question: "),
        ([{"link": "x"}], "no column 'question_number'"),
        (
            [*belebele("deu_Latn")[:-1], {**belebele("deu_Latn")[-1], "question_number": 3}],
            "zho_Hans: link: other questions than in deu_Latn",
        ),
    ],
)
def test_a_belebele_that_is_not_the_published_one_is_refused(tmp_path: Path, rows: Rows, message: str) -> None:
    folder = belebele_folder(tmp_path / "set", deu_Latn=rows)
    with pytest.raises(ConfigError, match=message):
        load_benchmark(f"belebele={folder}", ("de", "zh"))


def test_languages_that_a_folder_lacks_and_no_language_at_all_are_told(tmp_path: Path) -> None:
    folder = belebele_folder(tmp_path / "set")
    with pytest.raises(ConfigError, match="no tha_Thai or tha_Thai/test with one of the endings"):
        load_benchmark(f"belebele={folder}", ("de", "th"))
    with pytest.raises(
        ConfigError, match=r"no acm_Arab or .*all 122 languages are read where evaluation.languages names"
    ):
        load_benchmark(f"belebele={folder}")
    with pytest.raises(ConfigError, match="languages: unknown language 'xx'"):
        load_benchmark(f"belebele={folder}", ("xx",))


def test_all_122_variants_have_a_name_of_their_own() -> None:
    assert len(FLORES) == len(set(BELEBELE_LANGUAGES)) == 122
    assert set(flores_names().values()) == set(FLORES)
    assert (flores_names()["ar"], flores_names()["zho_Hant"]) == ("arb_Arab", "zho_Hant")
    assert (langscript("acm_Arab"), langscript("de")) == ("acm-Arab", "deu-Latn")


# NanoBEIR.


def nano(language: str, passages: int = 2210, queries: int = 50) -> dict[str, Rows]:
    return {
        "corpus": [{"_id": f"d{n}", "text": f"{language} text {n}" if n else ""} for n in range(passages)],
        "queries": [{"_id": f"q{n}", "text": f"{language} query {n}"} for n in range(queries)],
    }


def nano_folder(folder: Path, qrels: int = 244, **changed: dict[str, Rows]) -> Path:
    for language in ("de", "en"):
        for split, rows in changed.get(language, nano(language)).items():
            write_jsonl(folder / f"NanoSCIDOCS_{language}" / f"{split}.jsonl", rows)
    judged: Rows = [{"query-id": f"q{n % 50}", "corpus-id": f"d{n}"} for n in range(qrels)]
    write_jsonl(folder / "NanoSCIDOCS" / "qrels.jsonl", judged)
    return folder


def test_nanobeir_is_one_pool_joined_by_ids(tmp_path: Path) -> None:
    folder = nano_folder(tmp_path / "lightonai" / "nanobeir-multilingual")
    benchmark = load_benchmark(f"nanobeir/SCIDOCS={folder}", ("de", "en"))
    assert (len(benchmark.query_ids), len(benchmark.candidate_ids)) == (100, 4420)
    found = judgements(benchmark)
    assert found["de:q:q49"] == {f"{language}:p:d{n}": 1 for language in ("de", "en") for n in (49, 99, 149, 199)}
    assert benchmark.query_group[benchmark.query_ids.index("en:q:q49")] == "q49"
    assert benchmark.digest == "50d5cd01dfd18e91821da1d714cb7654249538477bda53c0bf3e8b25a4090dd5"
    subsets = [(f"NanoSCIDOCS_{language}", split) for language in ("de", "en") for split in ("corpus", "queries")]
    card(
        folder,
        [(name, split, f"{name}/{split}.jsonl") for name, split in [*subsets, ("NanoSCIDOCS", "qrels")]],
    )
    assert load_benchmark("nanobeir/SCIDOCS", ("en", "de")).digest == benchmark.digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"de": nano("de", 2209)},
            "NanoSCIDOCS_de: expected 2,210 passages, 50 queries and 244 judgements, found 2,209",
        ),
        ({"qrels": 243}, "found 2,210, 50 and 243"),
        ({"en": nano("en", 2210, 49)}, "NanoSCIDOCS_en: expected .* found 2,210, 49 and 244"),
        ({"de": {**nano("de"), "queries": [{"_id": "q0", "text": ""}]}}, "de, queries: row 1: text: "),
        ({"de": {**nano("de"), "corpus": [{"_id": "d0", "text": "x"}] * 2}}, "row 2: _id: 'd0' comes twice"),
        (
            {"de": {**nano("de"), "corpus": [{"_id": f"e{n}", "text": "x"} for n in range(2210)]}},
            "corpus-id: no passage 'd0'",
        ),
    ],
)
def test_a_nanobeir_that_is_not_the_published_one_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = nano_folder(tmp_path / "set", **changes)
    with pytest.raises(ConfigError, match=message):
        load_benchmark(f"nanobeir/SCIDOCS={folder}", ("de", "en"))


def test_a_set_that_nanobeir_has_not_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nanobeir/Nope: no such set: expected one of ArguAna, .*Touche2020"):
        load_benchmark(f"nanobeir/Nope={tmp_path}")
    assert sum(counts.queries for counts in nanobeir.SETS.values()) == 649


# NeuCLIRBench.

BENCH_FORM = """  format: csv
  sep: "{sep}"
  header: null
  names: [{names}]
"""


def neuclir_folder(folder: Path) -> Path:
    """Query 200 is judged in all languages, query 1 in Persian alone; one judgement says "not relevant"."""
    bench, documents = folder / "neuclir" / "bench", folder / "neuclir" / "neuclir1"
    for code in ("eng", "fas", "rus", "zho"):
        write_lines(bench / "data" / f"news.{code}.tsv", [f"1\t{code} one", f"200\t{code} two hundred"])
    qrels = {
        "mlir": ["200 fas f1 1", "200 rus r1 3", "200 zho z1 1", "200 zho z2 0"],
        "fas": ["1 fas f2 3", "200 fas f1 1"], "rus": ["200 rus r1 3"], "zho": ["200 zho z1 1", "200 zho z2 0"],
    }  # fmt: skip
    for split, lines in qrels.items():
        write_lines(bench / "data" / f"qrels.{split}.gains.txt", lines)
    queries = [("queries", code, f"data/news.{code}.tsv") for code in ("eng", "fas", "rus", "zho")]
    judged = [("qrels", split, f"data/qrels.{split}.gains.txt") for split in qrels]
    card(bench, queries, BENCH_FORM.format(sep="\\t", names="id, query"))
    text = (bench / "README.md").read_text().removesuffix("---\n")
    card(bench, judged, BENCH_FORM.format(sep=" ", names="id, ignore, docid, relevance"))
    (bench / "README.md").write_text(text + (bench / "README.md").read_text().removeprefix("---\nconfigs:\n"))
    for code in ("fas", "rus", "zho"):
        rows = [{"id": f"{code[0]}{n}", "title": f"T{n}", "text": f"{code} {n}", "url": "x"} for n in (1, 2)]
        write_jsonl(documents / f"{code}.jsonl", rows)
    return folder


@pytest.fixture
def few_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection of two documents a language counts as the published one of millions."""
    monkeypatch.setattr(neuclir, "MILLIONS", {"fa": 0.0, "ru": 0.0, "zh": 0.0})


@pytest.mark.usefixtures("few_documents")
def test_neuclir_asks_in_four_languages_and_judges_with_gains(tmp_path: Path) -> None:
    neuclir_folder(tmp_path)
    benchmark = load_benchmark(f"neuclir={tmp_path / 'neuclir'}")
    assert benchmark.languages == ("en", "fa", "ru", "zh")
    everywhere = {"fa:p:f1": 1, "ru:p:r1": 3, "zh:p:z1": 1}
    assert judgements(benchmark) == {f"{language}:q:200": everywhere for language in benchmark.languages}
    assert list(benchmark.candidate_texts)[:1] == ["T1 fas 1"]
    assert set(benchmark.query_group) == {"200"}
    assert benchmark.digest == "1a8a97731a2e6682379bd1e61c061d9e844b9d4cf189253caac58b0b41c4ad3b"


@pytest.mark.usefixtures("few_documents")
def test_neuclir_of_one_document_language_has_the_judgements_of_that_language(tmp_path: Path) -> None:
    neuclir_folder(tmp_path)
    benchmark = load_benchmark(f"neuclir={tmp_path / 'neuclir'}", ("en", "fa"))
    assert judgements(benchmark) == {
        f"{language}:q:{query}": relevant
        for language in ("en", "fa")
        for query, relevant in (("1", {"fa:p:f2": 3}), ("200", {"fa:p:f1": 1}))
    }
    two = load_benchmark(f"neuclir={tmp_path / 'neuclir'}", ("en", "fa", "ru"))
    assert judgements(two)["en:q:200"] == {"fa:p:f1": 1, "ru:p:r1": 3}


def test_another_collection_than_neuclirs_is_refused(tmp_path: Path) -> None:
    neuclir_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"fas: expected 2\.2 million documents, found 2$"):
        load_benchmark(f"neuclir={tmp_path / 'neuclir'}", ("en", "fa"))
    with pytest.raises(ConfigError, match="expected one of fa, ru, zh: English has queries alone"):
        load_benchmark(f"neuclir={tmp_path / 'neuclir'}", ("en",))


@pytest.mark.usefixtures("few_documents")
def test_neuclir_by_hub_id_is_the_same(tmp_path: Path) -> None:
    neuclir_folder(tmp_path)
    documents = tmp_path / "neuclir" / "neuclir1"
    card(documents, [("default", code, f"{code}.jsonl") for code in ("fas", "rus", "zho")])
    assert load_benchmark("neuclir").digest == load_benchmark(f"neuclir={tmp_path / 'neuclir'}").digest
