"""The two functions other rooms call, over all kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import ConfigError, SourceConfig
from engine.data.cldr import cldr_benchmark, cldr_corpus
from engine.data.sources import load_benchmark, load_source


def test_cldr_sources_pass_split_languages_and_weight() -> None:
    corpus = load_source(SourceConfig(kind="cldr", split="heldout", languages=("en", "de"), weight=3.0))
    assert corpus.groups == cldr_corpus("heldout").groups
    assert (corpus.languages, corpus.weight) == (("de", "en"), 3.0)


def test_files_are_read_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"group": "g", "language": "en", "question": "q", "passage": "p"}), encoding="utf-8")
    assert load_source(SourceConfig(kind="jsonl", path=str(path))).groups == ["g"]
    (tmp_path / "set").mkdir()
    content = {"context": "p", "sentences": ["p"], "sentence_breaks": [[0, 1]]}
    content["qas"] = [{"id": "g", "question": "q", "answers": [{"answer_start": 0}]}]
    document = json.dumps({"data": [{"paragraphs": [content]}]})
    (tmp_path / "set" / "en.json").write_text(document, encoding="utf-8")
    source = SourceConfig(kind="lareqa", path=str(tmp_path / "set"), unit="paragraph", weight=2.0)
    corpus = load_source(source)
    assert (corpus.passage_ids, corpus.weight) == (["en:p:0000.0000"], 2.0)
    benchmark = load_benchmark(f"xquad-r={tmp_path / 'set'}", unit="sentence+context")
    assert (benchmark.key, benchmark.unit, benchmark.candidate_contexts) == ("xquad-r", "sentence+context", ["p"])


def test_the_built_in_benchmark_by_name() -> None:
    assert load_benchmark("cldr", ("de", "en"), "sentence+context").digest == cldr_benchmark(("en", "de")).digest


@pytest.mark.parametrize(
    ("spec", "languages", "unit", "message"),
    [
        ("nosuch", (), "sentence", "unknown benchmark 'nosuch'"),
        ("cldr", ("xx",), "sentence", "cldr: languages: unknown language 'xx'"),
        ("xquad-r=FOLDER", ("xx",), "sentence", "expected a folder of LANGUAGE.json files"),
        ("xquad-r=FOLDER", (), "paragraph", "xquad-r: unit: expected one of sentence, sentence"),
        ("beir/", (), "sentence", "unknown benchmark 'beir/'"),
        ("own", (), "sentence", "own needs its folder"),
        ("beir/a=FOLDER", ("de",), "sentence", "unknown language 'de'"),
    ],
)
def test_wrong_names_are_config_errors(
    tmp_path: Path, spec: str, languages: tuple[str, ...], unit: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_benchmark(spec.replace("FOLDER", str(tmp_path)), languages, unit)


def test_importing_the_loaders_imports_neither_torch_nor_datasets() -> None:
    heavy = {"torch", "datasets", "transformers", "pyarrow", "pooch", "requests"}
    code = f"import sys, engine.data.sources; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
