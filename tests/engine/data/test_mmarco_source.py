"""mMARCO: ids align queries and passages over languages, triples give pairs and hard negatives."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine.config import ConfigError, RunConfig, SourceConfig, problems
from engine.data.check import check
from engine.data.readers.mmarco import mmarco_corpus
from engine.data.sources import load_source

TRIPLES = [(7, 100, 200), (7, 100, 201), (5, 101, 200), (7, 100, 200), (7, 102, 201), (7, 100, 102), (7, 100, 202)]


def write(root: Path, languages: tuple[str, ...] = ("english", "german"), flat: bool = False) -> Path:
    """The hub's layout, ``google`` below the triples, or all in one folder."""
    folder = root if flat else root / "google"
    queries, collections = (folder, folder) if flat else (folder / "queries" / "train", folder / "collections")
    queries.mkdir(parents=True, exist_ok=True)
    collections.mkdir(parents=True, exist_ok=True)
    for name in languages:
        # Not in the order of the ids, and with more than the triples need.
        (queries / f"{name}_queries.train.tsv").write_text(f"9\t{name} q9\n7\t{name} q7\n5\t{name} q5 ß\n")
        lines = [f"{id}\t{name} p{id}" for id in (201, 100, 102, 101, 202, 300, 200)]
        (collections / f"{name}_collection.tsv").write_text("\n".join(lines))
    lines = ["\t".join(map(str, triple)) for triple in TRIPLES]
    (root / "triples.train.ids.small.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("flat", [False, True])
def test_ids_align_over_languages_and_triples_give_pairs_with_negatives(tmp_path: Path, flat: bool) -> None:
    folder = write(tmp_path / "data", flat=flat)
    corpus = load_source(SourceConfig(kind="mmarco", path=str(folder), weight=3.0, max_negatives=2))
    assert (corpus.languages, list(corpus.groups), corpus.weight) == (("de", "en"), ["5-101", "7-100", "7-102"], 3.0)
    assert list(corpus.clusters) == ["5", "7", "7"]
    assert (corpus.row_of >= 0).all()
    rows = corpus.row_of[1].tolist()
    assert [corpus.questions[row] for row in rows] == ["german q7", "english q7"]
    assert [corpus.passages[row] for row in rows] == ["german p100", "english p100"]
    assert [corpus.passage_ids[row] for row in rows] == ["de:p:100", "en:p:100"]
    negatives = corpus.negatives
    assert negatives is not None
    assert negatives.ids is not None
    own = [slice(*negatives.starts[row : row + 2]) for row in rows]
    # The first two that differ; 102 answers the query as well.
    assert [negatives.texts[part] for part in own] == [["german p200", "german p201"], ["english p200", "english p201"]]
    assert negatives.ids[own[0]] == ["de:p:200", "de:p:201"]


def test_a_passage_that_answers_the_query_elsewhere_is_no_negative(tmp_path: Path) -> None:
    corpus = mmarco_corpus(write(tmp_path / "data"), ("en",), max_negatives=8)
    assert corpus.negatives is not None
    row = corpus.row_of[1, 0]
    part = slice(*corpus.negatives.starts[row : row + 2])
    assert corpus.negatives.texts[part] == ["english p200", "english p201", "english p202"]


def test_without_negatives_none_are_kept(tmp_path: Path) -> None:
    assert mmarco_corpus(write(tmp_path / "data"), max_negatives=0).negatives is None


def test_empty_texts_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write(tmp_path / "data")
    path = folder / "collections" / "german_collection.tsv"
    path.write_text(path.read_text().replace("german p100", " "))
    with caplog.at_level(logging.WARNING):
        corpus = mmarco_corpus(folder)
    assert corpus.row_of[1, 0] == -1 < corpus.row_of[1, 1]
    assert "left out 1 rows with an empty text" in caplog.text


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("triples", "5\t101\t200", "5\t101", "triples.train.ids.small.tsv:3: row: expected three ids"),
        ("triples", "5\t101\t200", "5\tx\t200", "triples.train.ids.small.tsv:3: answer: expected an id"),
        ("triples", "5\t101\t200", "6\t101\t200", "small.tsv:3: query: 6 is not in english_queries.train.tsv"),
        ("triples", "7\t102\t201", "7\t999\t201", "small.tsv:5: answer: 999 is not in english_collection.tsv"),
        ("triples", "7\t102\t201", "7\t102\t999", "small.tsv:5: negative: 999 is not in english_collection.tsv"),
        ("collection", "100\t", "100 ", "english_collection.tsv:2: text: expected an id, a tab and a text"),
        ("collection", "100\t", "-1\t", "english_collection.tsv:2: id: expected an id"),
        ("collection", "102\t", "100\t", "english_collection.tsv:3: id: 100 comes twice"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    folder = write(tmp_path / "data", ("english",))
    (path,) = tmp_path.rglob(f"*{file}*.tsv")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=message) as caught:
        mmarco_corpus(folder)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_name_their_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", ("english",))
    path = folder / "collections" / "english_collection.tsv"
    path.write_bytes(path.read_bytes().replace(b"p100", b"\xff"))
    with pytest.raises(ConfigError, match=r"english_collection.tsv: text: expected UTF-8 in the line of id 100"):
        mmarco_corpus(folder)


def test_missing_files_are_errors_before_a_run_is_made(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", ("english",))
    source = SourceConfig(kind="mmarco", path=str(folder), languages=("en", "fr"))
    with pytest.raises(ConfigError, match=r"languages: no file french_queries.train.tsv for 'fr'"):
        check(RunConfig(sources=(source,)))
    check(RunConfig(sources=(SourceConfig(kind="mmarco", path=str(folder)),)))
    path = folder.parent / "triples.train.ids.small.tsv"
    path.write_text("1\t2\n")
    with pytest.raises(ConfigError, match=r"small.tsv:1: row: expected three ids"):
        check(RunConfig(sources=(SourceConfig(kind="mmarco", path=str(folder)),)))
    path.unlink()
    with pytest.raises(ConfigError, match="expected one file of triples here or in the folder above, found none"):
        mmarco_corpus(folder)
    with pytest.raises(ConfigError, match=r"expected files LANGUAGE_queries.train.tsv"):
        mmarco_corpus(tmp_path / "nothing")


def test_config_checks_name_the_field(tmp_path: Path) -> None:
    source = SourceConfig(kind="mmarco", path=str(tmp_path), languages=("en", "xx"))
    assert [field for field, _ in problems(RunConfig(sources=(source,)))] == ["sources[0].languages"]
    nothing = SourceConfig(kind="squad", path=str(tmp_path / "nothing"))
    assert [field for field, _ in problems(RunConfig(sources=(nothing,)))] == ["sources[0].path"]
