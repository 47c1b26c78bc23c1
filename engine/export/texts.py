"""The texts of a benchmark, for whoever looks at an evaluation: from the data it was made with, never downloaded.

Results hold ids. The data are read again as the run's config names them, and shown only where their digest is the one
that the evaluation recorded: a text that is not the one that was ranked would be a lie.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.benchmark_names import parse_benchmark_key
from engine.config import ConfigError
from engine.data.cache import local_only
from engine.export.run_results import RunResult

if TYPE_CHECKING:
    from engine.data.benchmark import Benchmark
    from engine.progress import Tick

_IN_MEMORY = 2  # benchmarks in memory: the one in sight, and the one before it


@dataclass(frozen=True)
class Texts:
    """``missing`` says in one line why there are none; it is empty where there are."""

    benchmark: Benchmark | None
    missing: str = ""

    def query(self, id: str) -> str | None:
        benchmark = self.benchmark
        return None if benchmark is None else _at(benchmark.query_ids, benchmark.query_texts, id)

    def passage(self, id: str) -> str | None:
        benchmark = self.benchmark
        return None if benchmark is None else _at(benchmark.candidate_ids, benchmark.candidate_texts, id)


def load_texts(result: RunResult, tick: Tick | None = None) -> Texts:
    """The texts that ``result`` ranked. Takes seconds the first time, nothing after that.

    Args:
        tick: called as ``tick(what, done, total or None)`` while files are read; may raise to abandon the work.
    """
    digest = result.summary.protocol.data_digest
    with _lock:
        if digest in _loaded:
            _loaded.move_to_end(digest)
            return Texts(_loaded[digest])
        try:
            benchmark = _load(result, tick)
        except ConfigError as error:
            return Texts(None, f"no texts: {error}")
        if benchmark.digest != digest:
            return Texts(None, f"no texts: the data of {result.benchmark} have changed since this evaluation")
        _loaded[digest] = benchmark
        while len(_loaded) > _IN_MEMORY:
            _loaded.popitem(last=False)
        return Texts(benchmark)


_loaded: OrderedDict[str, Benchmark] = OrderedDict()  # by digest
_lock = threading.Lock()


def _load(result: RunResult, tick: Tick | None) -> Benchmark:
    from engine.data.sources import load_configured

    evaluation = result.config.evaluation
    spec = next((spec for spec in evaluation.benchmarks if parse_benchmark_key(spec) == result.benchmark), None)
    if spec is None:
        raise ConfigError(f"the run's config names no benchmark {result.benchmark}")
    if result.benchmark.startswith("beir/") and "=" not in spec:  # datasets can be told offline only once for all
        raise ConfigError(f"{result.benchmark} lies on the hub; evaluated from a folder, its texts can be shown")
    with local_only():
        return load_configured(spec, evaluation, tick)


def _at(ids: Sequence[str], texts: Sequence[str], id: str) -> str | None:
    """The text beside ``id``; ids ascend."""
    index = bisect_left(ids, id)
    return texts[index] if index < len(ids) and ids[index] == id else None
