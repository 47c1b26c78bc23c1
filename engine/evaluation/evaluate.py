"""From embeddings to everything one evaluation reports.

Shapes: Q queries, C candidates, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.bias import histogram_edges, own_language_advantages, query_advantages, rank_distances
from engine.evaluation.language_bias.measure import language_bias
from engine.evaluation.metrics import compute_metrics
from engine.evaluation.query_scores import query_scores
from engine.evaluation.ranking import rank
from engine.evaluation.ranks import Floats, Ranks, TopK
from engine.evaluation.summary import RANK_DISTANCE_NULL, SCORE, Bounds, EncodingProtocol, EvaluationProtocol, Summary
from engine.events import EvaluationResult
from engine.progress import Tick


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Ranks, and what was computed from them."""

    benchmark: Benchmark
    ranks: Ranks
    top: TopK
    summary: Summary

    @property
    def result(self) -> EvaluationResult:
        """The part of the summary that travels in ``eval.finished``."""
        names = EvaluationResult.__struct_fields__
        return EvaluationResult(**{name: getattr(self.summary, name) for name in names})


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
    return measure(benchmark, ranks, top, encoding, score=score)


def measure(
    benchmark: Benchmark,
    ranks: Ranks,
    top: TopK,
    encoding: EncodingProtocol,
    *,
    score: str = SCORE,
    cutoff: int | None = None,
) -> Evaluation:
    """Everything that is computed from ranks; ``score`` and ``cutoff`` are for the protocol."""
    scores = query_scores(benchmark, ranks)
    metrics = compute_metrics(benchmark, scores)
    advantages = query_advantages(benchmark, ranks)
    advantage_by_language, mean_advantage = own_language_advantages(benchmark, advantages)
    bias = language_bias(benchmark, ranks, top, advantages, mean_advantage)
    edges = histogram_edges(len(benchmark.candidate_ids))
    ties = int(np.count_nonzero(ranks.tied_pool))
    summary = Summary(
        queries=len(benchmark.query_ids),
        candidates=len(benchmark.candidate_ids),
        languages=list(benchmark.languages),
        settings=metrics.settings,
        metrics={**metrics.macro, RANK_DISTANCE_NULL: bias.measures.get(RANK_DISTANCE_NULL)},
        matrix=metrics.matrix,
        map_multilingual_by_language=metrics.map_multilingual_by_language,
        histogram_edges=[float(edge) for edge in edges],
        rank_distance=rank_distances(benchmark, scores.distances, edges),
        own_language_advantage=advantage_by_language,
        ties=ties,
        bias=bias,
        benchmark=benchmark.key,
        micro=metrics.micro,
        bounds=Bounds(
            optimistic=compute_metrics(benchmark, query_scores(benchmark, ranks, "optimistic")).macro,
            pessimistic=compute_metrics(benchmark, query_scores(benchmark, ranks, "pessimistic")).macro,
        ),
        protocol=EvaluationProtocol(
            **msgspec.structs.asdict(encoding),
            unit=benchmark.unit,
            pool=benchmark.pool,
            data_digest=benchmark.digest,
            ties=ties,
            score=score,
            cutoff=cutoff,
        ),
    )
    return Evaluation(benchmark, ranks, top, summary)
