"""What one attempt does once it is announced: wait for a device, load, then train or only evaluate.

Heavy imports stand inside functions, after the device is free: a queued run holds no memory.
"""

from __future__ import annotations

import os
import socket
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine import events
from engine.config import RunConfig, on_one_device
from engine.worker.devices import HeldDevice, share_cores, wait_for_device, wait_for_devices
from engine.worker.loading import check_overlap, import_frameworks, load_corpora, set_up_torch
from engine.worker.session import Finished, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.data.benchmark import Benchmark
    from engine.distributed.mesh import Mesh
    from engine.encoder import DualEncoder
    from engine.worker.evaluating import Debias

LOADING = "loading torch and transformers"  # twenty seconds on a slow disk, in which nothing else is told


def train(session: Session, config: RunConfig, mesh: Mesh | None = None, held: HeldDevice | None = None) -> Finished:
    """Trains from the newest whole checkpoint, or from the start, to the end.

    ``mesh``: of rank 0, where the run has others; its device is then held already.

    Raises:
        ConfigError: the config, a model or a file cannot be used; names it.
        Leave: a pause or stop was asked for and carried out.
    """
    device = _begin(session, config, held)
    from engine.export.card_facts import trained_sources
    from engine.training.checkpoint import load_checkpoint, newest_whole
    from engine.worker.evaluating import Evaluator
    from engine.worker.loading import build_trainer
    from engine.worker.telemetry import Telemetry, peak_flops
    from engine.worker.training import Training

    corpora = load_corpora(config, session.progress)
    evaluator = Evaluator(session, config.evaluation, keeps_vectors=False)
    check_overlap(session, corpora, list(evaluator.benchmarks.values()), forbidden=config.evaluation.forbid_overlap)
    sources = trained_sources(config, corpora)
    checkpoint = newest_whole(session.folder.checkpoints, lambda message: _warn(session, message))
    if mesh is not None:
        mesh.lead(checkpoint, lambda: session.progress("starting the other ranks", 0, None))
    trainer = build_trainer(config, corpora, device.torch_device, session.progress, mesh, checkpoint)
    try:
        if checkpoint is not None:
            load_checkpoint(trainer, checkpoint, checked=True)
        _report_model(session, config, trainer.encoder)
        training = Training(
            session,
            config,
            trainer,
            evaluator,
            sources,
            is_saved=checkpoint is not None,
            mesh=mesh,
        )
        session.checkpoint, session.evaluate = training.save, training.evaluate_again
        if trainer.step != session.state.step:
            # The newest checkpoint was damaged and an older one taken: what was announced is not what was restored.
            session.emit(events.RunResumed(from_step=trainer.step, host=socket.gethostname(), pid=os.getpid()))
        peak = peak_flops(device.torch_device, trainer.encoder.autocast)
        session.telemetry = Telemetry(device.name, device.torch_device, peak).sample
        return training.train()
    finally:
        session.telemetry = None
        trainer.close()
        device.release()


def evaluate(session: Session, config: RunConfig) -> None:
    """Evaluates the run as it stands on all its benchmarks; data to train on are not looked at.

    That is the checkpoint that validation chose, where the run is finished and has one, else the newest whole one, else
    the model that training would start from.

    Raises:
        ConfigError: a benchmark, or the model, cannot be read; names it.
        DamagedCheckpoint: the chosen checkpoint is not whole.
    """
    device = _begin(session, msgspec.structs.replace(config, runtime=on_one_device(config.runtime)))
    from engine.worker.evaluating import Evaluator
    from engine.worker.loading import load_trained_encoder

    try:
        evaluator = Evaluator(session, config.evaluation, keeps_vectors=False)
        checkpoint = _checkpoint_to_evaluate(session)
        encoder = load_trained_encoder(config, checkpoint, device.torch_device, session.progress)
        _report_model(session, config, encoder)
        evaluator.evaluate([encoder], _step_of(checkpoint))
    finally:
        device.release()


def measure(session: Session, config: RunConfig, *, again: bool = False) -> None:
    """The work of an evaluation: measures its system on the benchmarks that are not done yet, or on all ``again``.

    Raises:
        ConfigError: the system or a benchmark cannot be read; names it.
        Leave: a pause or stop was asked for and carried out; finished benchmarks are kept.
    """
    is_encoder = config.system.kind == "encoder"
    runtime = config.runtime if is_encoder else msgspec.structs.replace(config.runtime, devices="cpu")
    share_cores()
    held = wait_for_devices(runtime, session)
    session.begin()
    try:
        if is_encoder:
            session.emit(events.Progress(what=LOADING, done=0, total=None))
            import_frameworks()
        set_up_torch(runtime)
        from engine.worker.evaluating import Evaluator
        from engine.worker.loading import load_measured_encoders, measured_system

        evaluator = Evaluator(session, config.evaluation, keeps_vectors=True)
        benchmarks = list(evaluator.benchmarks.values())
        keys = None if again else evaluator.missing(0)
        if is_encoder:
            debias = _load_debias(session, config, benchmarks)
            encoders = load_measured_encoders(config, held.devices, benchmarks)
            _report_model(session, config, encoders[0])
            evaluator.evaluate(encoders, 0, keys, debias)
        else:
            evaluator.evaluate_system(measured_system(config.system), keys)
    finally:
        held.release()


def _load_debias(session: Session, config: RunConfig, benchmarks: Sequence[Benchmark]) -> Debias | None:
    """The correction of the vectors that the config asks for, with its pairs; None: it asks for none.

    Raises:
        ConfigError: a source cannot be read, or shares texts with a benchmark where that is forbidden.
    """
    if config.system.debias == "none":
        return None
    from engine.worker.evaluating import Debias

    corpora = load_corpora(config, session.progress)
    check_overlap(session, corpora, benchmarks, forbidden=config.evaluation.forbid_overlap)
    return Debias(config.system, corpora)


def _begin(session: Session, config: RunConfig, held: HeldDevice | None = None) -> HeldDevice:
    """Takes a device, and sets up what computes on it; nothing is left to do where it is ``held``."""
    if held is not None:
        session.begin()
        return held
    share_cores()
    device = wait_for_device(config.runtime, session)
    session.begin()
    session.emit(events.Progress(what=LOADING, done=0, total=None))
    import_frameworks()
    set_up_torch(config.runtime)
    return device


def _checkpoint_to_evaluate(session: Session) -> Path | None:
    from engine.training.checkpoint import check_whole, checkpoint_at, newest_whole

    folder = session.folder.checkpoints
    if session.state.selected_step is None:
        return newest_whole(folder, lambda message: _warn(session, message))
    chosen = checkpoint_at(folder, session.state.selected_step)
    check_whole(chosen)
    return chosen


def _step_of(checkpoint: Path | None) -> int:
    from engine.training.checkpoint import step_of

    return 0 if checkpoint is None else step_of(checkpoint)


def _report_model(session: Session, config: RunConfig, encoder: DualEncoder) -> None:
    """What was loaded, and in the first attempt what a person should know about it."""
    protocol = encoder.protocol()
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in encoder.parameters()]
    session.emit(
        events.ModelLoaded(
            name=config.model.name,
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
    if session.attempt == 1:
        for note in encoder.notes:
            _warn(session, note)


def _warn(session: Session, message: str) -> None:
    session.emit(events.Warning(message=message))
