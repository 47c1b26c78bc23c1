"""A model on the whole of XQuAD-R, and its average precision against pytrec_eval's on every single query.

    python benchmarks/xquad_r.py MODEL XQUAD_R_FOLDER [--query-prefix T] [--passage-prefix T] [--json]

Encodes 13,090 questions and 13,014 sentences (minutes on a CPU), evaluates them as ``hybrid-tui eval`` does, and hands
the same vectors' scores to trec_eval's code: average precision against the pool of all languages must be equal, query
for query.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
import pytrec_eval

from engine.config import ModelConfig
from engine.data.benchmark import Benchmark
from engine.data.cache import cache_folder
from engine.data.sources import load_benchmark
from engine.evaluation.benchmarking import evaluate_model
from engine.evaluation.judgements import ranked_judgements
from engine.evaluation.ranking import rank
from engine.evaluation.scores import QueryScores
from engine.evaluation.shards import QUERY_TILE, ShardScores, make_shards
from engine.evaluation.vectors import distinct_rows
from engine.worker.devices import share_cores

EQUAL = 1e-12


class Recording:
    """An encoder that keeps the vector of every text, so that the peer scores the same ones."""

    def __init__(self, encoder) -> None:
        self._encoder = encoder
        self.is_normalized, self.protocol, self.digests = encoder.is_normalized, encoder.protocol, encoder.digests
        self.width, self.encoding = encoder.width, encoder.encoding
        self.vectors: dict[tuple[str, str], np.ndarray] = {}

    def encode_queries(self, texts, tick):
        return self._keep("query", texts, self._encoder.encode_queries(texts, tick))

    def encode_passages(self, texts, contexts, tick):
        return self._keep("passage", texts, self._encoder.encode_passages(texts, contexts, tick))

    def of(self, kind: str, texts) -> np.ndarray:
        return np.stack([self.vectors[kind, text] for text in texts])

    def _keep(self, kind, texts, encoded):
        self.vectors.update(zip(((kind, text) for text in texts), encoded.vectors, strict=True))
        return encoded


class Distinct:
    """The vectors that are equal to no earlier one, as engine.evaluation.shards reads them."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def read(self, start: int, into: np.ndarray) -> None:
        into[:] = self._vectors[start : start + len(into)]


def peer_average_precision(benchmark: Benchmark, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """[Q] trec_eval's ``map`` of each query over the full ranking of all candidates."""
    ids = list(benchmark.candidate_ids)
    values = np.empty(len(queries))
    first, row_of = distinct_rows([candidates])
    rows = Distinct(candidates[first])
    (shard,) = make_shards(benchmark, row_of, len(rows), len(rows))
    # The very scores that were ranked: another shape of product has other last bits, and one can be a rank.
    scores = ShardScores(queries, rows, shard)
    for start in range(0, len(queries), QUERY_TILE):
        print(f"pytrec_eval: {start:,} of {len(queries):,}", file=sys.stderr)
        for index, row in enumerate(scores.of_queries(start), start=start):
            query_id = benchmark.query_ids[index]
            relevant = benchmark.relevant[benchmark.offsets[index] : benchmark.offsets[index + 1]]
            judge = pytrec_eval.RelevanceEvaluator({query_id: {ids[passage]: 1 for passage in relevant}}, {"map"})
            run = {query_id: dict(zip(ids, row.tolist(), strict=True))}
            values[index] = judge.evaluate(run)[query_id]["map"]
    return values


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--query-prefix", default="query: ")
    parser.add_argument("--passage-prefix", default="passage: ")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    share_cores()
    from engine.encoder import load_encoder

    benchmark = load_benchmark(f"xquad-r={options.folder}")
    prefixes = {"query_prefix": options.query_prefix, "passage_prefix": options.passage_prefix}
    encoder = Recording(load_encoder(ModelConfig(name=options.model, **prefixes)))
    start = time.perf_counter()
    evaluation = evaluate_model([encoder], benchmark, cache=cache_folder())
    seconds = time.perf_counter() - start
    queries = encoder.of("query", benchmark.query_texts)
    candidates = encoder.of("passage", benchmark.candidate_texts)
    start = time.perf_counter()
    ranks, _ = rank(benchmark, queries, candidates)
    ours = QueryScores(ranked_judgements(benchmark, ranks)).of("map_multilingual").value
    ranking_seconds = time.perf_counter() - start
    theirs = peer_average_precision(benchmark, queries, candidates)
    different = int((np.abs(ours - theirs) > EQUAL).sum())
    result = evaluation.result
    measures = {
        "queries": result.queries,
        "candidates": result.candidates,
        **{f"settings_{name}": count for name, count in result.settings.items()},
        **result.metrics,
        "queries_with_other_average_precision": different,
        "largest_difference": float(np.abs(ours - theirs).max()),
        "encode_and_evaluate_seconds": seconds,
        "ranking_seconds": ranking_seconds,
    }
    if options.json:
        print(json.dumps({name: {"value": value, "unit": ""} for name, value in measures.items()}))
    else:
        for name, value in measures.items():
            print(f"{name:<40} {value}")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
