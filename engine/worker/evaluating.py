"""Evaluations of a run: an encoder on the benchmarks of the config, into the run's folder and its log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import events
from engine.benchmark_names import parse_benchmark_key
from engine.config import EvaluationConfig, SystemConfig
from engine.runs.folder import results_folder
from engine.worker.session import Session

if TYPE_CHECKING:
    from engine.data.benchmark import Benchmark
    from engine.data.corpus import ParallelCorpus
    from engine.evaluation.debias.correction import Correction
    from engine.evaluation.results import Evaluation
    from engine.evaluation.systems.system import System
    from engine.evaluation.vectors import Encoder
    from engine.progress import Tick

_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Debias:
    """A correction of vectors that is still to be estimated."""

    system: SystemConfig  # which one
    corpora: Sequence[ParallelCorpus]  # on which pairs


class Evaluator:
    """Evaluates encoders for one run.

    Attributes:
        benchmarks: those of the config, by key, in its order.
    """

    def __init__(self, session: Session, config: EvaluationConfig, *, keeps_vectors: bool) -> None:
        """Loads the benchmarks.

        Args:
            keeps_vectors: those of large collections stay in the cache for later evaluations of the same weights; of a
                model in training nobody asks for them again.

        Raises:
            ConfigError: one of them cannot be read; names file, line and field.
        """
        from engine.data.cache import cache_folder
        from engine.data.sources import load_configured

        self._session = session
        self._keeps_vectors = keeps_vectors
        self._cache = cache_folder() if keeps_vectors else cache_folder() / "runs" / session.folder.id
        self._memory = int(config.memory * (1 << 30))
        self.benchmarks = {
            parse_benchmark_key(spec): load_configured(spec, config, session.progress) for spec in config.benchmarks
        }

    def missing(self, step: int) -> list[str]:
        """The benchmarks that ``step`` was not evaluated on yet."""
        done = {(point.step, point.benchmark) for point in self._session.state.evaluations}
        return [key for key in self.benchmarks if (step, key) not in done]

    def evaluate(
        self,
        encoders: Sequence[Encoder],
        step: int,
        keys: Iterable[str] | None = None,
        debias: Debias | None = None,
    ) -> None:
        """Evaluates the model of ``step`` on the benchmarks ``keys``, or on all of them.

        Args:
            encoders: equal ones, one for each device that may help.
            debias: what is done to the vectors before they are ranked; of all benchmarks one estimate.

        Raises:
            ConfigError: there are too few pairs for a language of some benchmark.
            Leave: a pause or stop was asked for; the benchmark under way is evaluated anew by whoever resumes.
        """
        from engine.evaluation.benchmarking import evaluate_model

        keys = list(self.benchmarks if keys is None else keys)
        digests = encoders[0].digests() if keys else {}  # hashing all weights takes seconds: once for all benchmarks
        correction = None if debias is None or not keys else self._estimate(encoders, debias, digests)

        def measure(benchmark: Benchmark, tick: Tick) -> Evaluation:
            return evaluate_model(
                encoders,
                benchmark,
                cache=self._cache,
                digests=digests,
                memory=self._memory,
                debias=correction,
                tick=tick,
            )

        for key in keys:
            self._evaluate(measure, step, key)
            if not self._keeps_vectors:
                shutil.rmtree(self._cache, ignore_errors=True)

    def _estimate(self, encoders: Sequence[Encoder], debias: Debias, digests: Mapping[str, str]) -> Correction:
        from engine.evaluation.debias.estimating import estimate_correction

        correction = estimate_correction(
            encoders,
            debias.corpora,
            debias.system,
            list(self.benchmarks.values()),
            cache=self._cache,
            digests=digests,
            tick=self._session.progress,
        )
        if kept := correction.protocol.uncorrected:
            message = f"system.debias: too few training pairs, vectors stay as they are: {', '.join(kept)}"
            self._session.emit(events.Warning(message=message))
        return correction

    def evaluate_system(self, system: System, keys: Iterable[str] | None = None) -> None:
        """The same for a system that is no encoder, which has no steps.

        Raises:
            ConfigError: it does not fit a benchmark; names file and place.
            Leave: as above.
        """
        from engine.evaluation.systems.system import evaluate_system

        for key in self.benchmarks if keys is None else keys:
            self._evaluate(lambda of, tick: evaluate_system(system, of, memory=self._memory, tick=tick), 0, key)

    def _evaluate(self, measure: Callable[[Benchmark, Tick], Evaluation], step: int, key: str) -> None:
        from engine.evaluation.results import write_results

        session = self._session
        start = time.monotonic()
        session.emit(events.EvalStarted(benchmark=key, step=step))
        reported = start

        def tick(what: str, done: int, total: int | None) -> None:
            nonlocal reported
            now = time.monotonic()
            if total is None:
                session.progress(what, done, None)  # as of reading a file; obeys commands
                return
            if now - reported >= _PROGRESS_SECONDS or done == total:
                reported = now
                session.emit(events.EvalProgress(benchmark=key, step=step, what=what, done=done, total=total))
            session.boundary(within="work")

        evaluation = measure(self.benchmarks[key], tick)
        write_results(evaluation, results_folder(session.folder, step, key))
        seconds = time.monotonic() - start
        session.emit(events.EvalFinished(benchmark=key, step=step, seconds=seconds, result=evaluation.result))
