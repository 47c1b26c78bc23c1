"""The work of one attempt: prepares data, encoder and trainer, and is what the training loop reports to.

Heavy imports stand inside ``Work.__init__``, after the device is free: a queued run holds no memory.
"""

from __future__ import annotations

import math
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine import events
from engine.config import ConfigError, RunConfig, languages_for
from engine.events import from_number
from engine.worker.loading import build_trainer, import_frameworks, load_corpora, set_up_torch
from engine.worker.session import Session

if TYPE_CHECKING:
    from engine.data.benchmark import Benchmark
    from engine.data.corpus import ParallelCorpus
    from engine.distributed.lead import Lead
    from engine.training.selection import Standing
    from engine.training.trainer import StepRecord
    from engine.worker.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Finished:
    """How training ended."""

    selected_step: int | None  # whose weights are in model/, where validation chose them
    early: bool  # before max_steps


class Work:
    """Everything one attempt holds in memory. Implements engine.training.loop.Observer."""

    def __init__(self, session: Session, config: RunConfig, lead: Lead | None = None) -> None:
        """``lead``: the other ranks of the run, where there are any; its device is held already."""
        from engine.worker.devices import share_cores, wait_for_device

        self._session, self._config, self._lead = session, config, lead
        share_cores()
        self.device = wait_for_device(config.runtime, session) if lead is None else lead.device
        session.begin()

        import_frameworks()
        set_up_torch(config.runtime, 1 if lead is None else lead.processes)
        ranks = None if lead is None else lead.ranks
        from engine.training.checkpoint import check_whole, checkpoint_at, load_checkpoint, newest_whole
        from engine.worker.card import trained_sources

        corpora = load_corpora(config, session.progress)
        self._benchmarks = {spec.partition("=")[0]: self._load_benchmark(spec) for spec in config.evaluation.benchmarks}
        self._check_overlap(corpora)
        self._sources = trained_sources(config, corpora)
        checkpoint: Path | None
        if session.state.selected_step is not None:  # finished, and here only to be evaluated
            checkpoint = checkpoint_at(session.folder.checkpoints, session.state.selected_step)
            check_whole(checkpoint)
        else:
            checkpoint = newest_whole(session.folder.checkpoints, self._warn)
        self.trainer = build_trainer(config, corpora, self.device.torch_device, session.progress, ranks, checkpoint)
        if checkpoint is not None:
            load_checkpoint(self.trainer, checkpoint, checked=True)
        self._tell_of_model()
        if lead is not None:
            lead.begin(checkpoint, lambda: session.progress("starting the other ranks", 0, None))
        self._saved_step = self.trainer.step if checkpoint is not None else None
        self._micro_batch = self.trainer.tokens_per_micro_batch
        session.checkpoint = self.save
        session.evaluate = lambda: self.evaluate(again=True)
        if lead is not None:
            session.astray = lambda: lead.astray

    def train(self) -> Finished:
        """Trains to the end and leaves the model in ``model/``: that of the last step, or of the best one."""
        from engine.training.loop import train

        if self.trainer.step != self._session.state.step:
            # The newest checkpoint was damaged and an older one taken: what was announced is not what was restored.
            resumed = events.RunResumed(from_step=self.trainer.step, host=socket.gethostname(), pid=os.getpid())
            self._session.emit(resumed)
        try:
            self._session.telemetry = self._telemetry().sample
            train(self.trainer, self._config, self)
            early = self.trainer.step < self._config.optimizer.max_steps
            return Finished(self._save_model(early), early)
        finally:
            self._session.telemetry = None
            self.trainer.close()
            self.device.release()

    def boundary(self) -> None:
        self._session.boundary()

    def record(self, record: StepRecord) -> None:
        self._session.record(record)
        for note in record.notes:
            self._session.emit(events.Warning(message=note))
        if self.trainer.tokens_per_micro_batch != self._micro_batch:
            # Memory ran out. What goes on from an older checkpoint might not find it out at the same step, and its
            # dropout masks would be others.
            self._micro_batch = self.trainer.tokens_per_micro_batch
            self.checkpoint()

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
        best = self._standing().best_step if self._config.evaluation.select == "best" else None
        saved = save_checkpoint(self.trainer, self._session.folder.checkpoints, self._config.checkpoint.keep, best)
        self._saved_step = saved.step
        path = str(saved.path.relative_to(self._session.folder.path))
        self._session.emit(events.CheckpointSaved(step=saved.step, path=path, bytes=saved.bytes, seconds=saved.seconds))

    def evaluate(self, *, again: bool = False) -> bool:
        """Evaluates on every benchmark of the config that this step was not evaluated on (all with ``again``).

        Returns:
            Whether validation has stopped improving. An evaluation that somebody asked for (``again``) is no
            validation: what is chosen does not depend on who watches.
        """
        done = {(point.step, point.benchmark) for point in self._session.state.evaluations}
        for key in self._benchmarks:
            if again or (self.trainer.step, key) not in done:
                self._evaluate(key)
        if again or self._config.evaluation.validation is None:
            return False
        if self._config.evaluation.validation == "loss" or self._config.evaluation.select == "best":
            self._validate()
        patience = self._config.evaluation.patience
        return 0 < patience <= self._standing().since_best

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

        with self.trainer.finished() as own:
            encoder = own if self._lead is None else self._lead.encoder(own)
            evaluation_run = run_benchmark(encoder, self._benchmarks[key], tick)
        write_results(evaluation_run, session.folder.results / f"step-{step:06d}" / key)
        session.emit(
            events.EvalFinished(
                benchmark=key, step=step, seconds=time.monotonic() - start, result=evaluation_run.result
            )
        )

    def _standing(self) -> Standing:
        """Of the validations up to the trainer's step."""
        from engine.training.selection import Standing

        points = [point for point in self._session.state.validations if point.step <= self.trainer.step]
        if not points:
            return Standing()
        value = points[-1].best_value
        return Standing(points[-1].best_step, None if value is None else from_number(value), points[-1].since_best)

    def _validate(self) -> None:
        """Measures what the checkpoint is chosen by, unless this step has it; the best one so far is saved first."""
        from engine.training.selection import lower_is_better, measure_of

        session, step, evaluation = self._session, self.trainer.step, self._config.evaluation
        if any(point.step == step for point in session.state.validations):
            return
        start = time.monotonic()
        value = self._validation_value()
        seconds = time.monotonic() - start
        former = self._standing()
        standing = former.after(step, value, lower_is_better=lower_is_better(evaluation))
        if evaluation.select == "best" and standing.best_step == step:
            try:
                self.save()
            except OSError as error:
                message = f"step {step:,} is the best so far and cannot be saved, so that it is passed over: {error}"
                session.emit(events.Warning(message=message))
                standing = former.after(step, math.nan, lower_is_better=True)
        session.emit(
            events.Validation(
                step=step,
                measure=measure_of(evaluation),
                value=events.to_number(value),
                best_step=standing.best_step,
                best_value=standing.best_value,
                since_best=standing.since_best,
                seconds=seconds if evaluation.validation == "loss" else 0.0,
            )
        )

    def _validation_value(self) -> float:
        evaluation, step = self._config.evaluation, self.trainer.step
        if evaluation.validation == "loss":
            assert self.trainer.validation is not None
            with self.trainer.finished() as encoder:
                return self.trainer.validation(
                    encoder, self.trainer.loss, lambda: self._session.boundary(within="work")
                )
        result = next(
            point.result
            for point in self._session.state.evaluations
            if (point.step, point.benchmark) == (step, evaluation.validation)
        )
        value = result.metrics.get(evaluation.validation_metric)
        if value is None:
            raise ConfigError(
                f"evaluation.validation_metric: {evaluation.validation} has no {evaluation.validation_metric}"
            )
        return value

    def _save_model(self, early: bool) -> int | None:
        """The final model with its card, complete or not there: written beside its place and moved in.

        Returns:
            The step whose weights were chosen, where the config asks for the best one and it can still be read.
        """
        from engine.files import write_folder
        from engine.training.checkpoint import DamagedCheckpoint, checkpoint_at, load_checkpoint
        from engine.training.errors import NonFiniteError
        from engine.training.skipping import all_finite
        from engine.worker.card import write_card

        best = self._standing().best_step if self._config.evaluation.select == "best" else None
        if best is not None and best != self.trainer.step:
            try:
                load_checkpoint(self.trainer, checkpoint_at(self._session.folder.checkpoints, best))
            except DamagedCheckpoint as error:
                self._warn(f"the model is that of the last step, not of the best one: {error}")
                best = None
        with self.trainer.finished() as encoder:
            if not all_finite(encoder.parameters()):
                raise NonFiniteError(f"optimizer: some weights of step {self.trainer.step:,} are infinite or NaN")

            def fill(folder: Path) -> None:
                encoder.save(folder)
                try:
                    write_card(folder, self._session.folder, encoder, self._sources, self.trainer.step, early=early)
                except Exception as error:  # the model is what hours of training were for
                    self._session.emit(
                        events.Warning(message=f"the model has no card: {type(error).__name__}: {error}")
                    )

            write_folder(self._session.folder.model, fill)
        return best

    def _tell_of_model(self) -> None:
        """What was loaded, and in the first attempt what a person should know about it."""
        encoder = self.trainer.encoder
        protocol = encoder.protocol()
        counts = [(parameter.numel(), parameter.requires_grad) for parameter in encoder.parameters()]
        self._session.emit(
            events.ModelLoaded(
                name=self._config.model.name,
                revision=encoder.revision,
                parameters=sum(count for count, _ in counts),
                trained=sum(count for count, is_trained in counts if is_trained),
                width=encoder.width,
                modules=protocol["modules"],
                options=asdict(encoder.options),
                origins=dict(encoder.origins),
                attention=protocol["attention"],
                precision=protocol["precision"],
            )
        )
        if self._session.attempt == 1:
            for note in encoder.notes:
                self._warn(note)

    def _warn(self, message: str) -> None:
        self._session.emit(events.Warning(message=message))

    def _telemetry(self) -> Telemetry:
        from engine.worker.telemetry import Telemetry, peak_flops

        device = self.device.torch_device
        return Telemetry(self.device.name, device, peak_flops(device, self.trainer.encoder.autocast))
