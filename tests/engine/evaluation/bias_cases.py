"""Benchmarks with languages, and models with a known bias."""

from __future__ import annotations

import numpy as np
from evaluation_cases import ENCODING

from engine.data.benchmark import Benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import Evaluation

NAMES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


def parallel_benchmark(languages: int, facts: int, per_language: int = 1, clusters: int = 20) -> Benchmark:
    """Every fact is asked in every language and answered by ``per_language`` passages in every language."""
    names = NAMES[:languages]
    width = facts * per_language
    relevant = [
        [language * width + fact * per_language + copy for language in range(languages) for copy in range(per_language)]
        for _ in names
        for fact in range(facts)
    ]
    return Benchmark(
        key="toy",
        languages=names,
        query_ids=[f"{name}:q:{fact:04}" for name in names for fact in range(facts)],
        query_texts=[""] * (languages * facts),
        query_language=np.repeat(np.arange(languages), facts).astype(np.int16),
        query_group=[f"f{fact:04}" for _ in names for fact in range(facts)],
        query_cluster=[f"c{fact % clusters:04}" for _ in names for fact in range(facts)],
        candidate_ids=[f"{name}:p:{index:05}" for name in names for index in range(width)],
        candidate_texts=[""] * (languages * width),
        candidate_language=np.repeat(np.arange(languages), width).astype(np.int16),
        offsets=np.arange(languages * facts + 1) * languages * per_language,
        relevant=np.array(relevant).ravel(),
        grades=np.ones(languages * languages * width, np.int16),
        unit="fact",
        pool="all passages",
        digest="0" * 64,
    )


def simulated(
    languages: int = 4,
    facts: int = 60,
    *,
    noise: float = 0.8,
    bonus: float = 0.0,
    hard: float = 0.0,
    seed: int = 0,
    per_language: int = 1,
) -> Evaluation:
    """A model whose texts are their fact plus noise.

    ``bonus`` pulls the texts of a language together, whatever they say: an own-language bonus. ``hard`` makes the
    passages of later languages noisier for everyone: an effect of passage languages that is no own-language bonus.
    """
    rng = np.random.default_rng(seed)
    width = 24
    fact, tongue = rng.standard_normal((facts, width)), rng.standard_normal((languages, 1, width))
    asked = fact + noise * rng.standard_normal((languages, facts, width)) + bonus * tongue
    spread = noise * (1 + hard * np.linspace(-1, 1, languages))[:, None, None]
    answered = np.repeat(fact, per_language, axis=0)
    answered = answered + spread * rng.standard_normal((languages, facts * per_language, width)) + bonus * tongue
    vectors = [texts.reshape(-1, width) for texts in (asked, answered)]
    vectors = [(one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in vectors]
    return evaluate(parallel_benchmark(languages, facts, per_language), *vectors, ENCODING)
