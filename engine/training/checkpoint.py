"""Checkpoints: everything a run needs to go on bit for bit.

``checkpoints/step-000400/`` holds

- the encoder, its head included, as a model folder (``DualEncoder.save``), of averaged weights and with adapters
  merged where there are such (``Trainer.finished``): it loads as a model too;
- weights.safetensors: where the folder's weights are not those that are trained, these: ``trained/<parameter name>``
  and, of an average, ``average/<parameter name>``;
- optimizer.safetensors: AdamW's state, ``<state>/<parameter name>``;
- loss.safetensors: the log temperature, where it is learned;
- scaler.safetensors: the state of the loss's scaler (``LossScaler.state``), where the model runs in float16;
- position.json, written last: the step, the size of micro-batches, the updates that were left out, whether all weights
  are finite, and size and SHA-256 of every other file.

Random numbers need no state: batches (engine.training.plan) and dropout masks (engine.training.backward) are keyed by
the step. Older checkpoints hold an rng.safetensors, which is checked like every file and not used. All tensor files
have the same bytes for the same values.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.config import ConfigError
from engine.encoder import DualEncoder
from engine.encoder.static import StaticEmbedding
from engine.encoder.tensor_files import recording_digests, save_file
from engine.files import errno_of, present, remove_leftovers, write_folder
from engine.model_description import files_of
from engine.training.ranks import RankGroup
from engine.training.trainer import Trainer, trained_parameters

_POSITION = "position.json"
_NAME = re.compile(r"step-(\d+)")
_SCALER = "scaler.safetensors"
_MOST_SPARE_BYTES = 64 << 20  # beside the tensors: tokenizer, descriptions, room for the event log
_SPARE_SHARE = 0.1  # of the tensors: on a nearly full disk a small checkpoint is not refused for the sake of the rest


class CheckpointError(OSError):
    """A checkpoint that could not be written or read; the message is one line."""


class DamagedCheckpoint(CheckpointError):  # noqa: N818 - names what was found
    """A file is missing, cannot be read, or has other bytes than were written; nothing was loaded."""


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    step: int
    path: Path
    bytes: int
    seconds: float


class _File(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class _Position(msgspec.Struct, frozen=True):
    step: int
    files: dict[str, _File]  # by path relative to the checkpoint
    frozen: str | None = None  # with adapters: digest of the weights beneath, which the checkpoint does not hold
    tokens_per_micro_batch: int | None = None  # what the run had come down to; None: from before there were any
    without_state: list[str] = []  # parameters that the optimizer has no state of: they never had a gradient
    skipped: int = 0  # updates left out
    skipped_in_a_row: int = 0
    finite: bool = True  # no weight is infinite or NaN


def save_checkpoint(trainer: Trainer, folder: Path, keep: int, best: int | None = None) -> CheckpointInfo:
    """Writes ``folder``/step-NNNNNN, then removes all others but the ``keep`` newest and the one of step ``best``.

    One with weights that are not finite is nothing to go on from: it counts for none of the ``keep``.

    Raises:
        CheckpointError: no space, or the disk failed; older checkpoints are untouched.
    """
    start = time.perf_counter()
    path = checkpoint_at(folder, trainer.step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        _check_space(trainer, folder)
        with trainer.unfinished():
            write_folder(path, lambda temporary: _write(trainer, temporary))
    except (OSError, SafetensorError) as error:
        failure = CheckpointError(f"cannot write {path.name}: {error}")
        failure.errno = errno_of(error)
        raise failure from error
    checkpoints = _by_step(folder)
    kept = [other for other in checkpoints if _may_be_finite(other)][-keep:]
    kept += [path] if best is None else [path, checkpoint_at(folder, best)]
    for old in checkpoints:
        if old not in kept:
            shutil.rmtree(old, ignore_errors=True)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return CheckpointInfo(trainer.step, path, size, time.perf_counter() - start)


def checkpoint_at(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies, if there is one."""
    return folder / f"step-{step:06d}"


