"""Overlap of training texts and benchmarks: what counts as the same text, and what is counted."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.data.corpus import CorpusRows, ParallelCorpus, build_corpus
from engine.data.overlap import find_overlaps, normalise
from engine.data.sources import load_benchmark


def corpus(*pairs: tuple[str, str]) -> ParallelCorpus:
    numbers = [str(number) for number in range(len(pairs))]
    questions, passages = [question for question, _ in pairs], [passage for _, passage in pairs]
    return build_corpus("mine", CorpusRows(numbers, ["en"] * len(pairs), questions, passages, numbers, numbers))


def same(one: str, other: str) -> bool:
    first, second = normalise([one, other])
    return first == second


@pytest.fixture
def benchmark() -> Benchmark:
    queries = ["Who?", "Where is it?", "!?"]
    candidates = ["Ada.", "There", "There", "A distractor"]
    return build_benchmark(
        "toy",
        [Query(f"en:q:{n}", "en", text, str(n), str(n), {f"en:p:{n}": 1}) for n, text in enumerate(queries)],
        [Candidate(f"en:p:{n}", "en", text) for n, text in enumerate(candidates)],
        unit="passage",
        pool="all",
    )


def test_exact_and_normalised_matches_are_counted_by_what_they_are(benchmark: Benchmark) -> None:
    (found,) = find_overlaps(
        [corpus(("Who?", "nobody"), ("where is IT", "THERE!"), ("?!", "a distractor."))], [benchmark]
    )
    assert (found.source, found.benchmark) == ("mine", "toy")
    assert (found.queries.texts, found.queries.exact, found.queries.normalised) == (3, 1, 2)
    assert found.queries.examples == ["en:q:0", "en:q:1"]
    assert (found.relevant.texts, found.relevant.exact, found.relevant.normalised) == (3, 0, 2)
    assert (found.candidates.texts, found.candidates.exact, found.candidates.normalised) == (4, 0, 3)
    assert found.leaks
    message = found.message()
    assert "2 of 3 questions (1 exactly) and 2 of 3 relevant passages (0 exactly)" in message
    assert "\n" not in message


def test_a_distractor_in_training_is_counted_and_is_no_leak(benchmark: Benchmark) -> None:
    (found,) = find_overlaps([corpus(("Another question", "A distractor"))], [benchmark])
    assert found.candidates.exact == 1
    assert not found.leaks


def test_passages_are_not_taken_for_questions(benchmark: Benchmark) -> None:
    (found,) = find_overlaps([corpus(("Ada.", "Who?"))], [benchmark])
    assert not found.leaks


@given(st.text(), st.text(" \t\n\u00a0.,;:!?-–—“”«»()[]'…、。？", max_size=4), st.integers(0, 50))
def test_punctuation_and_white_space_do_not_matter_wherever_they_stand(text: str, noise: str, place: int) -> None:
    assert same(text[:place] + noise + text[place:], text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("U.S. dollar", "us  Dollar\n", True),
        ("ﬁne", "FINE", True),  # a ligature
        ("１２ km", "12km", True),  # full-width digits
        ("कि", "क", False),  # a vowel sign is not punctuation
        ("12", "13", False),
    ],
)
def test_what_counts_as_the_same_text(one: str, other: str, expected: bool) -> None:
    assert same(one, other) is expected


def one_by_one(text: str) -> str:
    """The definition, character by character."""
    text = unicodedata.normalize("NFKC", text.replace("\0", "")).casefold()
    return unicodedata.normalize("NFKC", "".join(c for c in text if unicodedata.category(c)[0] not in "PZC"))


# Letters, accents, jamo and a nukta that compose with what comes before them, rare code points, and half of a pair.
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("eA\u0301\u1100\u1161\u093c\0 .ßİ😀\ud800"))
)


@given(st.lists(TEXTS, max_size=8))
def test_many_texts_at_once_are_what_each_of_them_is_alone(texts: list[str]) -> None:
    assert normalise(texts) == [one_by_one(text) for text in texts]


def test_every_source_meets_every_benchmark_with_progress(benchmark: Benchmark) -> None:
    seen: list[tuple[str, int, int | None]] = []
    sources = [corpus(("a", "b")), corpus(("Who?", "c"))]
    found = find_overlaps(sources, [benchmark, benchmark], lambda *progress: seen.append(progress))
    assert [overlap.leaks for overlap in found] == [False, False, True, True]
    assert seen[-1] == ("checking overlap", 18, 18)
    assert find_overlaps(sources, []) == []


def test_what_was_found_once_is_not_looked_for_again(benchmark: Benchmark) -> None:
    """By what the two contain: under other names too, and not where a text has changed."""
    seen: list[tuple[str, int, int | None]] = []
    source = corpus(("where is IT", "THERE!"), ("a", "b"))
    first = find_overlaps([source], [benchmark])
    renamed = replace(source, name="renamed"), replace(benchmark, key="other")
    (again,) = find_overlaps([renamed[0]], [renamed[1]], lambda *progress: seen.append(progress))
    assert seen == []
    assert (again.source, again.benchmark) == ("renamed", "other")
    assert msgspec.structs.replace(again, source="mine", benchmark="toy") == first[0]
    changed = corpus(("Who?", "THERE!"), ("a", "b"))
    both = find_overlaps([source, changed], [benchmark], lambda *progress: seen.append(progress))
    assert both[0] == first[0]
    assert both[1].queries.exact == 1
    assert seen[-1] == ("checking overlap", 11, 11), "the texts of the changed source and of the benchmark"


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_damaged_cache_is_looked_for_again(benchmark: Benchmark, cache: Path, content: bytes) -> None:
    source = corpus(("Who?", "Ada"))
    first = find_overlaps([source], [benchmark])
    (place,) = (cache / "overlap").iterdir()
    place.write_bytes(content)
    assert find_overlaps([source], [benchmark]) == first
    assert place.read_bytes() not in (b"", b"{", b"[]")


def test_the_built_in_corpus_shares_no_question_and_no_answer_with_its_benchmark() -> None:
    from engine.data.cldr import cldr_corpus

    (found,) = find_overlaps([cldr_corpus("train")], [load_benchmark("cldr")])
    assert not found.leaks
    (all_of_it,) = find_overlaps([cldr_corpus("all")], [load_benchmark("cldr")])
    assert all_of_it.queries.exact == all_of_it.queries.texts


def test_splits_of_xquad_r_by_article_share_nothing_exactly() -> None:
    folder = Path(__file__).parents[4] / "shared" / "data" / "xquad-r"
    if not folder.is_dir():
        pytest.skip("XQuAD-R is not beside the repository")
    from engine.data.readers.lareqa import lareqa_corpus

    trained = lareqa_corpus(folder, ("en",), articles="!2::3")
    (apart,) = find_overlaps([trained], [load_benchmark(f"xquad-r={folder}", ("en",), articles="2::3")])
    assert not apart.leaks
    (whole,) = find_overlaps([trained], [load_benchmark(f"xquad-r={folder}", ("en",))])
    assert whole.queries.exact >= len(trained.questions)
