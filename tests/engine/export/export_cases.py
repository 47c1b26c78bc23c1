"""Run folders with real results in them, from random embeddings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from engine.config import BatchConfig, RunConfig, SourceConfig
from engine.data.benchmark import Benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import EncodingProtocol, Evaluation, write_results
from engine.runs.folder import Provenance, Spec

LANGUAGES = ("de", "en", "th")
FACTS = 20
ENCODING = EncodingProtocol(
    pooling="mean",
    query_prefix="",
    passage_prefix="",
    max_query_tokens=64,
    max_passage_tokens=256,
    truncated_queries=0,
    truncated_passages=0,
    model_digest="m",
    tokenizer_digest="t",
)


def make_evaluation(
    seed: int = 0,
    noise: float = 1.0,
    languages: tuple[str, ...] = LANGUAGES,
    facts: int = FACTS,
    clusters: int = 4,
) -> Evaluation:
    """Every fact asked and answered in every language; smaller noise ranks better."""
    total = facts * len(languages)
    names = [f"{language}:{{}}:{fact:04}" for language in languages for fact in range(facts)]
    index = np.repeat(np.arange(len(languages)), facts).astype(np.int16)
    groups = [f"f{fact}" for _ in languages for fact in range(facts)]
    benchmark = Benchmark(
        key="toy",
        languages=languages,
        query_ids=[name.format("q") for name in names],
        query_texts=[""] * total,
        query_language=index,
        query_group=groups,
        query_cluster=[f"c{int(group[1:]) % clusters}" for group in groups],
        candidate_ids=[name.format("p") for name in names],
        candidate_texts=[""] * total,
        candidate_language=index,
        offsets=np.arange(total + 1) * len(languages),
        relevant=np.array([f + facts * k for f in range(facts) for k in range(len(languages))] * len(languages)),
        grades=np.ones(total * len(languages), np.int16),
        unit="fact",
        pool="all passages",
        digest=f"{languages} {facts}",
    )
    rng = np.random.default_rng(seed)
    centre = np.tile(rng.standard_normal((facts, 6)), (len(languages), 1))
    vectors = [(centre + noise * rng.standard_normal((total, 6))).astype(np.float32) for _ in range(2)]
    return evaluate(benchmark, *vectors, ENCODING)


def make_run(
    home: Path, name: str, mode: str, steps: dict[int, dict[str, Evaluation]], **batch_options: object
) -> Path:
    """A run folder with a spec and, per step and benchmark, an evaluation."""
    folder = home / name
    folder.mkdir(parents=True)
    batch = msgspec.convert({"mode": mode, **batch_options}, BatchConfig)
    config = RunConfig(name=name, seed=7, batch=batch, sources=(SourceConfig(kind="cldr"),))
    spec = Spec(config=config, created=0.0, provenance=Provenance())
    (folder / "spec.json").write_bytes(msgspec.json.encode(spec))
    for step, by_benchmark in steps.items():
        for key, evaluation in by_benchmark.items():
            write_results(evaluation, folder / "results" / f"step-{step:06d}" / key)
    return folder
