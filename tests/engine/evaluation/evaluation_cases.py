"""Small benchmarks and a slow, obvious ranking to hold the fast one against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from engine.data.benchmark import Benchmark
from engine.evaluation.judgements import ranked_judgements
from engine.evaluation.ranks import Ranks
from engine.evaluation.results import EncodingProtocol
from engine.evaluation.scores import QueryScores

LANGUAGES = ("ar", "de", "en")

ENCODING = EncodingProtocol(
    pooling="mean",
    query_prefix="query: ",
    passage_prefix="passage: ",
    max_query_tokens=64,
    max_passage_tokens=256,
    truncated_queries=0,
    truncated_passages=2,
    model_digest="m" * 64,
    tokenizer_digest="t" * 64,
)


def make_benchmark(
    candidates: Sequence[str], queries: Sequence[str], relevant: Mapping[int, Sequence[int]], clusters: int = 3
) -> Benchmark:
    """A benchmark from the languages of its candidates and queries; relevant: query index -> candidate indices."""
    languages = tuple(sorted({*candidates, *queries}))
    assert list(candidates) == sorted(candidates)
    assert list(queries) == sorted(queries)
    rows = [sorted(relevant.get(query, ())) for query in range(len(queries))]
    return Benchmark(
        key="toy",
        languages=languages,
        query_ids=[f"{language}:q:{index:04}" for index, language in enumerate(queries)],
        query_texts=[f"question {index}" for index in range(len(queries))],
        query_language=np.array([languages.index(language) for language in queries], np.int16),
        query_group=[f"g{index % 5}" for index in range(len(queries))],
        query_cluster=[f"c{index % clusters}" for index in range(len(queries))],
        candidate_ids=[f"{language}:p:{index:04}" for index, language in enumerate(candidates)],
        candidate_texts=[f"passage {index}" for index in range(len(candidates))],
        candidate_language=np.array([languages.index(language) for language in candidates], np.int16),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        relevant=np.array([passage for row in rows for passage in row], np.int64),
        grades=np.ones(sum(map(len, rows)), np.int16),
        unit="sentence",
        pool="all candidates",
        digest="0" * 64,
    )


def query_scores(benchmark: Benchmark, ranks: Ranks) -> QueryScores:
    return QueryScores(ranked_judgements(benchmark, ranks))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    """(benchmark, query embeddings, candidate embeddings); whole numbers, so that scores are exact and often tie."""
    candidates = sorted(draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=24)))
    queries = sorted(draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=6)))
    passages = st.lists(st.integers(0, len(candidates) - 1), unique=True, max_size=5)
    relevant = {query: draw(passages) for query in range(len(queries))}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from((0, 1, 3)))
    return (
        make_benchmark(candidates, queries, relevant),
        rng.integers(-spread, spread, (len(queries), 3), endpoint=True).astype(np.float32),
        rng.integers(-spread, spread, (len(candidates), 3), endpoint=True).astype(np.float32),
    )


def ranking(scores: Sequence[float], pool: Sequence[int]) -> list[int]:
    """Candidates of a pool, best first, ties by descending id: trec_eval's order."""
    return sorted(pool, key=lambda candidate: (-scores[candidate], -candidate))
