"""What a run will cost, as far as former runs of the same model tell; what they do not tell is not made up.

Everything here reads files and is called in a worker thread.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.model_description import ModelDescription
from engine.mono_share import mono_share_text
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, newest_step, read_spec
from engine.runs.reader import RunReader
from engine.runs.state import RunState
from tui.follow.rows import RunRow
from tui.follow.run_time import Figure, evaluations_of, run_seconds
from tui.launch.encoding import lengths
from tui.launch.model_on_disk import ModelOnDisk

_BYTES_TRAINED = 16  # a parameter in float32: weight, gradient and Adam's two moments
_BYTES_SAVED = 12  # in a checkpoint: weight and both moments
_BYTES_WEIGHT = 4
_LEAST_STEPS = 5  # of a run whose speed is believed


@dataclass(frozen=True)
class Estimate:
    """Of everything that a start would begin, ``runs`` runs together; seconds and bytes."""

    runs: int
    steps: int
    pairs: int
    evaluations: int
    tokens: Figure
    memory: Figure  # of one run
    seconds: Figure
    disk: Figure
    free: int | None  # bytes of the disk that the runs home is on
    like: str = ""  # the former run that it is taken from; empty: there is none of this model
    differs: str = ""  # in what that run differs


@dataclass
class Formers:
    """The former runs of a home; their specs are read once, and the logs only of those that are asked for."""

    home: Path
    rows: Sequence[RunRow]
    _configs: list[tuple[RunRow, RunConfig]] | None = None
    _states: dict[Path, RunState] = field(default_factory=dict)

    def most_like(self, config: RunConfig, described: ModelDescription) -> tuple[RunRow, RunConfig] | None:
        """The run that tells most about ``config``: of the same model and lengths, on the same kind of device.

        ``described``: what the model of ``config`` says of itself.
        """
        if self._configs is None:
            self._configs = [(row, found) for row in self.rows if (found := _config(row.folder)) is not None]
        fitting = [(row, former) for row, former in self._configs if _is_like(row, former, config, described)]
        return max(fitting, key=lambda pair: _likeness(pair[0], pair[1], config), default=None)

    def state(self, folder: RunFolder) -> RunState:
        if folder.path not in self._states:
            reader = RunReader(folder)
            reader.poll()
            self._states[folder.path] = reader.state
        return self._states[folder.path]


def estimate(configs: Sequence[RunConfig], formers: Formers, files: ModelOnDisk | None = None) -> Estimate:
    """For the runs that would be started together, which differ in mono share and seed only.

    ``files``: those of their model, where they are on this disk.
    """
    config, runs = configs[0], len(configs)
    steps, evaluations = config.optimizer.max_steps, evaluations_of(config)
    common: dict[str, Any] = {
        "runs": runs, "steps": steps, "pairs": runs * steps * config.batch.size, "evaluations": evaluations,
        "free": free_bytes(formers.home),
    }  # fmt: skip
    found = formers.most_like(config, (files and files.described) or ModelDescription())
    if found is None:
        known = files.parameters() if files is not None else None
        none = Figure(None)
        memory = none if known is None else Figure(known * _BYTES_TRAINED, at_least=True)
        saved = _checkpoints_kept(config) * _BYTES_SAVED + _BYTES_WEIGHT
        disk = none if known is None else Figure(runs * known * saved, at_least=True)
        return Estimate(tokens=none, memory=memory, seconds=none, disk=disk, **common)
    row, former = found
    state = formers.state(row.folder)
    scale = config.batch.size / former.batch.size
    tokens = None if state.tokens_per_step is None else runs * steps * state.tokens_per_step * scale
    return Estimate(
        tokens=Figure(tokens, "" if tokens is not None else f"{row.name} did not tell", unsure=True),
        memory=_memory(state, scale),
        seconds=run_seconds(config, state, runs, scale),
        disk=Figure(runs * _disk(row.folder, config, state), unsure=True),
        like=row.name,
        differs=", ".join(_differences(former, config)),
        **common,
    )


def _config(folder: RunFolder) -> RunConfig | None:
    try:
        return read_spec(folder).config
    except RunError:
        return None


def _is_like(row: RunRow, former: RunConfig, config: RunConfig, described: ModelDescription) -> bool:
    kinds = _kind(config.runtime.devices), "cpu" if row.device.startswith("cpu") else "cuda"
    return (
        row.step >= _LEAST_STEPS
        and former.model.name == config.model.name
        and lengths(former.model, described) == lengths(config.model, described)
        and (kinds[0] == "auto" or kinds[0] == kinds[1])
    )


def _kind(devices: str) -> str:
    return devices.partition(":")[0]


def _likeness(row: RunRow, former: RunConfig, config: RunConfig) -> tuple[int, float]:
    """What weighs most first; of equals the newest run."""
    same = [
        former.batch.size == config.batch.size, former.sources == config.sources, former.runtime == config.runtime,
        former.evaluation.benchmarks == config.evaluation.benchmarks, former.batch.mode == config.batch.mode,
        row.state == "finished", mono_share_text(former.batch) == mono_share_text(config.batch),
    ]  # fmt: skip
    return sum(2 ** (len(same) - place) * value for place, value in enumerate(same)), row.updated


def _differences(former: RunConfig, config: RunConfig) -> list[str]:
    """What makes the former run another case than this one."""
    found = []
    if former.batch.size != config.batch.size:
        found.append(f"batch size {former.batch.size}")
    if former.sources != config.sources:
        found.append("other data")
    if former.runtime != config.runtime:
        found.append("other runtime settings")
    if former.batch.mode != config.batch.mode:
        found.append(f"batch mode {former.batch.mode}")
    return found


def _memory(state: RunState, scale: float) -> Figure:
    device = state.device
    used = None if device is None else device.memory_used or device.process_memory
    if device is None or used is None:
        return Figure(None, "the former run did not tell")
    of = f"of {device.memory_total / 2**30:.0f} GiB" if device.memory_used and device.memory_total else "main memory"
    # How much of it grows with the batch is not known, so that it is told for the batch that it was measured at.
    note = of if scale == 1 else f"{of}, at its batch size"
    return Figure(float(used), note, unsure=True, at_least=scale > 1)


def _disk(folder: RunFolder, config: RunConfig, state: RunState) -> float:
    """Bytes of one run: checkpoints that are kept (one more while the next is written), model, results and log."""
    step = newest_step(folder.checkpoints)
    checkpoint = _size(folder.checkpoints / f"step-{step:06d}") if step is not None else 0
    evaluated = max(1, len({point.step for point in state.evaluations}))
    results = _size(folder.results) / evaluated * evaluations_of(config)
    log = folder.events.stat().st_size / max(1, state.step) * config.optimizer.max_steps
    return _checkpoints_kept(config) * checkpoint + _size(folder.model) + results + log


def _checkpoints_kept(config: RunConfig) -> int:
    checkpoint, steps = config.checkpoint, config.optimizer.max_steps
    written = -(-steps // checkpoint.every) if checkpoint.every else 1
    return min(checkpoint.keep + 1, written)


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            total += (Path(place) / name).lstat().st_size
    return total


def free_bytes(home: Path) -> int | None:
    """What the disk of ``home`` has left, whether the folder exists yet or not; None: nobody can tell."""
    for place in (home, *home.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
