"""Writes the model card of a run, from what its folder and its trainer hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from engine.benchmark_names import parse_benchmark
from engine.config import RunConfig
from engine.data.corpus import ParallelCorpus
from engine.encoder import DualEncoder
from engine.evaluation.results import SUMMARY, Summary, read_summary
from engine.export.card import CardFacts, TrainedSource, model_card
from engine.runs.folder import RunFolder, read_spec, results_folder
from engine.runs.status import selected_step

CARD = "README.md"


def trained_sources(config: RunConfig, corpora: Sequence[ParallelCorpus]) -> list[TrainedSource]:
    """What a card tells of the corpora of ``config.sources``."""
    return [
        TrainedSource(source, corpus.languages, len(corpus), len(corpus.questions))
        for source, corpus in zip(config.sources, corpora, strict=True)
    ]


def write_card(
    folder: Path, run: RunFolder, encoder: DualEncoder, sources: Sequence[TrainedSource], step: int, *, early: bool
) -> None:
    """Writes ``folder``/README.md for ``encoder``, the finished one of ``run`` at ``step``."""
    spec = read_spec(run)
    choice = selected_step(run, spec.config)
    card = model_card(
        CardFacts(
            config=spec.config,
            options=encoder.options,
            origins=encoder.origins,
            modules=encoder.module_names(),
            is_normalized=encoder.is_normalized,
            is_plain=encoder.is_plain,
            requirements=encoder.requirements(),
            width=encoder.width,
            matryoshka_dimensions=encoder.matryoshka_dimensions,
            digests=encoder.digests(),
            sources=sources,
            step=step,
            choice=None if choice is None else replace(choice, early=early),
            results=list(_summaries(run, spec.config, step)),
            untrained={summary.benchmark: summary for summary in _summaries(run, spec.config, 0) if step},
            provenance=spec.provenance,
        )
    )
    (folder / CARD).write_text(card, encoding="utf-8")


def _summaries(run: RunFolder, config: RunConfig, step: int) -> Iterator[Summary]:
    """The results of one step, in the config's order of benchmarks."""
    for spec in config.evaluation.benchmarks:
        folder = results_folder(run, step, parse_benchmark(spec)[0])
        if (folder / SUMMARY).exists():
            yield read_summary(folder)
