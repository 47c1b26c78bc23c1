"""Exact full ranking of XQuAD-R's shape from embeddings, against trec_eval's code and SentenceTransformers' evaluator.

    python benchmarks/ranking.py [--json] [--peer-queries 384]

13,090 queries, 13,014 candidates in 11 languages, 768 dimensions, 11 relevant passages a query. The embeddings are made
up: concepts shared by translations, a direction for each language, and noise, so that ranks are spread like a model's.
Each program runs in a process of its own on the same files; its time starts at loaded embeddings and ends at one
average precision per query against the pool of all candidates. Ours ranks against each language apart as well, counts
ties, and keeps the hundred best; the others do not.

The peers run at their best settings, which are printed, on every n-th query, since their time is linear in queries:
all of them take minutes, and SentenceTransformers' evaluator would need tens of GiB. Peak memory is that of the whole
process, libraries and embeddings included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

CANDIDATES = {"ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244, "ru": 1219, "th": 852, "tr": 1167,
              "vi": 1209, "zh": 1196}  # fmt: skip
GROUPS = 1190
WIDTH = 768
ROUNDS = 2  # of all programs by turns: each gets the best of its times
SEED = 0

PEERS = {
    "pytrec_eval": "pytrec-eval-terrier, measure map only, runs of 128 queries so that its dictionaries fit the caches",
    "sentence_transformers": "InformationRetrievalEvaluator, precomputed embeddings, one corpus chunk, dot product, "
    "map@13014 and one cheap cutoff of each other metric",
}


def make_embeddings(folder: Path) -> None:
    """Writes queries.npy [13090, 768] and candidates.npy [13014, 768], unit rows in float32."""
    rng = np.random.default_rng(SEED)
    concepts = rng.standard_normal((GROUPS, WIDTH), dtype=np.float32)
    directions = rng.standard_normal((len(CANDIDATES), WIDTH), dtype=np.float32)
    queries, candidates = [], []
    for number, count in enumerate(CANDIDATES.values()):
        noise = rng.standard_normal((GROUPS + count, WIDTH), dtype=np.float32)
        queries.append(concepts + 0.7 * directions[number] + 1.5 * noise[:GROUPS])
        told = 1.5 * noise[GROUPS:] + 0.7 * directions[number]
        np.add.at(told, answer_places(count), concepts)
        candidates.append(told)
    for name, parts in (("queries", queries), ("candidates", candidates)):
        vectors = np.concatenate(parts)
        np.save(folder / f"{name}.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def answer_places(count: int) -> np.ndarray:
    """The answer sentence of each group in a language of ``count`` sentences; some answer several questions."""
    return np.arange(GROUPS) * 7 % (count * 2 // 3)


def relevant_candidates() -> np.ndarray:
    """[GROUPS, languages] candidate indices."""
    counts = list(CANDIDATES.values())
    starts = np.cumsum([0, *counts[:-1]])
    return np.stack([start + answer_places(count) for start, count in zip(starts, counts, strict=True)], axis=1)


def load(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    return np.load(folder / "queries.npy"), np.load(folder / "candidates.npy")


def names() -> tuple[list[str], list[str]]:
    queries = [f"{language}:q:{group:04d}" for language in CANDIDATES for group in range(GROUPS)]
    candidates = [f"{language}:p:{place:04d}" for language, count in CANDIDATES.items() for place in range(count)]
    return queries, candidates


def ours(folder: Path, _every: int) -> tuple[float, dict[str, float]]:
    from engine.data.benchmark import Benchmark
    from engine.evaluation.judgements import ranked_judgements
    from engine.evaluation.ranking import rank
    from engine.evaluation.scores import QueryScores

    query_ids, candidate_ids = names()
    relevant = np.tile(relevant_candidates(), (len(CANDIDATES), 1))
    languages = np.arange(len(CANDIDATES), dtype=np.int16)
    benchmark = Benchmark(
        key="xquad-r",
        languages=tuple(CANDIDATES),
        query_ids=query_ids,
        query_texts=query_ids,
        query_language=np.repeat(languages, GROUPS),
        query_group=query_ids,
        query_cluster=query_ids,
        candidate_ids=candidate_ids,
        candidate_texts=candidate_ids,
        candidate_language=np.repeat(languages, list(CANDIDATES.values())),
        offsets=np.arange(len(query_ids) + 1) * len(CANDIDATES),
        relevant=relevant.ravel(),
        grades=np.ones(relevant.size, np.int16),
        unit="sentence",
        pool="all",
        digest="",
    )
    queries, candidates = load(folder)
    start = time.perf_counter()
    ranks, _top = rank(benchmark, queries, candidates)
    values = QueryScores(ranked_judgements(benchmark, ranks)).of("map_multilingual").value
    seconds = time.perf_counter() - start
    return seconds, dict(zip(query_ids, values.tolist(), strict=True))


def pytrec_eval(folder: Path, every: int) -> tuple[float, dict[str, float]]:
    import pytrec_eval as trec
    import torch

    query_ids, candidate_ids = names()
    relevant = relevant_candidates()
    queries, candidates = (torch.from_numpy(vectors) for vectors in load(folder))
    judged = {
        query_ids[query]: {candidate_ids[index]: 1 for index in relevant[query % GROUPS]}
        for query in range(0, len(query_ids), every)
    }
    rows = list(range(0, len(query_ids), every))
    start = time.perf_counter()
    evaluator = trec.RelevanceEvaluator(judged, {"map"})
    found = {}
    for first in range(0, len(rows), 128):
        some = rows[first : first + 128]
        scores = (queries[some] @ candidates.T).tolist()
        run = {
            query_ids[query]: dict(zip(candidate_ids, row, strict=True))
            for query, row in zip(some, scores, strict=True)
        }
        found.update({query: values["map"] for query, values in evaluator.evaluate(run).items()})
    return (time.perf_counter() - start) * len(query_ids) / len(rows), found


def sentence_transformers(folder: Path, every: int) -> tuple[float, dict[str, float]]:
    import torch
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import dot_score

    query_ids, candidate_ids = names()
    relevant = relevant_candidates()
    rows = list(range(0, len(query_ids), every))
    queries, candidates = (torch.from_numpy(vectors) for vectors in load(folder))
    found: dict[str, float] = {}

    class Evaluator(InformationRetrievalEvaluator):
        def embed_inputs(self, *_: Any, **__: Any) -> torch.Tensor:
            return queries[rows]

        def compute_metrics(self, hits: Any) -> Any:
            metrics = super().compute_metrics(hits)
            found["mean"] = metrics["map@k"][len(candidate_ids)]
            return metrics

    start = time.perf_counter()
    evaluator = Evaluator(
        {query_ids[row]: "" for row in rows},
        dict.fromkeys(candidate_ids, ""),
        {query_ids[row]: {candidate_ids[index] for index in relevant[row % GROUPS]} for row in rows},
        corpus_chunk_size=len(candidate_ids),
        mrr_at_k=[1],
        ndcg_at_k=[1],
        accuracy_at_k=[1],
        precision_recall_at_k=[1],
        map_at_k=[len(candidate_ids)],
        score_functions={"dot": dot_score},
        write_csv=False,
    )
    evaluator.compute_all_metrics(None, corpus_embeddings=candidates)  # type: ignore[arg-type]
    return (time.perf_counter() - start) * len(query_ids) / len(rows), found


PROGRAMS = {"ours": ours, "pytrec_eval": pytrec_eval, "sentence_transformers": sentence_transformers}


def run_program(name: str, folder: Path, every: int) -> dict[str, Any]:
    """In a process of its own: seconds, peak memory in MiB, average precision by query (or their mean)."""
    command = [sys.executable, __file__, "--program", name, "--folder", str(folder), "--every", str(every)]
    environment = {
        **os.environ,
        "OMP_WAIT_POLICY": "PASSIVE",
    }  # for all of them: other work on the machine disturbs less
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(peer_queries: int) -> tuple[dict[str, dict[str, Any]], list[str]]:
    every = max(1, GROUPS * len(CANDIDATES) // peer_queries)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_embeddings(folder)
        rounds = [{name: run_program(name, folder, every) for name in PROGRAMS} for _ in range(ROUNDS)]
    results = {name: min((some[name] for some in rounds), key=lambda result: result["seconds"]) for name in PROGRAMS}
    mine, trec, other = (results[name] for name in PROGRAMS)
    differences = [abs(value - mine["scores"][query]) for query, value in trec["scores"].items()]
    mean = float(np.mean([mine["scores"][query] for query in trec["scores"]]))
    report: dict[str, dict[str, Any]] = {}
    for peer, result in (("pytrec_eval", trec), ("sentence_transformers", other)):
        report[f"full ranking, against {peer}"] = {
            "value": mine["seconds"],
            "unit": "s",
            "peer": PEERS[peer],
            "peer_value": result["seconds"],
            "ratio": result["seconds"] / mine["seconds"],
        }
    report["peak memory"] = {"value": mine["peak"], "unit": "MiB"}
    for peer, result in (("pytrec_eval", trec), ("sentence_transformers", other)):
        report[f"peak memory, {peer} on {len(trec['scores'])} queries"] = {"value": result["peak"], "unit": "MiB"}
    report["queries whose average precision differs from pytrec_eval's by more than 1e-9"] = {
        "value": sum(difference > 1e-9 for difference in differences),
        "unit": f"of {len(differences)}",
    }
    report["largest difference of average precision from pytrec_eval's"] = {"value": max(differences), "unit": ""}
    report["mean average precision of those queries"] = {
        "value": mean,
        "unit": "",
        "peer": "sentence_transformers",
        "peer_value": other["scores"]["mean"],
        "ratio": other["scores"]["mean"] / mean,
    }
    notes = [f"{peer}: {settings}" for peer, settings in PEERS.items()]
    notes.append(f"peers: every {every}th query ({len(trec['scores'])} of {GROUPS * len(CANDIDATES):,}), time scaled")
    notes.append(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; best of {ROUNDS} rounds")
    return report, notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--peer-queries", type=int, default=384, metavar="N", help="how many queries the peers get")
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--every", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        seconds, scores = PROGRAMS[options.program](options.folder, options.every)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak": peak, "scores": scores}))
        return
    report, notes = measure(options.peer_queries)
    if options.json:
        print(json.dumps(report, indent=2))
        print("\n".join(notes), file=sys.stderr)
        return
    for name, row in report.items():
        peer = f"   (peer: {row['peer_value']:.6g}, ratio {row['ratio']:.2f})" if "peer" in row else ""
        print(f"{name}: {row['value']:.6g} {row['unit']}{peer}")
    print("\n".join(notes))


if __name__ == "__main__":
    main()
