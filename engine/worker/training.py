"""A run's training as its folder sees it: steps, checkpoints, evaluations, and the model at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import events
from engine.config import RunConfig
from engine.encoder import DualEncoder
from engine.export.card import TrainedSource
from engine.export.card_facts import write_card
from engine.files import write_folder
from engine.training.checkpoint import DamagedCheckpoint, check_whole, checkpoint_at, load_checkpoint, save_checkpoint
from engine.training.errors import NonFiniteError
from engine.training.loop import Observer, train
from engine.training.skipping import all_finite
from engine.training.trainer import StepRecord, Trainer
from engine.worker.evaluating import Evaluator
from engine.worker.session import Finished, Session
from engine.worker.validating import Validator

if TYPE_CHECKING:
    from engine.distributed.encode import SharedEncoder
    from engine.distributed.mesh import Mesh


class Training:
    """Trains to the end. Implements engine.training.loop.Observer."""

    def __init__(
        self,
        session: Session,
        config: RunConfig,
        trainer: Trainer,
        evaluator: Evaluator,
        sources: Sequence[TrainedSource] = (),
        *,
        is_saved: bool = False,
        mesh: Mesh | None = None,
    ) -> None:
        """
        Args:
            sources: what the model card tells of the data.
            is_saved: there is a checkpoint of the step at which ``trainer`` stands.
            mesh: where the run has other ranks; this is the first.
        """
        self._session, self._config, self._trainer = session, config, trainer
        self._evaluator, self._sources, self._mesh = evaluator, sources, mesh
        self._validator = Validator(session, config.evaluation, trainer, self.save, self._shared)
        self._saved_step = trainer.step if is_saved else None
        self._micro_batch = trainer.tokens_per_micro_batch

    def train(self) -> Finished:
        """Trains to the end and leaves the model in ``model/``: that of the last step, or of the best one."""
        observer: Observer = self
        if self._mesh is not None:
            from engine.distributed.control import Leader

            observer = Leader(self, self._trainer, self._mesh.control)
        train(self._trainer, self._config, observer)
        early = self._trainer.step < self._config.optimizer.max_steps
        return Finished(self._save_model(early), early)

    def boundary(self) -> None:
        self._session.boundary()

    def record(self, record: StepRecord) -> None:
        self._session.record(record)
        for note in record.notes:
            self._warn(note)
        if self._trainer.tokens_per_micro_batch != self._micro_batch:
            # Memory ran out. What goes on from an older checkpoint might not find it out at the same step, and its
            # dropout masks would be others.
            self._micro_batch = self._trainer.tokens_per_micro_batch
            self.checkpoint()

    def checkpoint(self) -> None:
        """A scheduled save: one that fails is reported, and the run goes on with the older ones."""
        try:
            self.save()
        except OSError as error:
            self._warn(f"checkpoint at step {self._trainer.step:,} failed: {error}")

    def save(self) -> None:
        """Saves the trainer unless this step is saved already.

        Raises:
            OSError: no space, or the disk failed; older checkpoints are untouched.
        """
        if self._saved_step == self._trainer.step:
            return
        self._session.verify_ownership()
        self._session.flush()  # a run that goes on from this checkpoint does not repeat these steps
        folder = self._session.folder
        saved = save_checkpoint(
            self._trainer, folder.checkpoints, self._config.checkpoint.keep, self._validator.best_step
        )
        self._saved_step = saved.step
        path = str(saved.path.relative_to(folder.path))
        self._session.emit(events.CheckpointSaved(step=saved.step, path=path, bytes=saved.bytes, seconds=saved.seconds))

    def evaluate(self) -> bool:
        """Evaluates this step on the benchmarks it was not evaluated on; true: validation has stopped improving."""
        if missing := self._evaluator.missing(self._trainer.step):
            self._evaluate(missing)
        return self._validator.has_stopped_improving()

    def evaluate_again(self) -> None:
        """Evaluates this step on every benchmark, as a person asked.

        It is no validation: what is chosen does not depend on who watches.
        """
        self._evaluate(None)

    def _evaluate(self, keys: Sequence[str] | None) -> None:
        with self._trainer.finished() as encoder:
            self._evaluator.evaluate([self._shared(encoder)], self._trainer.step, keys)

    def _shared(self, encoder: DualEncoder) -> DualEncoder | SharedEncoder:
        """The encoder with the help of other ranks, where there are any."""
        if self._mesh is None:
            return encoder
        from engine.distributed.encode import SharedEncoder

        return SharedEncoder(encoder, self._mesh)

    def _save_model(self, early: bool) -> int | None:
        """The final model with its card, complete or not there: written beside its place and moved in.

        Returns:
            The step whose weights were chosen, where the config asks for the best one and it can still be read.
        """
        trainer, best = self._trainer, self._validator.best_step
        if best is not None and best != trainer.step:
            try:
                checkpoint = checkpoint_at(self._session.folder.checkpoints, best)
                check_whole(checkpoint)
                trainer.ranks.load(checkpoint)
                load_checkpoint(trainer, checkpoint, checked=True)
            except DamagedCheckpoint as error:
                self._warn(f"the model is that of the last step, not of the best one: {error}")
                best = None
        with trainer.finished() as encoder, trainer.ranks.whole(encoder):
            if not all_finite(encoder.parameters()):
                raise NonFiniteError(f"optimizer: some weights of step {trainer.step:,} are infinite or NaN")

            def fill(folder: Path) -> None:
                encoder.save(folder)
                try:
                    write_card(folder, self._session.folder, encoder, self._sources, trainer.step, early=early)
                except Exception as error:  # the model is what hours of training were for
                    self._warn(f"the model has no card: {type(error).__name__}: {error}")

            write_folder(self._session.folder.model, fill)
        return best

    def _warn(self, message: str) -> None:
        self._session.emit(events.Warning(message=message))
