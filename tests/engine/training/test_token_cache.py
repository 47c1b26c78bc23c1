"""The token cache: equal to tokenising afresh, whatever killed the build, and safe for several processes at once."""

import multiprocessing
import os
import random
import time
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpora import make_corpus, one_token_a_word, tokenized

from engine.config import BatchConfig, RunConfig
from engine.data.corpus import HardNegatives, corpus_digest
from engine.progress import Counter
from engine.training import token_cache, tokenizing, usable
from engine.training.batches import BatchSource
from engine.training.ranks import Alone
from engine.training.token_cache import entry_key, open_entry, tokenize_stored

GAPS = {(0, "en"), (3, "th"), (5, "en"), (5, "de"), (9, "de"), (39, "th")}


def with_negatives(corpus, seed=0):
    """Row r gets up to three hard negatives."""
    sizes = np.random.default_rng(seed).integers(0, 4, len(corpus.questions))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    texts = [f"near {row}, number {number}" for row, size in enumerate(sizes) for number in range(size)]
    return replace(corpus, negatives=HardNegatives(texts, starts))


def assert_equal(first, second):
    """Field by field, arrays by value."""
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if is_dataclass(a):
            assert_equal(a, b)
        elif isinstance(a, tuple) and any(isinstance(item, np.ndarray) for item in a):
            for one, other in zip(a, b, strict=True):
                np.testing.assert_array_equal(one, other)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch):
    """A kill loses nothing that was written; only a power cut could, and there is none in a test."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def small_chunks(monkeypatch):
    """Several chunks in everything that goes in pieces."""
    for module, name, size in [(token_cache, "_CHUNK", 16), (token_cache, "_LIST", 7), (usable, "_CHUNK", 7)]:
        monkeypatch.setattr(module, name, size)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("gaps", [(), GAPS])
@pytest.mark.parametrize("negatives", [False, True])
def test_what_is_stored_is_what_is_tokenised_in_memory(tmp_path, small_chunks, gaps, negatives):
    corpus = with_negatives(make_corpus(gaps=gaps, weight=2.0))
    expected = tokenized(corpus, negatives=negatives)
    built = tokenize_stored(corpus, one_token_a_word, tmp_path / "entry", negatives=negatives)
    opened = open_entry(tmp_path / "entry", corpus.name, corpus.weight)
    assert_equal(built, expected)
    assert_equal(opened, expected)
    assert (expected.negatives is not None) == negatives


def test_contexts_and_segments_are_stored(tmp_path, make_encoder, small_chunks):
    corpus = make_corpus()
    corpus = replace(corpus, contexts=[f"around: {text}" for text in corpus.passages])
    encoder = make_encoder()

    def tokenize(texts, contexts, kind):
        return encoder.tokenize(texts, contexts, kind=kind)

    stored = tokenize_stored(corpus, tokenize, tmp_path / "entry")
    assert_equal(stored, tokenizing.tokenize_in_memory(corpus, tokenize))
    assert stored.passages.segments is not None
    assert stored.passages.segments.any()


@settings(max_examples=20)
@given(data=st.data())
def test_a_build_killed_anywhere_goes_on_to_the_same_bytes(tmp_path_factory, data):
    """Abandoned after any call, with any number of bytes behind the last commit, as often as wanted."""
    corpus, folder = with_negatives(make_corpus(gaps=GAPS)), tmp_path_factory.mktemp("tokens")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_cache, "_CHUNK", 32)
        tokenize_stored(corpus, one_token_a_word, folder / "whole", negatives=True)
        total = 2 * len(corpus.questions) + len(corpus.negatives.texts)
        counter = Counter(None, "tokenising", total)
        for kill_after in data.draw(st.lists(st.integers(1, 5), max_size=3)):
            calls = 0

            def killed(texts, contexts, kind, kill_after=kill_after):
                nonlocal calls
                calls += 1
                if calls == kill_after:
                    raise KeyboardInterrupt
                return one_token_a_word(texts, contexts, kind)

            try:
                tokenize_stored(corpus, killed, folder / "entry", negatives=True)
            except KeyboardInterrupt:
                for path in (folder / ".building-entry").glob("*.ids"):
                    with path.open("ab") as file:
                        file.write(b"torn" * data.draw(st.integers(0, 9)))
        tokenize_stored(corpus, one_token_a_word, folder / "entry", negatives=True, counter=counter)
    assert contents(folder / "entry") == contents(folder / "whole")
    assert counter.done == total


def test_processes_killed_at_any_moment_lose_nothing(tmp_path, small_chunks):
    """SIGKILL, again and again, until a process comes through: the same bytes as of one that was left alone."""
    corpus, context = with_negatives(make_corpus(gaps=GAPS)), multiprocessing.get_context("fork")
    tokenize_stored(corpus, one_token_a_word, tmp_path / "whole", negatives=True)
    moments, kills = random.Random(0), 0

    def work():
        def tokenize(*arguments):
            time.sleep(0.002)
            return one_token_a_word(*arguments)

        tokenize_stored(corpus, tokenize, tmp_path / "entry", negatives=True)

    while True:
        process = context.Process(target=work)
        process.start()
        process.join(moments.uniform(0.0, 0.05) * (1 + kills))
        if process.exitcode == 0:
            break
        process.kill()
        process.join()
        kills += 1
    assert kills > 0
    assert contents(tmp_path / "entry") == contents(tmp_path / "whole")


def test_a_resumed_build_tokenises_only_what_is_missing(tmp_path, small_chunks):
    corpus, asked = make_corpus(), []

    def abandon(what, done, total):
        if len(asked) == 3:
            raise InterruptedError

    def tokenize(texts, contexts, kind):
        asked.append(len(texts))
        return one_token_a_word(texts, contexts, kind)

    with pytest.raises(InterruptedError):
        tokenize_stored(corpus, tokenize, tmp_path / "entry", counter=Counter(abandon, "tokenising"))
    assert not (tmp_path / "entry").exists()
    before = sum(asked)
    asked.append(0)
    tokenize_stored(corpus, tokenize, tmp_path / "entry")
    assert (before, sum(asked)) == (48, 2 * len(corpus.questions))


@pytest.mark.parametrize("name", ["questions.ids", "passages.by_text", "row_of", "manifest.json"])
def test_a_damaged_entry_is_built_anew(tmp_path, name):
    corpus = make_corpus()
    tokenize_stored(corpus, one_token_a_word, tmp_path / "entry")
    path = tmp_path / "entry" / name
    path.write_bytes(path.read_bytes()[:-3])
    assert open_entry(tmp_path / "entry", corpus.name, corpus.weight) is None
    assert_equal(tokenize_stored(corpus, one_token_a_word, tmp_path / "entry"), tokenized(corpus))


def test_files_that_were_lost_behind_the_progress_are_tokenised_again(tmp_path, small_chunks):
    corpus = make_corpus()

    def abandon(what, done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        tokenize_stored(corpus, one_token_a_word, tmp_path / "entry", counter=Counter(abandon, "tokenising"))
    (tmp_path / ".building-entry" / "questions.offsets").write_bytes(b"")
    assert_equal(tokenize_stored(corpus, one_token_a_word, tmp_path / "entry"), tokenized(corpus))


def test_the_key_changes_with_everything_that_decides_the_tokens(make_encoder):
    corpus, tokenization = make_corpus(), make_encoder().tokenization()
    changed = [
        replace(corpus, questions=["other", *corpus.questions[1:]]),
        replace(corpus, passages=["other", *corpus.passages[1:]]),
        replace(corpus, passage_ids=["de:p:other", *corpus.passage_ids[1:]]),
        replace(corpus, contexts=corpus.passages),
        replace(corpus, row_of=corpus.row_of[::-1]),
        replace(corpus, languages=("de", "en", "zh")),
        with_negatives(corpus),
        with_negatives(corpus, seed=1),
    ]
    keys = [entry_key(corpus_digest(each), tokenization, negatives=False) for each in (corpus, *changed)]
    digest = corpus_digest(corpus)
    keys += [entry_key(digest, {**tokenization, part: "other"}, negatives=False) for part in tokenization]
    keys.append(entry_key(digest, tokenization, negatives=True))
    assert len(set(keys)) == len(keys)
    assert corpus_digest(replace(corpus, name="x", weight=9.0)) == digest


def test_batches_do_not_depend_on_where_the_tokens_lie(corpora, make_encoder, monkeypatch, small_chunks):
    """Cached, from a cache that was there before, and tokenised in memory."""
    config, encoder = RunConfig(batch=BatchConfig(size=8)), make_encoder()
    memory = BatchSource(config, corpora, encoder, Alone())
    monkeypatch.setattr(tokenizing, "SMALL", 0)
    seen = []
    for _ in range(2):
        stored = BatchSource(config, corpora, encoder, Alone(), lambda _, done, total: seen.append((done, total)))
        for t in range(25):
            first, second = memory.assemble(t), stored.assemble(t)
            assert_equal(first, second)
        texts = sum(2 * len(corpus.questions) for corpus in corpora)
        assert seen[-1] == (texts, texts)


def test_processes_that_race_build_one_entry(tmp_path, small_chunks):
    """Three at once: one builds, the others wait for it and open what it built."""
    corpus, context = make_corpus(gaps=GAPS), multiprocessing.get_context("fork")
    built = context.SimpleQueue()

    def work():
        calls = 0

        def tokenize(*arguments):
            nonlocal calls
            calls += 1
            time.sleep(0.01)  # long enough for the others to come
            return one_token_a_word(*arguments)

        tokenize_stored(corpus, tokenize, tmp_path / "entry")
        built.put(calls)

    processes = [context.Process(target=work) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    chunks = 2 * -(-len(corpus.questions) // 16)
    assert sorted(built.get() for _ in processes) == [0, 0, chunks]
    assert_equal(open_entry(tmp_path / "entry", corpus.name, corpus.weight), tokenized(corpus))


def test_a_folder_that_cannot_be_written_costs_the_cache_and_not_the_run(corpora, make_encoder, monkeypatch, tmp_path):
    monkeypatch.setattr(tokenizing, "SMALL", 0)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "file"))
    source = BatchSource(RunConfig(batch=BatchConfig(size=8)), corpora, make_encoder(), Alone())
    assert len(source.assemble(0).rows) == 16
