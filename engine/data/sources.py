"""The way in: a configured source becomes a parallel corpus, a benchmark's name becomes a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from engine.config import BENCHMARK_LANGUAGES, ConfigError, SourceConfig, parse_benchmark
from engine.data.benchmark import Benchmark
from engine.data.build import select_languages
from engine.data.cldr.pairs import cldr_benchmark, cldr_corpus
from engine.data.corpus import ParallelCorpus
from engine.data.hub import hub_corpus
from engine.data.jsonl import jsonl_corpus
from engine.data.lareqa import CandidateUnit, lareqa_benchmark, lareqa_corpus


def load_source(source: SourceConfig) -> ParallelCorpus:
    """Reads one training source.

    Raises:
        ConfigError: one line naming the file or data set and the field.
    """
    if source.kind == "cldr":
        return replace(cldr_corpus(source.split, source.languages), weight=source.weight)
    if source.path is None:
        raise ConfigError(f"sources.path: a {source.kind} source needs a path")
    if source.kind == "hub":
        return hub_corpus(source)
    path = Path(source.path).expanduser()
    if source.kind == "jsonl":
        return jsonl_corpus(path, source.languages, source.weight)
    return lareqa_corpus(path, source.languages, source.unit, source.articles, source.weight)


def load_benchmark(
    spec: str, languages: Sequence[str] = (), unit: str = "sentence", articles: str | None = None
) -> Benchmark:
    """Reads the benchmark ``spec`` names: "cldr" or "xquad-r=FOLDER".

    ``unit`` is "sentence" or "sentence+context"; it and ``articles`` (a selection such as "2::3") apply to LAReQA's
    benchmarks. A candidate of cldr is a fact.

    Raises:
        ConfigError: an unknown benchmark, language or unit, or a malformed file.
    """
    key, folder = parse_benchmark(spec)
    select_languages(languages, BENCHMARK_LANGUAGES[key], key)
    if folder is None:
        return cldr_benchmark(languages)
    for known in get_args(CandidateUnit):
        if unit == known:
            return lareqa_benchmark(key, folder, languages, known, articles)
    raise ConfigError(f"{key}: unit: expected one of {', '.join(get_args(CandidateUnit))}, got {unit!r}")
