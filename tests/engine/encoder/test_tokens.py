"""Token rows: the same ids as transformers' own tokenizer, with our truncation, and ragged arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.encoder import TokenRows, concatenate
from engine.encoder.tokens import TextTokenizer


def as_lists(rows: TokenRows) -> list[list[int]]:
    return [rows.ids[start:end].tolist() for start, end in zip(rows.offsets, rows.offsets[1:], strict=False)]


@pytest.mark.parametrize("limit", [3, 8, 12, 500])
def test_texts_give_the_ids_of_transformers(tiny, texts, limit):
    rows = TextTokenizer(tiny.hub_tokenizer)(texts, None, limit)
    expected = tiny.hub_tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
    assert as_lists(rows) == expected
    whole = tiny.hub_tokenizer(texts)["input_ids"]
    assert rows.truncated == sum(len(ids) > limit for ids in whole)
    assert rows.segments is None


@pytest.mark.parametrize("limit", [30, 40, 500])
def test_pairs_are_truncated_on_the_context_only(tiny, texts, limit):
    contexts = [text * 3 for text in reversed(texts)]
    rows = TextTokenizer(tiny.hub_tokenizer)(texts, contexts, limit)
    expected = tiny.hub_tokenizer(texts, contexts, truncation="only_second", max_length=limit)
    assert as_lists(rows) == expected["input_ids"]
    assert rows.segments.tolist() == [kind for row in expected["token_type_ids"] for kind in row]
    whole = tiny.hub_tokenizer(texts, contexts)["input_ids"]
    assert rows.truncated == sum(len(ids) > limit for ids in whole)


def test_a_text_that_does_not_fit_alone_loses_its_context_and_its_tail(tiny):
    tokenizer = TextTokenizer(tiny.hub_tokenizer)
    rows = tokenizer(["one two three four five six seven"], ["a context"], 6)
    head = as_lists(tokenizer(["one two three four five six seven"], None, 5))[0]
    assert as_lists(rows) == [[*head, tiny.hub_tokenizer.sep_token_id]]
    assert rows.truncated == 1


def test_prefix_and_limit_follow_the_kind(tiny, texts):
    for kind, prefix, limit in (("query", "query: ", 16), ("passage", "passage: ", 48)):
        expected = tiny.hub_tokenizer([prefix + text for text in texts], truncation=True, max_length=limit)
        assert as_lists(tiny.tokenize(texts, kind=kind)) == expected["input_ids"]


ROWS = st.lists(st.lists(st.integers(0, 99), max_size=6), min_size=1, max_size=8)


def rows_of(lists):
    offsets = np.cumsum([0, *(len(row) for row in lists)])
    ids = np.array([item for row in lists for item in row], dtype=np.int32)
    return TokenRows(ids, offsets, segments=(ids % 2).astype(np.uint8))


@given(first=ROWS, second=ROWS, data=st.data())
def test_take_and_concatenate_do_what_lists_do(first, second, data):
    both = concatenate([rows_of(first), rows_of(second)])
    assert as_lists(both) == first + second
    chosen = data.draw(st.lists(st.integers(0, len(both) - 1), max_size=10))
    taken = both.take(np.array(chosen, dtype=np.int64))
    assert as_lists(taken) == [(first + second)[index] for index in chosen]
    assert taken.segments.tolist() == (taken.ids % 2).tolist()


def test_concatenate_fills_missing_segments_with_the_first_text():
    pairs = rows_of([[1, 3], [2]])
    plain = TokenRows(np.array([5, 6], dtype=np.int32), np.array([0, 2]))
    assert concatenate([plain, pairs]).segments.tolist() == [0, 0, 1, 1, 0]
