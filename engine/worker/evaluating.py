"""Evaluations of a run: an encoder on the benchmarks of the config, into the run's folder and its log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine import events
from engine.config import EvaluationConfig, languages_for, parse_benchmark
from engine.worker.session import Session

if TYPE_CHECKING:
    from engine.data.benchmark import Benchmark
    from engine.evaluation.vectors import Encoder

_PROGRESS_SECONDS = 0.5


class Evaluator:
    """Evaluates encoders for one run.

    Attributes:
        benchmarks: those of the config, by key, in its order.
    """

    def __init__(self, session: Session, config: EvaluationConfig) -> None:
        """Loads the benchmarks.

        Raises:
            ConfigError: one of them cannot be read; names file, line and field.
        """
        self._session = session
        self.benchmarks = {parse_benchmark(spec)[0]: _load(spec, config, session) for spec in config.benchmarks}

    def missing(self, step: int) -> list[str]:
        """The benchmarks that ``step`` was not evaluated on yet."""
        done = {(point.step, point.benchmark) for point in self._session.state.evaluations}
        return [key for key in self.benchmarks if (step, key) not in done]

    def evaluate(self, encoder: Encoder, step: int, keys: Iterable[str] | None = None) -> None:
        """Evaluates the encoder of ``step`` on the benchmarks ``keys``, or on all of them.

        Raises:
            Leave: a pause or stop was asked for; the benchmark under way is evaluated anew by whoever resumes.
        """
        keys = list(self.benchmarks if keys is None else keys)
        digests = encoder.digests() if keys else {}  # hashing all weights takes seconds: once for all benchmarks
        for key in keys:
            self._evaluate(encoder, digests, step, key)

    def _evaluate(self, encoder: Encoder, digests: dict[str, str], step: int, key: str) -> None:
        from engine.data.cache import cache_folder
        from engine.evaluation.benchmarking import evaluate_model
        from engine.evaluation.results import write_results

        session = self._session
        start = time.monotonic()
        session.emit(events.EvalStarted(benchmark=key, step=step))
        reported = start

        def tick(what: str, done: int, total: int | None) -> None:
            nonlocal reported
            assert total is not None  # an evaluation knows how much there is to do
            now = time.monotonic()
            if now - reported >= _PROGRESS_SECONDS or done == total:
                reported = now
                session.emit(events.EvalProgress(benchmark=key, step=step, what=what, done=done, total=total))
            session.boundary(within="work")

        cache = cache_folder() / "runs" / session.folder.id  # the vectors of one step are of no use to another
        evaluation = evaluate_model([encoder], self.benchmarks[key], cache=cache, digests=digests, tick=tick)
        write_results(evaluation, session.folder.results / f"step-{step:06d}" / key)
        shutil.rmtree(cache, ignore_errors=True)
        seconds = time.monotonic() - start
        session.emit(events.EvalFinished(benchmark=key, step=step, seconds=seconds, result=evaluation.result))


def _load(spec: str, config: EvaluationConfig, session: Session) -> Benchmark:
    from engine.data.sources import load_benchmark

    return load_benchmark(
        spec,
        languages_for(parse_benchmark(spec)[0], config.languages),
        config.unit,
        config.articles,
        drop_own_id=config.drop_own_id,
        tick=session.progress,
    )
