"""Large sources are read to the cache, and are then what they would be in memory; nothing is left of a failed one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import ConfigError, SourceConfig
from engine.data.corpus import ParallelCorpus, corpus_digest
from engine.data.readers import hub
from engine.data.readers.hub import hub_corpus
from engine.data.readers.jsonl import jsonl_corpus
from engine.data.store import corpora, passages, tables
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.data.store.tables import TextColumn


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (tables, corpora, passages):
        monkeypatch.setattr(module, "CHUNK", 8)


def contents(corpus: ParallelCorpus) -> dict[str, Any]:
    """Everything that batches and statistics can see, by group and language."""
    negatives = corpus.negatives
    rows = {}
    for group, its_rows in zip(corpus.groups, corpus.row_of, strict=True):
        for language, row in zip(corpus.languages, its_rows.tolist(), strict=True):
            if row >= 0:
                own = range(*negatives.starts[row : row + 2].tolist()) if negatives is not None else ()
                near = [(negatives.texts[k], negatives.ids and negatives.ids[k]) for k in own] if negatives else []
                rows[group, language] = (corpus.questions[row], corpus.passages[row], corpus.passage_ids[row], near)
    return {"groups": list(corpus.groups), "clusters": list(corpus.clusters), "rows": rows, "weight": corpus.weight}


def source(rows: list[SourceRow]) -> RowSource:
    return RowSource("made up", f"identity {rows}", lambda: iter(rows), lambda place: f"line {place}")


def made(group: int, language: str, number: int, negatives: int) -> SourceRow:
    near = tuple(f"near {group} {language} {k} ä" for k in range(negatives))
    return SourceRow(
        number, f"g{group}", language, f"{group} {language}?", f"{group} {language}.", f"{language}:p:{group}",
        f"c{group % 3}", near, tuple(f"{language}:p:{group}.{k}" for k in range(negatives)),
    )  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["de", "en", "zh"])), min_size=1, unique=True),
    negatives=st.integers(0, 3),
    chosen=st.sampled_from([(), ("de",), ("en", "zh")]),
    repeats=st.booleans(),
)
def test_a_stored_corpus_is_the_one_in_memory(
    pairs: list[tuple[int, str]], negatives: int, chosen: tuple[str, ...], repeats: bool
) -> None:
    rows = [made(group, language, n, (group + n) % (negatives + 1)) for n, (group, language) in enumerate(pairs)]
    if repeats:
        rows += [row._replace(question="again") for row in rows[:5]]
    known = {language for _, language in pairs}
    languages = [language for language in chosen if language in known]
    small, large = (collect(source(rows), languages, 2.0, large=large, drop_repeats=repeats) for large in (False, True))
    assert isinstance(large.questions, TextColumn)
    assert large.languages == small.languages
    assert contents(large) == contents(small)
    assert large.digest == corpus_digest(large)
    if not repeats:
        np.testing.assert_array_equal(large.row_of, small.row_of)
        assert large.digest == corpus_digest(small)


def test_a_source_is_read_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, reads = [made(group, "en", group, 1) for group in range(20)], []

    def counted(identity: str) -> RowSource:
        return RowSource("x", identity, lambda: reads.append(identity) or iter(rows), str)  # type: ignore[func-returns-value]

    for identity in ("a", "a", "b"):
        collect(counted(identity), (), 1.0, large=True)
    assert reads == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "languages", "message"),
    [
        ([], (), "made up: expected at least one row"),
        ([made(1, "en", 4, 0)], ("xx",), "made up: languages: unknown language 'xx', expected en"),
        (
            [made(n, "en", n, 0) for n in range(20)] + [made(7, "en", 33, 0)._replace(passage="another")],
            (),
            r"line 33: group: 'g7' already has language 'en' \(line 7\)",
        ),
        (
            [made(n, "en", n, 0) for n in range(20)] + [made(7, "de", 33, 0)._replace(cluster="other")],
            (),
            "line 33: cluster: expected 'c1' as in the other languages of group 'g7'",
        ),
    ],
)
def test_faults_are_named_as_in_memory_and_leave_nothing(
    cache: Path, rows: list[SourceRow], languages: tuple[str, ...], message: str
) -> None:
    for large in (False, True):
        with pytest.raises(ConfigError, match=f"^{message}$"):
            collect(source(rows), languages, 1.0, large=large)
    assert [path.name for path in (cache / "corpora").iterdir() if path.is_dir()] == []


def test_what_a_killed_process_left_is_no_corpus(cache: Path) -> None:
    rows = source([made(group, "en", group, 1) for group in range(20)])

    def abandon(what: str, done: int, total: int | None) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        collect(rows, (), 1.0, large=True, tick=abandon)
    (folder,) = {path.name.removeprefix(".").removesuffix(".lock") for path in (cache / "corpora").iterdir()}
    torn = cache / "corpora" / f".{folder}.0badc0de.tmp"
    torn.mkdir()
    (torn / "rows.arrow").write_bytes(b"torn")
    assert len(collect(rows, (), 1.0, large=True)) == 20
    assert not torn.exists()


def test_a_large_jsonl_file_is_the_same_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"group": f"g{n}", "language": language, "question": f"{n} q", "passage": "p", "negatives": ["x"] * (n % 3)}
        for language in ("de", "en")
        for n in range(20)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    small = jsonl_corpus(path, ("en",))
    monkeypatch.setattr(corpora, "LARGE_BYTES", 10)
    large = jsonl_corpus(path, ("en",))
    assert isinstance(large.questions, TextColumn)
    assert contents(large) == contents(small)
    assert small.negatives is not None
    assert small.negatives.starts.tolist()[:4] == [0, 0, 1, 3]


def test_a_large_hub_data_set_is_the_same_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty texts and repeats included; negatives as a text and as lists of texts."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for language in ("de", "en"):
        rows = [
            {"id": n, "q": f"{n} {language}?", "p": f"{n} {language}.", "hard": [f"a{n}", "", "b"][: n % 4], "one": "x"}
            for n in range(30)
        ]  # fmt: skip
        rows += [{**rows[3], "q": "again"}, {**rows[4], "id": 77, "q": " "}, {**rows[5], "id": 78, "hard": None}]
        (tmp_path / "set" / language).mkdir(parents=True)
        pl.DataFrame(rows).write_parquet(tmp_path / "set" / language / "train.parquet")
    names = {"group": "id", "question": "q", "passage": "p"}
    for column, expected in (("hard", ["a3", "b"]), ("one", ["x"])):
        config = SourceConfig(
            kind="hub",
            path=str(tmp_path / "set" / "{language}"),
            languages=("de", "en"),
            columns={**names, "negatives": column},
        )
        monkeypatch.setattr(hub, "LARGE_ROWS", 200_000)
        small = hub_corpus(config)
        monkeypatch.setattr(hub, "LARGE_ROWS", 10)
        large = hub_corpus(config)
        assert isinstance(large.questions, TextColumn)
        assert contents(large) == contents(small)
        assert [text for text, _ in contents(small)["rows"]["3", "en"][3]] == expected


def test_negatives_that_are_no_texts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    pl.DataFrame({"q": ["q"], "p": ["p"], "n": [[1, 2]]}).write_parquet(tmp_path / "set" / "train.parquet")
    names = {"question": "q", "passage": "p", "negatives": "n"}
    config = SourceConfig(kind="hub", path=str(tmp_path / "set"), languages=("en",), columns=names)
    with pytest.raises(ConfigError, match=r"columns.negatives: expected texts or lists of texts in 'n'"):
        hub_corpus(config)
