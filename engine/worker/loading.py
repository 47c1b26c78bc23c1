"""What every process of a run builds before it trains: settings of torch, corpora, encoder and trainer.

All ranks come through here, so that what one of them builds is what the others build.
"""

from __future__ import annotations

import copy
import gc
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import events
from engine.config import ConfigError, RunConfig, RuntimeConfig, SystemConfig
from engine.machine.cores import usable_cores
from engine.progress import Tick
from engine.worker.session import Session

if TYPE_CHECKING:
    import torch

    from engine.data.benchmark import Benchmark
    from engine.data.corpus import ParallelCorpus
    from engine.encoder import DualEncoder
    from engine.evaluation.systems.system import System
    from engine.training.ranks import Processes
    from engine.training.trainer import Trainer

_ALLOCATOR_SETTINGS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")  # the second is torch's older name of it


def import_frameworks() -> None:
    """Imports torch and transformers without looking for cycles among the objects that they make, then or later.

    They make so many, nearly all to stay, that the search takes an eighth of the seconds that the imports last.
    """
    if not any(name in os.environ for name in _ALLOCATOR_SETTINGS):
        # Every step asks for other sizes. Segments that grow leave no holes between them for want of a larger one.
        os.environ[_ALLOCATOR_SETTINGS[0]] = "expandable_segments:True"
    gc.disable()
    try:
        import engine.encoder  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


def set_up_torch(runtime: RuntimeConfig, processes: int = 1) -> None:
    """Threads, determinism and TF32; to be called before anything is computed.

    ``processes``: the ranks on this machine, which share ``runtime.threads``.
    """
    if runtime.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    import torch

    threads = runtime.threads or usable_cores()
    torch.set_num_threads(max(1, threads // processes))
    torch.use_deterministic_algorithms(runtime.deterministic)
    from engine.encoder.precision import allow_tf32

    allow_tf32(runtime.tf32)


def load_corpora(config: RunConfig, tick: Tick) -> list[ParallelCorpus]:
    """Reads every source of the config."""
    from engine.data.sources import load_source

    tick("reading sources", 0, len(config.sources))
    corpora = []
    for source in config.sources:
        corpora.append(load_source(source, tick))
        tick("reading sources", len(corpora), len(config.sources))
    return corpora


def check_overlap(
    session: Session, corpora: Sequence[ParallelCorpus], benchmarks: Sequence[Benchmark], *, forbidden: bool
) -> None:
    """Warns of benchmark texts among the training texts, and keeps the report in the run's folder.

    Raises:
        ConfigError: there are such texts, and they are ``forbidden``.
    """
    from engine.data.overlap import find_overlaps, write_report

    path = session.folder.results / "overlap.json"
    if path.exists():
        return  # an earlier attempt has looked
    overlaps = find_overlaps(corpora, benchmarks, session.progress)
    leaks = [overlap for overlap in overlaps if overlap.leaks]
    if leaks and forbidden:
        raise ConfigError(f"evaluation.forbid_overlap: {leaks[0].message()}")
    write_report(overlaps, path)  # only now: a resumed attempt takes the report for permission
    for overlap in leaks:
        session.emit(events.Warning(message=overlap.message()))


def load_trained_encoder(config: RunConfig, checkpoint: Path | None, device: torch.device, tick: Tick) -> DualEncoder:
    """The encoder that ``checkpoint`` holds as it is evaluated; None: the one that training starts from.

    Only "tiny", before its first checkpoint, needs the texts that it would be trained on.

    Raises:
        ConfigError: names the field.
    """
    from engine.encoder import load_encoder

    def texts() -> Iterator[str]:
        from engine.training.validation import split_corpora

        for corpus in split_corpora(config, load_corpora(config, tick))[0]:
            yield from corpus.questions
            yield from corpus.passages

    encoder = load_encoder(config.model, device, texts=texts(), seed=config.seed, saved=checkpoint)
    encoder.precision, encoder.layout = config.runtime.precision, config.runtime.layout
    return encoder


def load_measured_encoders(
    config: RunConfig, devices: Sequence[str], benchmarks: Sequence[Benchmark]
) -> list[DualEncoder]:
    """The encoder of an evaluation, and a copy of it on each further GPU.

    Args:
        devices: the first is the encoder's; ("cpu", "cpu") is one device.

    Raises:
        ConfigError: names the field; also where its tokenizer does not know the words of a benchmark.
    """
    import torch

    from engine.encoder import load_encoder
    from engine.encoder.loading import check_vocabulary
    from engine.encoder.precision import substitution_note

    device, *others = (torch.device(name) for name in dict.fromkeys(devices))
    encoder = load_encoder(config.model, device)
    encoder.precision, encoder.layout = config.runtime.precision, config.runtime.layout
    if note := substitution_note(device, encoder.precision, encoder.autocast):
        encoder.notes = (*encoder.notes, note)
    for benchmark in benchmarks:
        check_vocabulary(encoder, [("query", benchmark.query_texts), ("passage", benchmark.candidate_texts)])
    return [encoder, *(copy.deepcopy(encoder).to(other) for other in others)]


def measured_system(config: SystemConfig) -> System:
    """What an evaluation measures that is no encoder."""
    from engine.evaluation.systems.system import Bm25, SavedVectors, TrecRun

    if config.kind == "bm25":
        return Bm25()
    assert config.path is not None  # engine.config.problems
    return SavedVectors(Path(config.path)) if config.kind == "vectors" else TrecRun(Path(config.path))


def build_trainer(
    config: RunConfig,
    corpora: list[ParallelCorpus],
    device: torch.device,
    tick: Tick,
    ranks: Processes | None = None,
    saved: Path | None = None,
) -> Trainer:
    """The encoder as the config says and its trainer, at step 0; ``corpora``: of the config's sources, in order.

    What the config holds out for a validation loss is not trained on. ``saved``: the checkpoint that the run goes on
    from, whose encoder is taken as it was saved.

    Raises:
        ConfigError: no batch can be drawn from these corpora, or the model does not know their words; names the field.
    """
    from engine.encoder import load_encoder
    from engine.encoder.loading import check_vocabulary
    from engine.training.trainer import Trainer
    from engine.training.validation import ValidationLoss, split_corpora

    corpora, held_out = split_corpora(config, corpora)
    texts = (text for corpus in corpora for column in (corpus.questions, corpus.passages) for text in column)
    encoder = load_encoder(
        config.model, device, texts=texts, seed=config.seed, saved=saved, base_weights=config.lora.rank > 0
    )
    if config.model.name != "tiny":
        check_vocabulary(
            encoder,
            [
                collection
                for corpus in corpora
                for collection in (("query", corpus.questions), ("passage", corpus.passages))
            ],
        )

    trainer = Trainer(config, encoder, corpora, device, ranks=ranks, tick=tick)
    if held_out and trainer.ranks.rank == 0:
        trainer.validation = ValidationLoss(config, held_out, trainer.encoder, tick)
    return trainer
