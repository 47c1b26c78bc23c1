"""Hub data sets, tried on local folders in the hub's layouts."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.config import ConfigError, SourceConfig
from engine.data.readers.hub import hub_corpus

COLUMNS = {"group": "id", "question": "question", "passage": "context"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def row(id: str, language: str, **changes: Any) -> dict[str, Any]:
    return {"id": id, "lang": language, "question": f"{id} {language}?", "context": f"{id} {language}.", **changes}


def test_a_folder_with_a_language_column_becomes_a_parallel_corpus(tmp_path: Path) -> None:
    rows = [row("a", "en", doc=1), row("a", "de", doc=1), row("b", "en", doc=2), row("c", "fr", doc=3)]
    write_jsonl(tmp_path / "set" / "train.jsonl", rows)
    columns = {**COLUMNS, "language": "lang", "cluster": "doc", "passage_id": "doc"}
    source = SourceConfig(kind="hub", path=str(tmp_path / "set"), columns=columns, languages=("de", "en"), weight=0.5)
    corpus = hub_corpus(source)
    assert (corpus.groups, corpus.languages, corpus.clusters) == (["a", "b"], ("de", "en"), ["1", "2"])
    assert corpus.row_of.tolist() == [[1, 0], [-1, 2]]
    assert corpus.passage_ids == ["en:p:1", "de:p:1", "en:p:2"]
    assert [corpus.questions[np.int64(index)] for index in range(3)] == ["a en?", "a de?", "b en?"]
    assert list(corpus.passages) == ["a en.", "a de.", "b en."]
    assert corpus.weight == 0.5


def test_one_folder_per_language_is_loaded_through_the_placeholder(tmp_path: Path) -> None:
    for language in ("de", "en"):
        (tmp_path / "set" / language).mkdir(parents=True)
        frame = pl.DataFrame([row(id, language) for id in ("a", "b")]).drop("lang")
        frame.write_parquet(tmp_path / "set" / language / "train-00000-of-00001.parquet")
    source = SourceConfig(
        kind="hub", path=str(tmp_path / "set" / "{language}"), columns=COLUMNS, languages=("en", "de")
    )
    corpus = hub_corpus(source)
    assert corpus.languages == ("de", "en")
    assert [[corpus.passages[index] for index in pair] for pair in corpus.row_of] == [
        ["a de.", "a en."],
        ["b de.", "b en."],
    ]


def test_a_subset_of_the_dataset_card_is_named_with_the_placeholder(tmp_path: Path) -> None:
    for language in ("de", "en"):
        write_jsonl(tmp_path / "set" / "files" / f"{language}.jsonl", [row("a", language)])
    configs = "".join(
        f"- config_name: qa.{language}\n  data_files: files/{language}.jsonl\n" for language in ("de", "en")
    )
    (tmp_path / "set" / "README.md").write_text(f"---\nconfigs:\n{configs}---\n", encoding="utf-8")
    source = SourceConfig(
        kind="hub", path=str(tmp_path / "set"), subset="qa.{language}", columns=COLUMNS, languages=("de", "en")
    )
    assert list(hub_corpus(source).questions) == ["a de?", "a en?"]


def test_on_the_parquet_branch_the_subset_is_a_folder(tmp_path: Path) -> None:
    """The layout of refs/convert/parquet: SUBSET/SPLIT/0000.parquet and no dataset card."""
    for language in ("de", "en"):
        for split in ("train", "validation"):
            folder = tmp_path / "set" / f"qa.{language}" / split
            folder.mkdir(parents=True)
            pl.DataFrame([row(f"a {split}", language)]).write_parquet(folder / "0000.parquet")
    source = SourceConfig(
        kind="hub",
        path=str(tmp_path / "set"),
        subset="qa.{language}",
        revision="refs/convert/parquet",
        columns=COLUMNS,
        languages=("de", "en"),
    )
    assert list(hub_corpus(source).questions) == ["a train de?", "a train en?"]


def test_nested_columns_are_reached_with_dots_and_rows_without_groups_stand_alone(tmp_path: Path) -> None:
    rows = [{"question": "q", "answer": {"text": text}} for text in ("one", "two")]
    write_jsonl(tmp_path / "set" / "train.jsonl", rows)
    columns = {"question": "question", "passage": "answer.text"}
    source = SourceConfig(kind="hub", path=str(tmp_path / "set"), columns=columns, languages=("en",))
    corpus = hub_corpus(source)
    assert (len(corpus), list(corpus.passages), corpus.languages) == (2, ["one", "two"], ("en",))


def test_empty_texts_and_repeats_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row("a", "en"), row("a", "en"), row("b", "en", question=" "), row("c", "en", context=None), row("d", "en")]
    write_jsonl(tmp_path / "set" / "train.jsonl", rows)
    source = SourceConfig(kind="hub", path=str(tmp_path / "set"), columns=COLUMNS, languages=("en",))
    with caplog.at_level(logging.WARNING):
        corpus = hub_corpus(source)
    assert (corpus.groups, list(corpus.questions)) == (["a", "d"], ["a en?", "d en?"])
    assert "left out 2 rows with an empty text, 1 repeats" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {**COLUMNS, "answer": "context"}}, "columns.answer: unknown column"),
        ({"columns": {**COLUMNS, "passage": "body"}}, "columns.passage: no column 'body', the data set has id, lang"),
        ({"columns": {**COLUMNS, "passage": "number"}}, "columns.passage: expected texts in 'number'"),
        ({"columns": COLUMNS, "languages": ()}, "columns.language: expected a column"),
        ({"columns": {**COLUMNS, "language": "lang"}, "languages": ("xx",)}, "languages: unknown language 'xx'"),
        ({"subset": "{language}", "languages": ()}, "languages: expected those that"),
        ({"split": "nosuch"}, "cannot load"),
        ({"subset": "nosuch"}, "cannot load"),
        ({"path": "PATH/nosuch"}, "cannot load"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_field(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    write_jsonl(tmp_path / "set" / "train.jsonl", [row("a", "en", number=1)])
    settings: dict[str, Any] = {"path": str(tmp_path / "set"), "columns": COLUMNS, "languages": ("en",), **changes}
    settings["path"] = settings["path"].replace("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=message) as caught:
        hub_corpus(SourceConfig(kind="hub", **settings))
    assert "\n" not in str(caught.value)