def step_of(path: Path) -> int:
    """The inverse of ``checkpoint_at``, also for a checkpoint that lies aside (engine.files.present)."""
    match = _NAME.search(path.name)
    assert match is not None, path
    return int(match[1])


def newest_whole(folder: Path, warn: Callable[[str], object]) -> Path | None:
    """The newest whole checkpoint of ``folder`` with finite weights; tells of newer ones. None: there is none."""
    for path in reversed(_by_step(folder)):
        if not _may_be_finite(path):
            warn(f"an older checkpoint is taken, or the beginning: weights of {path} are infinite or NaN")
            continue
        try:
            check_whole(path)
        except DamagedCheckpoint as error:
            warn(f"an older checkpoint is taken, or the beginning: {error}")
        else:
            return path
    return None


def check_whole(path: Path) -> None:
    """
    Raises:
        DamagedCheckpoint: a file of it is missing, or has other bytes than were written.
    """
    position = _read_position(path)
    if position is None:
        raise DamagedCheckpoint(f"{path} is no checkpoint")
    for name, file in position.files.items():
        if not _is_whole(path / name, file):
            raise DamagedCheckpoint(f"{path / name} is damaged")


def load_checkpoint(trainer: Trainer, path: Path, *, checked: bool = False) -> None:
    """Puts ``trainer`` where the one that saved ``path`` stood; both have the same configuration.

    ``checked``: ``check_whole`` has found nothing wrong with it.

    Raises:
        DamagedCheckpoint: found before anything is loaded; the trainer is as it was.
        CheckpointError: it belongs to another configuration; the trainer is then unusable.
    """
    if not checked:
        check_whole(path)
    position = _read_position(path)
    if position is None:
        raise DamagedCheckpoint(f"{path} is no checkpoint")
    try:
        _load_encoder(trainer, path, position)
        _load_optimizer(trainer, load_file(path / "optimizer.safetensors"), position.without_state)
        if trainer.config.loss.learned_temperature:
            trainer.loss.load_state_dict(load_file(path / "loss.safetensors"))
        # "auto" may be float16 on this GPU and was not on the one before, or the other way around.
        if trainer.scaler is not None and _SCALER in position.files:
            trainer.scaler.load_state(load_file(path / _SCALER))
    except (SafetensorError, RuntimeError, KeyError, OSError, ConfigError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} does not fit this configuration: {reason}") from error
    trainer.step = position.step
    trainer.skipped.load_state(position.skipped, position.skipped_in_a_row)
    if position.tokens_per_micro_batch is not None:
        trainer.tokens_per_micro_batch = position.tokens_per_micro_batch


def _by_step(folder: Path) -> list[Path]:
    """All checkpoints, whole or not, the newest last."""
    steps = {int(name[5:]): path for name, path in present(folder, "step-").items() if name[5:].isdecimal()}
    return [path for _, path in sorted(steps.items())]


