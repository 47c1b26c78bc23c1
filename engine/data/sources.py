"""The way in: a configured source becomes a parallel corpus, a benchmark's name becomes a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from engine.benchmark_names import benchmark_languages, languages_for, parse_benchmark
from engine.config import ConfigError, EvaluationConfig, SourceConfig
from engine.data.benchmark import Benchmark, sample_queries
from engine.data.cldr.english import english_benchmark
from engine.data.cldr.pairs import cldr_benchmark, cldr_corpus
from engine.data.corpus import ParallelCorpus, select_languages
from engine.data.download import lareqa_folder
from engine.data.readers.beir import beir_benchmark
from engine.data.readers.belebele import belebele_benchmark
from engine.data.readers.hub import hub_corpus
from engine.data.readers.jsonl import jsonl_corpus
from engine.data.readers.lareqa import CandidateUnit, lareqa_benchmark, lareqa_corpus
from engine.data.readers.miracl import miracl_benchmark
from engine.data.readers.mmarco import mmarco_corpus
from engine.data.readers.mteb_task import mteb_benchmark
from engine.data.readers.nanobeir import nanobeir_benchmark
from engine.data.readers.neuclir import neuclir_benchmark
from engine.data.readers.own import own_benchmark
from engine.data.readers.squad import squad_corpus
from engine.paths import expanded
from engine.progress import Tick

LAREQA_KEYS = ("xquad-r", "mlqa-r")


def load_source(source: SourceConfig, tick: Tick | None = None) -> ParallelCorpus:
    """Reads one training source; a large one is read to the cache once, and opened from there.

    Args:
        tick: called as ``tick(what, done, total or None)`` while large files are read; may raise to abandon the work.

    Raises:
        ConfigError: one line naming the file or data set and the field.
    """
    if source.kind == "cldr":
        return replace(cldr_corpus(source.split, source.languages), weight=source.weight)
    if source.path is None:
        raise ConfigError(f"sources.path: a {source.kind} source needs a path")
    if source.kind == "hub":
        return hub_corpus(source, tick)
    path = expanded(source.path)
    if source.kind == "jsonl":
        return jsonl_corpus(path, source.languages, source.weight, tick, source.columns)
    if source.kind == "squad":
        return squad_corpus(path, source.languages, source.articles, source.weight, tick)
    if source.kind == "mmarco":
        return mmarco_corpus(path, source.languages, source.max_negatives, source.weight, tick)
    return lareqa_corpus(path, source.languages, source.unit, source.articles, source.weight)


def load_configured(spec: str, config: EvaluationConfig, tick: Tick | None = None) -> Benchmark:
    """The benchmark of ``config.benchmarks`` that ``spec`` names, as the config wants it: languages, unit, a sample.

    Raises:
        ConfigError: see ``load_benchmark``.
    """
    benchmark = load_benchmark(
        spec,
        languages_for(spec, config.languages),
        config.unit,
        config.articles,
        drop_own_id=config.drop_own_id,
        tick=tick,
    )
    return sample_queries(benchmark, config.max_queries) if config.max_queries else benchmark


def load_benchmark(
    spec: str,
    languages: Sequence[str] = (),
    unit: str = "sentence",
    articles: str | None = None,
    *,
    drop_own_id: bool | None = None,
    tick: Tick | None = None,
) -> Benchmark:
    """Reads the benchmark ``spec`` names, KEY or KEY=FOLDER (see ``engine.benchmark_names.parse_benchmark``).

    Args:
        languages: some of the benchmark's; empty: all.
        unit: "sentence" or "sentence+context"; it and ``articles`` (a selection such as "2::3") apply to LAReQA's
            benchmarks. A candidate of cldr and cldr-en is a fact, one of the others a passage.
        drop_own_id: for BEIR and mteb, see ``beir_benchmark`` and ``mteb_benchmark``.
        tick: called as ``tick(what, done, total or None)`` while files are downloaded and read; may raise.

    Raises:
        ConfigError: an unknown benchmark, language or unit, a malformed file, or a failed download.
    """
    key, folder = parse_benchmark(spec)
    if published := benchmark_languages(spec):
        select_languages(languages, published, key)
    if key == "cldr":
        return cldr_benchmark(languages)
    if key == "cldr-en":
        return english_benchmark()
    if key == "miracl":
        return miracl_benchmark(folder, languages, tick)
    if key.startswith("beir/"):
        return beir_benchmark(key, folder, drop_own_id, tick)
    if key == "neuclir":
        return neuclir_benchmark(folder, languages, tick)
    if key == "belebele" or key.startswith("nanobeir/"):
        try:
            if key == "belebele":
                return belebele_benchmark(folder, languages, tick)
            return nanobeir_benchmark(key, folder, languages, tick)
        except ConfigError as error:
            if languages:
                raise
            hint = f"all {len(published)} languages are read where evaluation.languages names none"
            raise ConfigError(f"{error} ({hint})") from None
    if key.startswith("mteb/"):
        return mteb_benchmark(key, folder, languages, drop_own_id, tick)
    if key in LAREQA_KEYS:
        candidate_unit = _candidate_unit(key, unit)
        if folder is None:
            languages = languages or published
            folder = lareqa_folder(key, languages, tick)
        return lareqa_benchmark(key, folder, languages, candidate_unit, articles)
    assert folder is not None  # only a user's own benchmark is left, and its key needs a folder
    return own_benchmark(key, folder, languages, tick)


def _candidate_unit(key: str, unit: str) -> CandidateUnit:
    for name in get_args(CandidateUnit):
        if unit == name:
            return name  # type: ignore[no-any-return]
    raise ConfigError(f"{key}: unit: expected one of {', '.join(get_args(CandidateUnit))}, got {unit!r}")
