"""``python -m engine.data.check``: reads a config as JSON and loads the user's own files, before a run is made.

Prints what it reads, and exits 0 when all can be read; else one line naming file and field on stderr, exit 2. A process
of its own, so that the command line and the dashboard never load a data library.
"""

from __future__ import annotations

import sys

import msgspec

from engine.benchmark_names import BUILT_IN
from engine.config import ConfigError, RunConfig
from engine.data.overlap import find_overlaps
from engine.data.readers.mmarco import check_mmarco
from engine.data.sources import load_configured, load_source
from engine.paths import expanded
from engine.runs.check_process import answer


def check(config: RunConfig) -> None:
    """Loads every local file the config names; downloads are left to the worker, which reports progress.

    Of mMARCO, whose files take minutes to read, only the beginnings are looked at.

    With ``evaluation.forbid_overlap``, what can be read here is checked for overlap as well.

    Raises:
        ConfigError: one line naming file and field, or the source and the benchmark that overlap.
    """
    evaluation = msgspec.structs.replace(config.evaluation, max_queries=0)  # no sample: overlap may be anywhere
    kinds = {"jsonl", "lareqa", "squad"} | ({"cldr", "mmarco"} if evaluation.forbid_overlap else set())
    for source in config.sources:
        if source.kind == "mmarco" and source.path is not None:
            _say(f"reading {source.path}")
            check_mmarco(expanded(source.path), source.languages)
    corpora = []
    for source in config.sources:
        if source.kind in kinds:
            _say(f"reading {source.path or source.kind}")
            corpora.append(load_source(source))
    benchmarks = []
    for spec in evaluation.benchmarks:
        if "=" in spec or (spec in BUILT_IN and evaluation.forbid_overlap):
            _say(f"reading {spec}")
            benchmarks.append(load_configured(spec, evaluation))
    if evaluation.forbid_overlap:
        _say("looking for overlap of training and evaluation")
        for overlap in find_overlaps(corpora, benchmarks):
            if overlap.leaks:
                raise ConfigError(f"evaluation.forbid_overlap: {overlap.message()}")


def _say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    sys.exit(answer(check))
