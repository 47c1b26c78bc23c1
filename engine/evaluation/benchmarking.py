"""From an encoder and a benchmark to everything that one evaluation reports.

There is one path, ``evaluate_model``, for an evaluation within a run and for any other. The number of candidates alone
decides whether vectors stay in memory, in float32, or go through files, rounded to float16: what a machine has must not
decide how scores are rounded. The protocol's ``score`` says which it was.

Shapes: Q queries, C candidates, n texts, u distinct ones, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints
from engine.evaluation.bias.by_language import histogram_edges, own_language_advantages, rank_distances
from engine.evaluation.bias.measure import language_bias
from engine.evaluation.debias.correction import Correction
from engine.evaluation.geometry.measure import Lookup, VectorLookup, vector_geometry
from engine.evaluation.judgements import ranked_judgements
from engine.evaluation.metrics import compute_metrics
from engine.evaluation.ranking import MEMORY, rank, rank_stored, stored_queries
from engine.evaluation.ranks import NOT_RETRIEVED, Ranks, TopK
from engine.evaluation.results import (
    DOT_SCORE,
    ROUNDED,
    SCORE,
    Bounds,
    EncodingProtocol,
    Evaluation,
    EvaluationProtocol,
    Summary,
)
from engine.evaluation.scores import Placement, QueryScores, Scores
from engine.evaluation.vectors import Encoder, StoredTexts, encode_stored
from engine.measures import RANK_DISTANCE_NULL
from engine.progress import Tick, named

if TYPE_CHECKING:
    from engine.encoder.encoder import Encoded

_PLACEMENTS: tuple[Placement, ...] = ("id", "optimistic", "pessimistic")

IN_MEMORY = 50_000  # candidates; of more, the vectors go through files


def evaluate_model(
    encoders: Sequence[Encoder],
    benchmark: Benchmark,
    *,
    cache: Path,
    digests: Mapping[str, str] | None = None,
    memory: int = MEMORY,
    debias: Correction | None = None,
    tick: Tick | None = None,
) -> Evaluation:
    """Encodes a benchmark's texts, each distinct one once, ranks its candidates and measures the ranks.

    Args:
        encoders: equal ones, one for each device; the texts of a small benchmark all go to the first.
        cache: folder of stored vectors and of a ranking's journals; a killed call goes on from there.
        digests: of the encoders, where the caller has them: one step's weights are hashed once for all benchmarks.
        memory: bytes for one shard of stored vectors, see ``ranking.rank_stored``; it changes no rank.
        debias: what is done to the vectors before they are ranked; a text in two languages is corrected for each.
        tick: called as ``tick(what, done, total)`` with what = "queries", "candidates" (distinct texts) and "ranking",
            or the parts of the work through files; what it raises passes through.
    """
    if digests is None:
        digests = encoders[0].digests()
    with ExitStack() as stack:
        if benchmark.prompts is not None:
            for encoder in encoders:
                stack.enter_context(encoder.prompted(benchmark.prompts))
        if is_stored(benchmark):
            return _evaluate_stored(encoders, benchmark, cache, digests, memory, debias, tick)
        return _evaluate_in_memory(encoders[0], benchmark, digests, debias, tick)


def encode(encoder: Encoder, benchmark: Benchmark, tick: Tick | None = None) -> tuple[Encoded, Encoded]:
    """Vectors of all queries [Q, D] and candidates [C, D]; each distinct text is encoded, and counted if cut, once."""
    questions, _, of_query = _distinct(benchmark.query_texts, None)
    passages, contexts, of_candidate = _distinct(benchmark.candidate_texts, benchmark.candidate_contexts)
    queries = encoder.encode_queries(questions, named(tick, "queries"))
    candidates = encoder.encode_passages(passages, contexts, named(tick, "candidates"))
    return (
        replace(queries, vectors=queries.vectors[of_query]),
        replace(candidates, vectors=candidates.vectors[of_candidate]),
    )


def is_stored(benchmark: Benchmark) -> bool:
    """Whether the vectors of this benchmark go through files."""
    return len(benchmark.candidate_ids) > IN_MEMORY


def evaluate(
    benchmark: Benchmark,
    query_embeddings: Floats,
    candidate_embeddings: Floats,
    encoding: EncodingProtocol,
    tick: Tick | None = None,
    *,
    score: str = SCORE,
) -> Evaluation:
    """Ranks [Q, D] queries against [C, D] candidates and measures the ranks.

    Args:
        tick: see ``ranking.rank``; what it raises passes through, and nothing is left behind.
        score: what the vectors' dot products are, for the protocol.

    Raises:
        ValueError: the arrays do not fit the benchmark.
    """
    ranks, top = rank(benchmark, query_embeddings, candidate_embeddings, tick=tick)
    vectors = VectorLookup(query_embeddings.__getitem__, candidate_embeddings.__getitem__)
    return measure(benchmark, ranks, top, encoding, vectors, score=score)


def measure(
    benchmark: Benchmark,
    ranks: Ranks,
    top: TopK,
    encoding: EncodingProtocol,
    vectors: VectorLookup | None,
    *,
    score: str = SCORE,
    cutoff: int | None = None,
) -> Evaluation:
    """Everything that is computed from ranks, and from the vectors that gave them; None: the system has none.

    ``score`` and ``cutoff`` are for the protocol.

    Where a system did not retrieve some relevant passages, measures that are made of all ranks are not computed, and
    ``not_applicable`` says so. Relevant passages that are not in the pool count as not found in the metrics; what is
    said of languages leaves their queries out, since nobody knows where they would rank.
    """
    judgements = ranked_judgements(benchmark, ranks, top)
    metrics = {placement: compute_metrics(QueryScores(judgements), placement) for placement in _PLACEMENTS}
    missing = int(np.count_nonzero(ranks.rank_pool == NOT_RETRIEVED))
    refused = f"{missing:,} of {len(ranks.query):,} relevant passages were not retrieved" if missing else None
    absent = benchmark.absent
    scores = QueryScores(judgements if absent is None else judgements.without(absent.query))
    advantages, distances = scores.of("own_language_advantage"), scores.of("rank_distance")
    if refused is not None:
        advantages, distances = (Scores(part.query[:0], None, part.value[:0]) for part in (advantages, distances))
        for found in metrics.values():
            found.macro["rank_distance"] = found.micro["rank_distance"] = None
    advantage_by_language, mean_advantage = own_language_advantages(benchmark, advantages)
    bias = language_bias(benchmark, scores, ranks, top, mean_advantage, refused=refused)
    edges = histogram_edges(len(benchmark.candidate_ids))
    ties = int(np.count_nonzero(ranks.tied_pool))
    reported = metrics["id"]
    summary = Summary(
        queries=len(benchmark.query_ids),
        sampled_of=None if benchmark.sampled is None else benchmark.sampled[1],
        candidates=len(benchmark.candidate_ids),
        languages=list(benchmark.languages),
        settings=reported.settings,
        metrics={**reported.macro, RANK_DISTANCE_NULL: bias.measures.get(RANK_DISTANCE_NULL)},
        matrix=reported.matrix,
        map_multilingual_by_language=reported.map_multilingual_by_language,
        histogram_edges=[float(edge) for edge in edges],
        rank_distance=rank_distances(benchmark, distances, edges),
        own_language_advantage=advantage_by_language,
        ties=ties,
        bias=bias,
        vectors=vector_geometry(benchmark, vectors),
        benchmark=benchmark.key,
        micro=reported.micro,
        bounds=Bounds(optimistic=metrics["optimistic"].macro, pessimistic=metrics["pessimistic"].macro),
        protocol=EvaluationProtocol(
            **msgspec.structs.asdict(encoding),
            unit=benchmark.unit,
            pool=benchmark.pool,
            data_digest=benchmark.digest,
            ties=ties,
            score=score,
            cutoff=cutoff,
            unretrieved=missing,
            absent=0 if absent is None else len(absent.ids),
            task=benchmark.task,
        ),
    )
    return Evaluation(benchmark, ranks, top, summary)


def _evaluate_in_memory(
    encoder: Encoder, benchmark: Benchmark, digests: Mapping[str, str], debias: Correction | None, tick: Tick | None
) -> Evaluation:
    queries, candidates = encode(encoder, benchmark, tick)
    encoding = _protocol(encoder, digests, queries.truncated, candidates.truncated, debias)
    asked, answered = queries.vectors, candidates.vectors
    if debias is not None:
        asked = debias.apply("query", asked, benchmark.query_language, benchmark.languages)
        answered = debias.apply("passage", answered, benchmark.candidate_language, benchmark.languages)
    return evaluate(benchmark, asked, answered, encoding, tick, score=_score(encoder))


def _evaluate_stored(
    encoders: Sequence[Encoder],
    benchmark: Benchmark,
    cache: Path,
    digests: Mapping[str, str],
    memory: int,
    debias: Correction | None,
    tick: Tick | None,
) -> Evaluation:
    store = cache / "vectors"
    queries = encode_stored(encoders, "query", benchmark.query_texts, None, store, digests, tick)
    candidates = encode_stored(
        encoders, "passage", benchmark.candidate_texts, benchmark.candidate_contexts, store, digests, tick
    )
    encoding = _protocol(encoders[0], digests, queries.store.truncated(), candidates.store.truncated(), debias)
    asked = stored_queries(queries)
    if debias is not None:
        asked = debias.apply("query", asked, benchmark.query_language, benchmark.languages)
    ranks, top = rank_stored(
        benchmark, asked, candidates, journals=cache / "search", memory=memory, debias=debias, tick=tick
    )
    vectors = VectorLookup(asked.__getitem__, _candidate_vectors(benchmark, candidates, debias))
    return measure(benchmark, ranks, top, encoding, vectors, score=f"{_score(encoders[0])}, {ROUNDED}")


def _candidate_vectors(benchmark: Benchmark, candidates: StoredTexts, debias: Correction | None) -> Lookup:
    """Looks vectors up in the store, as they were ranked."""

    def look_up(numbers: Ints) -> Floats:
        rows, member = np.unique(candidates.row_of[numbers], return_inverse=True)
        found = np.empty((len(rows), candidates.store.width), np.float32)
        candidates.store.gather(rows, found)
        found = found[member]
        if debias is None:
            return found
        return debias.apply("passage", found, benchmark.candidate_language[numbers], benchmark.languages)

    return look_up


def _protocol(
    encoder: Encoder,
    digests: Mapping[str, str],
    truncated_queries: int,
    truncated_passages: int,
    debias: Correction | None,
) -> EncodingProtocol:
    return EncodingProtocol(
        **encoder.protocol(),
        truncated_queries=truncated_queries,
        truncated_passages=truncated_passages,
        model_digest=digests["model"],
        tokenizer_digest=digests["tokenizer"],
        debias=None if debias is None else debias.protocol,
    )


def _score(encoder: Encoder) -> str:
    return SCORE if encoder.is_normalized else DOT_SCORE


def _distinct(texts: Sequence[str], contexts: Sequence[str] | None) -> tuple[list[str], list[str] | None, Ints]:
    """Distinct (text, context) pairs in order of first appearance, and each input's index among them [n]."""
    pairs = zip(texts, contexts if contexts is not None else [""] * len(texts), strict=True)
    place: dict[tuple[str, str], int] = {}
    index = np.array([place.setdefault(pair, len(place)) for pair in pairs], np.int64)
    first, second = [text for text, _ in place], [context for _, context in place]
    return first, second if contexts is not None else None, index
