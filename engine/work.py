"""The work of one attempt: prepares data, encoder and trainer, and is what the training loop reports to.

Heavy imports stand inside ``Work.__init__``, after the device is free: a queued run holds no memory.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from engine import events
from engine.config import ConfigError, RunConfig, languages_for
from engine.preparation import build_trainer, load_corpora, set_up_torch
from engine.runs.session import Session

if TYPE_CHECKING:
    from engine.data.benchmark import Benchmark
    from engine.data.corpus import ParallelCorpus
    from engine.training.trainer import StepRecord


class Work:
    """Everything one attempt holds in memory. Implements engine.training.loop.Observer."""

    def __init__(self, session: Session, config: RunConfig) -> None:
        from engine.device import share_cores, wait_for_device

        self._session, self._config = session, config
        share_cores()
        self.device = wait_for_device(config.runtime, session)

        set_up_torch(config.runtime)
        from engine.training.checkpoint import load_checkpoint, newest_checkpoint

        corpora = load_corpora(config, session.progress)
        self._benchmarks = {spec.partition("=")[0]: self._load_benchmark(spec) for spec in config.evaluation.benchmarks}
        self._check_overlap(corpora)
        self.trainer = build_trainer(config, corpora, self.device.torch_device, session.progress)
        checkpoint = newest_checkpoint(session.folder.checkpoints)
        if checkpoint is not None:
            load_checkpoint(self.trainer, checkpoint)
        self._saved_step = self.trainer.step if checkpoint is not None else None
        session.checkpoint = self.save
        session.evaluate = lambda: self.evaluate(again=True)

    def train(self) -> None:
        """Trains to the last step and leaves the model in ``model/``."""
        from engine.training.loop import train

        if self.trainer.step != self._session.state.step:
            # The newest checkpoint was damaged and an older one taken: what was announced is not what was restored.
            resumed = events.RunResumed(from_step=self.trainer.step, host=socket.gethostname(), pid=os.getpid())
            self._session.emit(resumed)
        try:
            train(self.trainer, self._config, self)
            self._save_model()
        finally:
            self.trainer.close()
            self.device.release()

    def boundary(self) -> None:
        self._session.boundary()

    def record(self, record: StepRecord) -> None:
        self._session.record(record)

    def checkpoint(self) -> None:
        """A scheduled save: one that fails is reported, and the run goes on with the older ones."""
        try:
            self.save()
        except OSError as error:
            self._session.emit(events.Warning(message=f"checkpoint at step {self.trainer.step:,} failed: {error}"))

    def save(self) -> None:
        """Saves the trainer unless this step is saved already.

        Raises:
            OSError: no space, or the disk failed; older checkpoints are untouched.
        """
        from engine.training.checkpoint import save_checkpoint

        if self._saved_step == self.trainer.step:
            return
        self._session.verify_ownership()
        saved = save_checkpoint(self.trainer, self._session.folder.checkpoints, self._config.checkpoint.keep)
        self._saved_step = saved.step
        path = str(saved.path.relative_to(self._session.folder.path))
        self._session.emit(events.CheckpointSaved(step=saved.step, path=path, bytes=saved.bytes, seconds=saved.seconds))

    def evaluate(self, *, again: bool = False) -> None:
        """Evaluates on every benchmark of the config that this step was not evaluated on (all with ``again``)."""
        done = {(point.step, point.benchmark) for point in self._session.state.evaluations}
        for key in self._benchmarks:
            if again or (self.trainer.step, key) not in done:
                self._evaluate(key)

    def _load_benchmark(self, spec: str) -> Benchmark:
        from engine.data.sources import load_benchmark

        evaluation = self._config.evaluation
        return load_benchmark(
            spec,
            languages_for(spec.partition("=")[0], evaluation.languages),
            evaluation.unit,
            evaluation.articles,
            drop_own_id=evaluation.drop_own_id,
            tick=self._session.progress,
        )

    def _check_overlap(self, corpora: list[ParallelCorpus]) -> None:
        """Warns of benchmark texts among the training texts, and keeps what was found; refuses where that was asked."""
        from engine.data.overlap import find_overlaps, write_report

        path = self._session.folder.results / "overlap.json"
        if path.exists():
            return  # an earlier attempt has looked
        found = find_overlaps(corpora, list(self._benchmarks.values()), self._session.progress)
        leaks = [overlap for overlap in found if overlap.leaks]
        if leaks and self._config.evaluation.forbid_overlap:
            raise ConfigError(f"evaluation.forbid_overlap: {leaks[0].message()}")
        write_report(found, path)  # only now: a resumed attempt takes the report for permission
        for overlap in leaks:
            self._session.emit(events.Warning(message=overlap.message()))

    def _evaluate(self, key: str) -> None:
        from engine.evaluation.results import write_results
        from engine.evaluation.suite import run_benchmark

        session, step = self._session, self.trainer.step
        start = time.monotonic()
        session.emit(events.EvalStarted(benchmark=key, step=step))
        reported = start

        def tick(what: str, done: int, total: int) -> None:
            nonlocal reported
            now = time.monotonic()
            if now - reported >= 0.5 or done == total:
                reported = now
                session.emit(events.EvalProgress(benchmark=key, step=step, what=what, done=done, total=total))
            session.boundary(within="work")

        evaluation_run = run_benchmark(self.trainer.encoder, self._benchmarks[key], tick)
        write_results(evaluation_run, session.folder.results / f"step-{step:06d}" / key)
        session.emit(
            events.EvalFinished(
                benchmark=key, step=step, seconds=time.monotonic() - start, result=evaluation_run.result
            )
        )

    def _save_model(self) -> None:
        """The final model, complete or not there: written beside its place and moved in."""
        from engine.training.durable import write_folder

        write_folder(self._session.folder.model, self.trainer.encoder.save)
