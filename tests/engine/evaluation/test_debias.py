"""Corrections of vectors: what each takes away, what it is estimated on, and that memory and files agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_cases import make_benchmark
from test_stored_evaluation import HashEncoder, assert_equal

from engine.config import ConfigError, SystemConfig
from engine.data.corpus import CorpusRows, build_corpus
from engine.encoder.encoder import Encoded
from engine.evaluation import benchmarking, vectors
from engine.evaluation.benchmarking import evaluate_model
from engine.evaluation.debias.estimating import FEWEST_PAIRS, estimate_correction
from engine.evaluation.ranking import rank

LANGUAGES = ("ar", "de", "en")
WIDTH = 8
TONGUES = np.random.default_rng(5).standard_normal((3, WIDTH))


class BiasedEncoder(HashEncoder):
    """Texts that begin with a language's name lie off in that language's direction; queries lie elsewhere again."""

    def __init__(self, *, is_normalized=True, **settings):
        super().__init__(**settings)
        self.is_normalized = is_normalized

    def encode_queries(self, texts, tick):
        return self._moved(texts, super().encode_passages(texts, None, tick), 0.3)

    def encode_passages(self, texts, contexts, tick):
        return self._moved(texts, super().encode_passages(texts, contexts, tick), 0.0)

    def _moved(self, texts, encoded, by):
        names = [text[:2] for text in texts]
        tongues = np.array([TONGUES[LANGUAGES.index(name)] if name in LANGUAGES else np.zeros(WIDTH) for name in names])
        found = encoded.vectors + tongues + by
        found /= np.linalg.norm(found, axis=1, keepdims=True) if self.is_normalized else 1.0
        return Encoded(found.astype(np.float32), encoded.truncated)


def corpus(groups=80, languages=LANGUAGES, name="pairs"):
    """Every third group lacks Arabic; passages of two groups are one text."""
    rows = [(g, language) for g in range(groups) for language in languages if not (language == "ar" and g % 3 == 0)]
    return build_corpus(
        name,
        CorpusRows(
            groups=[f"g{g:03}" for g, _ in rows],
            languages=[language for _, language in rows],
            questions=[f"{language} what is {g}?" for g, language in rows],
            passages=[f"{language} fact {g // 2}" for g, language in rows],
            passage_ids=[f"{language}:p:{g // 2}" for g, language in rows],
            clusters=[f"c{g % 7}" for g, _ in rows],
        ),
    )


def benchmark():
    """A text that two languages share is a candidate in both, as numbers and names are."""
    candidates = [name for name in LANGUAGES for _ in range(40)]
    queries = [name for name in LANGUAGES for _ in range(6)]
    made = make_benchmark(candidates, queries, {query: [query, 40 + query, 80 + query] for query in range(18)})
    texts = [f"{name} passage {i % 40}" if i % 4 else f"en {i % 40 // 8}" for i, name in enumerate(candidates)]
    return replace(made, candidate_texts=texts, query_texts=[f"{name} asks {i}" for i, name in enumerate(queries)])


def estimate(encoder, tmp_path, corpora=None, **settings):
    return estimate_correction(
        [encoder],
        corpora or [corpus()],
        SystemConfig(**settings),
        [benchmark()],
        cache=tmp_path,
        digests=encoder.digests(),
    )


def texts_of(side, language, groups=80):
    found = corpus(groups)
    rows = found.row_of[:, found.languages.index(language)]
    column = found.questions if side == "query" else found.passages
    return [column[row] for row in rows if row >= 0]


def encoded(encoder, side, texts):
    """As the store has them."""
    some = encoder.encode_queries(texts, None) if side == "query" else encoder.encode_passages(texts, None, None)
    return some.vectors.astype(np.float16).astype(np.float32)


def corrected(correction, side, vectors, language):
    return correction.apply(side, vectors, np.full(len(vectors), LANGUAGES.index(language)), LANGUAGES)


@pytest.mark.parametrize("side", ["query", "passage"])
def test_centred_texts_of_the_estimation_have_the_mean_zero_in_every_language(tmp_path, side):
    encoder = BiasedEncoder(is_normalized=False)
    correction = estimate(encoder, tmp_path, debias="centre")
    for language in LANGUAGES:
        vectors = encoded(encoder, side, texts_of(side, language))
        assert np.abs(vectors.mean(axis=0)).max() > 0.1
        mean = corrected(correction, side, vectors, language).astype(np.float64).mean(axis=0)
        assert np.abs(mean).max() < 1e-6


@pytest.mark.parametrize("rank", [1, 3])
def test_lir_is_what_its_reference_computes_by_svd(tmp_path, rank):
    encoder = BiasedEncoder()
    correction = estimate(encoder, tmp_path, debias="lir", debias_rank=rank)
    for language in LANGUAGES:
        basis = np.linalg.svd(encoded(encoder, "passage", texts_of("passage", language)).T.astype(np.float64))[0][
            :, :rank
        ]
        for side in ("query", "passage"):
            vectors = encoded(encoder, side, texts_of(side, language))
            left = vectors - vectors @ basis @ basis.T
            expected = left / np.linalg.norm(left, axis=1, keepdims=True)
            np.testing.assert_allclose(corrected(correction, side, vectors, language), expected, atol=1e-6)


def test_shift_moves_passages_to_their_translations_in_the_pivot_and_nothing_else(tmp_path):
    encoder = BiasedEncoder(is_normalized=False)
    correction = estimate(encoder, tmp_path, debias="shift", debias_alpha=0.5)
    for language in ("ar", "de"):
        own = encoded(encoder, "passage", texts_of("passage", language))
        translated = [text.replace(language, "en", 1) for text in texts_of("passage", language)]
        offset = (own - encoded(encoder, "passage", translated)).astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(corrected(correction, "passage", own, language), own - 0.5 * offset, atol=1e-6)
    for side, language in (("passage", "en"), ("query", "de")):
        vectors = encoded(encoder, side, texts_of(side, language))
        assert corrected(correction, side, vectors, language).tobytes() == vectors.tobytes()
    assert correction.protocol.pairs == {"ar": 53, "de": 80}


def evaluated(tmp_path, correction=None):
    return evaluate_model([BiasedEncoder()], benchmark(), cache=tmp_path, debias=correction)


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_shift_of_nothing_ranks_as_no_correction(tmp_path, monkeypatch, is_stored):
    monkeypatch.setattr(benchmarking, "IN_MEMORY", 0 if is_stored else 50_000)
    plain = evaluated(tmp_path)
    shifted = evaluated(tmp_path, estimate(BiasedEncoder(), tmp_path, debias="shift", debias_alpha=0.0))
    assert_equal(shifted, (plain.ranks, plain.top))
    assert plain.summary.protocol.debias is None
    assert shifted.summary.protocol.debias.alpha == 0.0


@pytest.mark.parametrize("method", ["centre", "shift", "lir"])
def test_through_files_the_scores_are_those_of_memory_over_the_rounded_vectors(tmp_path, monkeypatch, method):
    """A text that two languages share is one vector in the store, and corrected for each of them."""
    monkeypatch.setattr(benchmarking, "IN_MEMORY", 0)
    monkeypatch.setattr(vectors, "_SHARD_ROWS", 50)
    correction = estimate(BiasedEncoder(), tmp_path, debias=method)
    case, encoder = benchmark(), BiasedEncoder()
    asked, answered = (
        correction.apply(side, encoded(encoder, side, texts), language, case.languages)
        for side, texts, language in (
            ("query", case.query_texts, case.query_language),
            ("passage", case.candidate_texts, case.candidate_language),
        )
    )
    found = evaluated(tmp_path, correction)
    assert_equal(found, rank(case, asked, answered))
    none = evaluated(tmp_path)
    assert none.ranks.score.tobytes() != found.ranks.score.tobytes()


def test_the_protocol_says_what_was_done_and_on_what(tmp_path):
    encoder = BiasedEncoder()
    found = evaluated(tmp_path, estimate(encoder, tmp_path, debias="lir", debias_rank=2)).summary.protocol.debias
    assert (found.method, found.rank, found.alpha, found.sources) == ("lir", 2, None, ["pairs"])
    assert found.pairs == {"ar": 53, "de": 80, "en": 80}
    digests = {
        estimate(encoder, tmp_path, debias=method, **settings).protocol.digest
        for method, settings in (("lir", {}), ("lir", {"debias_rank": 2}), ("centre", {}), ("shift", {}))
    }
    assert len(digests | {found.digest}) == 4
    assert estimate(BiasedEncoder(), tmp_path / "anew", debias="lir", debias_rank=2).protocol.digest == found.digest


def test_at_most_so_many_pairs_of_each_language_and_the_same_groups_in_all(tmp_path):
    encoder = BiasedEncoder()
    found = estimate(encoder, tmp_path, [corpus(400)], debias="shift", debias_texts=60)
    assert found.protocol.pairs == {"ar": 60, "de": 60}
    asked = {text for text, _ in encoder.asked}
    assert {text[3:] for text in asked if text.startswith("de")} <= {text[3:] for text in asked if text[:2] == "en"}


def test_several_sources_count_together(tmp_path):
    found = estimate(
        BiasedEncoder(), tmp_path, [corpus(40), corpus(40, ("de", "en")), corpus(80, ("ar",))], debias="centre"
    )
    assert found.protocol.pairs == {"ar": 79, "de": 80, "en": 80}


@pytest.mark.parametrize(
    ("corpora", "settings", "words"),
    [
        ([("de", "en")], {"debias": "centre"}, "ar 0"),
        ([("ar",), ("de", "en")], {"debias": "shift"}, "a translation in 'en' of each language, got ar 0"),
        ([LANGUAGES], {"debias": "lir", "debias_rank": 8}, "debias_rank: 8"),
    ],
)
def test_a_language_without_enough_pairs_is_refused_in_one_line(tmp_path, corpora, settings, words):
    with pytest.raises(ConfigError, match=r"^system\.debias") as refused:
        estimate(BiasedEncoder(), tmp_path, [corpus(languages=names) for names in corpora], **settings)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    if settings["debias"] == "centre":
        assert str(FEWEST_PAIRS) in str(refused.value)


def test_languages_without_enough_pairs_stay_as_they_are_where_that_is_asked_for(tmp_path):
    corpora = [corpus(languages=("de", "en"))]
    found = estimate(BiasedEncoder(), tmp_path, corpora, debias="centre", debias_missing="keep")
    assert (found.protocol.uncorrected, list(found.protocol.pairs)) == (["ar"], ["de", "en"])
    vectors = encoded(BiasedEncoder(), "passage", texts_of("passage", "ar"))
    assert corrected(found, "passage", vectors, "ar").tobytes() == vectors.tobytes()