def _write(trainer: Trainer, folder: Path) -> None:
    with recording_digests() as digests:
        with trainer.ranks.whole(trainer.encoder):
            finite = trainer.is_finite()
            with trainer.finished() as encoder:
                encoder.save(folder)
        if trainer.config.lora.rank or trainer.average is not None:
            save_file(_weights(trainer), folder / "weights.safetensors")
        save_file(_optimizer_state(trainer), folder / "optimizer.safetensors")
        if trainer.config.loss.learned_temperature:
            save_file(trainer.loss.state_dict(), folder / "loss.safetensors")
        if trainer.scaler is not None:
            save_file(trainer.scaler.state(), folder / _SCALER)
    files = {
        str(file.relative_to(folder)): _File(file.stat().st_size, digests.get(file) or _sha256(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    frozen = trainer.frozen_digest if trainer.config.lora.rank else None
    skipped, skipped_in_a_row = trainer.skipped.state()
    position = _Position(
        step=trainer.step,
        files=files,
        frozen=frozen,
        tokens_per_micro_batch=trainer.tokens_per_micro_batch,
        without_state=_without_state(trainer),
        skipped=skipped,
        skipped_in_a_row=skipped_in_a_row,
        finite=finite,
    )
    (folder / _POSITION).write_bytes(msgspec.json.format(msgspec.json.encode(position), indent=2) + b"\n")


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    """What is trained in the encoder, and its average."""
    tensors = {f"trained/{name}": value.detach() for name, value in trained_parameters(trainer.encoder)}
    if trainer.average is not None:
        tensors |= {f"average/{name}": value for name, value in trainer.average.tensors.items()}
    return tensors


@torch.no_grad()
def _load_encoder(trainer: Trainer, path: Path, position: _Position) -> None:
    if not trainer.config.lora.rank:
        _load_model_folder(trainer.encoder, path, trainer.ranks)
    elif position.frozen != trainer.frozen_digest:
        raise KeyError("the model that the adapters are for is another one now")
    if not trainer.config.lora.rank and trainer.average is None:
        return
    saved, expected = load_file(path / "weights.safetensors"), _weights(trainer)
    if saved.keys() != expected.keys():
        raise KeyError(f"weights for {min(saved.keys() ^ expected.keys())}")
    for name, tensor in expected.items():
        tensor.copy_(saved[name])


def _load_model_folder(encoder: DualEncoder, path: Path, ranks: RankGroup) -> None:
    """Through transformers, which may store parameters under other names than the module has."""
    model: Any = encoder.model
    encoder.head.load(files_of(path), ranks.part)
    if isinstance(model, StaticEmbedding):
        model.load_weights(path)
        return
    saved, report = type(model).from_pretrained(path, dtype=torch.float32, output_loading_info=True)
    expected = model.state_dict()
    if missing := sorted(expected.keys() & report["missing_keys"]):
        raise KeyError(f"no weights for {missing[0]}")
    tensors = {name: tensor for name, tensor in saved.state_dict().items() if name in expected}
    model.load_state_dict({name: ranks.part(tensor, expected[name]) for name, tensor in tensors.items()})


def _optimizer_state(trainer: Trainer) -> dict[str, Tensor]:
    """Empty before the first update."""
    state = trainer.optimizer_state()
    return dict(zip(state, trainer.ranks.whole_tensors(state.values()), strict=True))


def _without_state(trainer: Trainer) -> list[str]:
    """Of Longformer's global attention, for example, which no step of such a run uses."""
    return [name for name, parameter in trainer.named_parameters() if parameter not in trainer.optimizer.state]


def _load_optimizer(trainer: Trainer, tensors: dict[str, Tensor], without_state: list[str]) -> None:
    state = trainer.optimizer.state
    state.clear()
    parameters = dict(trainer.named_parameters())
    for key_and_name, value in tensors.items():
        key, _, name = key_and_name.partition("/")
        state[parameters[name]][key] = trainer.ranks.part(value, parameters[name])
    missing = [name for name, parameter in parameters.items() if parameter not in state and parameter.requires_grad]
    if tensors and (lost := sorted(set(missing) - set(without_state))):
        raise KeyError(f"no optimizer state for {lost[0]}")


def _check_space(trainer: Trainer, folder: Path) -> None:
    """The model, AdamW's two moments, and weights apart from the model's. A quota shows when the files are written."""
    model = sum(p.numel() * p.element_size() for p in trainer.encoder.parameters())
    trained = sum(p.numel() * p.element_size() for _, p in trainer.named_parameters())
    copies = 2 + (trainer.average is not None or trainer.config.lora.rank > 0) + (trainer.average is not None)
    tensors = model + copies * trained
    needed = tensors + min(_MOST_SPARE_BYTES, int(_SPARE_SHARE * tensors))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free")


def _read_position(path: Path) -> _Position | None:
    try:
        return msgspec.json.decode((path / _POSITION).read_bytes(), type=_Position)
    except (OSError, msgspec.MsgspecError):
        return None


def _may_be_finite(path: Path) -> bool:
    """Also where it cannot be read; reading it will tell why."""
    position = _read_position(path)
    return position is None or position.finite


def _is_whole(path: Path, file: _File) -> bool:
    try:
        return path.stat().st_size == file.bytes and _sha256(path) == file.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
