"""A run that was evaluated on a user's own benchmark, which still lies where the run's config says."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np

from engine.config import EvaluationConfig, RunConfig, SourceConfig
from engine.data.benchmark import Benchmark
from engine.data.sources import load_benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import EncodingProtocol, Evaluation, write_results
from engine.runs.folder import Provenance, Spec

HOSTILE = "\x1b]0;owned\x07 \x1b[2J wiped"
_QUESTIONS = {"de": "Was ist Tatsache {}?", "en": "What is fact {}?", "th": "ข้อเท็จจริง {} คืออะไร?"}
_ANSWERS = {"de": "Die Antwort {}.", "en": "The answer {}.", "th": "คำตอบ {}"}
FACTS = 6


def write_benchmark(folder: Path, facts: int = FACTS) -> Path:
    """Every fact asked and answered in three languages; one English answer is full of escape sequences."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, rows: list[dict[str, object]]) -> None:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    cells = [(language, fact, f"{fact:04}") for language in _QUESTIONS for fact in range(facts)]
    write(
        "queries",
        [
            {"id": f"{language}-{id}", "language": language, "text": _QUESTIONS[language].format(fact), "group": id}
            for language, fact, id in cells
        ],
    )
    write(
        "candidates",
        [
            {
                "id": f"{language}-{id}",
                "language": language,
                "text": HOSTILE if (language, fact) == ("en", 0) else _ANSWERS[language].format(fact),
            }
            for language, fact, id in cells
        ],
    )
    write(
        "relevance",
        [
            {"query": f"{language}-{id}", "candidate": f"{answered}-{id}"}
            for language, _, id in cells
            for answered in _QUESTIONS
        ],
    )
    return folder


def own_evaluation(benchmark: Benchmark, seed: int) -> Evaluation:
    rng = np.random.default_rng(seed)
    queries, candidates = len(benchmark.query_ids), len(benchmark.candidate_ids)
    encoding = EncodingProtocol(
        pooling="mean", query_prefix="", passage_prefix="", max_query_tokens=64, max_passage_tokens=256,
        truncated_queries=0, truncated_passages=0, model_digest="m", tokenizer_digest="t",
    )  # fmt: skip
    vectors = [rng.standard_normal((count, 8)).astype(np.float32) for count in (queries, candidates)]
    return evaluate(benchmark, *(rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in vectors), encoding)


def own_run(home: Path, name: str, seed: int = 0, steps: tuple[int, ...] = (400,), facts: int = FACTS) -> Path:
    """A run folder with evaluations on the benchmark ``own/small``, in a folder beside ``home``."""
    data = write_benchmark(home.parent / f"{home.name}-data", facts)
    benchmark = load_benchmark(f"own/small={data}")
    folder = home / name
    folder.mkdir(parents=True)
    config = RunConfig(
        name=name,
        sources=(SourceConfig(kind="cldr"),),
        evaluation=EvaluationConfig(benchmarks=(f"own/small={data}",)),
    )
    (folder / "spec.json").write_bytes(msgspec.json.encode(Spec(config=config, created=0.0, provenance=Provenance())))
    for step in steps:
        write_results(own_evaluation(benchmark, seed + step), folder / "results" / f"step-{step:06d}" / "own/small")
    return folder
