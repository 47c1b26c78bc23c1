"""Where a run computes: one run at a time per GPU and, by default, one on the CPU.

A run whose device is taken waits as ``queued`` and obeys commands meanwhile; who came first goes first.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

from engine import events
from engine.config import ConfigError, RuntimeConfig, ranks_per_node
from engine.events import NO_USABLE_GPU
from engine.machine.cores import usable_cores
from engine.machine.gpus import UnusableGpus, torch_indices, visible_gpus
from engine.runs.device_locks import DeviceLock, cpu_slots
from engine.runs.folder import RunFolder
from engine.runs.waiting_line import PlaceInLine
from engine.worker.session import Session

if TYPE_CHECKING:
    import torch

_POLL_SECONDS = 0.2
# A GPU on which other processes hold more than this share of the memory is taken, lock or no lock.
_FOREIGN_MEMORY_SHARE = 0.25
_DRIVER_SECONDS = 10.0  # a hung driver does not hang the queue


class Queue(Protocol):
    """The side of engine.worker.session.Session that waiting needs."""

    @property
    def folder(self) -> RunFolder: ...

    def emit(self, event: events.AnyEvent) -> None: ...

    def boundary(self, *, within: Literal["steps", "work"]) -> None: ...


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A device that is ours until ``release``."""

    device: str  # "cpu", "cuda:0"
    name: str
    lock: DeviceLock | None  # None: another process holds it for us

    @property
    def torch_device(self) -> torch.device:
        import torch

        return torch.device(self.device)

    def release(self) -> None:
        if self.lock is not None:
            self.lock.release()


@dataclass(frozen=True, slots=True)
class HeldDevices:
    """Devices of one machine for so many processes, ours until the end of this one: ("cuda:0", "cuda:1")."""

    devices: tuple[str, ...]
    locks: tuple[DeviceLock, ...]

    def release(self) -> None:
        for lock in self.locks:
            lock.release()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One device the config allows."""

    device: str  # "cpu", "cuda:0"
    name: str
    lock: DeviceLock
    in_use: Callable[[], str | None]  # who else uses it, where the lock cannot tell
    uuid: str = ""  # of a GPU


def share_cores() -> None:
    """Lets OpenMP's threads spin at a barrier for microseconds only; to be called before torch is imported.

    libgomp's default is to spin for milliseconds. When another process wants a core too, a training step of the tiny
    encoder then takes 2 s instead of 0.2 s; never to spin costs a third on an idle machine (61 against 46 ms).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def wait_for_device(runtime: RuntimeConfig, session: Session) -> HeldDevice:
    """Takes the first free device the config allows, waiting in the queue as long as there is none.

    Raises:
        ConfigError: the config asks for a device that this machine does not have.
        Leave: a pause or stop was asked for in the queue.
    """
    (candidate,) = _wait(runtime, session)
    return HeldDevice(candidate.device, candidate.name, candidate.lock)


def wait_for_devices(runtime: RuntimeConfig, session: Queue) -> HeldDevices:
    """The same for a config that asks for several processes on each machine: all of its devices, or none.

    Processes on the CPU share one slot of it.
    """
    held = _wait(runtime, session)
    devices = tuple(candidate.device for candidate in held)
    if runtime.devices.startswith("cpu"):
        devices *= ranks_per_node(runtime.devices) or 1
    return HeldDevices(devices, tuple(candidate.lock for candidate in held))


def check_devices(runtime: RuntimeConfig) -> None:
    """Looks whether the machine has the GPUs that a config names, and waits for none.

    Raises:
        ConfigError: it has not, or torch cannot use them.
    """
    try:
        _gpus(runtime)
    except UnusableGpus as error:
        raise _no_such_device(runtime, error) from None


def _no_such_device(runtime: RuntimeConfig, error: UnusableGpus) -> ConfigError:
    return ConfigError(f"runtime.devices: no {runtime.devices} on this machine: {error}")


def _wait(runtime: RuntimeConfig, session: Queue) -> tuple[_Candidate, ...]:
    """Takes the devices of the config, or the CPU where it may be that and torch can use no GPU, and says so."""
    try:
        if not runtime.devices.startswith("cpu") and (alternatives := _gpus(runtime)):
            return _numbered_by_torch(_wait_for_one(alternatives, session))
        unusable = None
    except UnusableGpus as error:
        if runtime.devices != "auto":
            raise _no_such_device(runtime, error) from None
        message = f"{NO_USABLE_GPU}, and the run computes on the CPU: {error}"
        session.emit(events.Warning(message=f'{message}, or set runtime.devices = "cpu" if that is meant'))
        unusable = error.reason
    return _wait_for_one(_cpus(runtime, unusable), session)


def _wait_for_one(alternatives: list[tuple[_Candidate, ...]], session: Queue) -> tuple[_Candidate, ...]:
    """The first of the alternatives that is wholly free and that nobody has waited for longer."""
    waiting_for: str | None = None
    place = PlaceInLine(
        session.folder.id, {candidate.lock.name for candidates in alternatives for candidate in candidates}
    )
    try:
        while True:
            reasons = []
            for candidates in alternatives:
                reason = _take_all(candidates, session, place)
                if reason is None:
                    session.emit(events.Device(name=_names(candidates)))
                    return candidates
                reasons.append(reason)
            if waiting_for != (wanted := " or ".join(reasons)):
                waiting_for = wanted
                session.emit(events.Device(name=_names(alternatives[0]), waiting_for=waiting_for))
            session.boundary(within="work")
            time.sleep(_POLL_SECONDS)
    finally:
        place.leave()


def _names(candidates: tuple[_Candidate, ...]) -> str:
    return ", ".join(candidate.name for candidate in candidates)


def _take_all(candidates: tuple[_Candidate, ...], session: Queue, place: PlaceInLine) -> str | None:
    """Takes all of them, or none and says which one is missing: two runs that want two GPUs never hold one each."""
    if before := place.before(candidate.lock.name for candidate in candidates):
        others = f" and {len(before) - 1} more" if len(before) > 1 else ""
        return f"{_names(candidates)} (after {before[0]}{others})"
    for index, candidate in enumerate(candidates):
        if reason := _take(candidate, session):
            for taken in candidates[:index]:
                taken.lock.release()
            return f"{candidate.name} ({reason})"
    return None


def _take(candidate: _Candidate, session: Queue) -> str | None:
    """Takes the device, or says who has it.

    The lock comes first: it costs nothing, while asking a GPU for its memory starts a program, and a sweep may leave
    dozens of runs in the queue.
    """
    if not candidate.lock.try_acquire(f"{session.folder.id}, pid {os.getpid()}"):
        return f"held by {candidate.lock.holder() or 'another run'}"
    if reason := candidate.in_use():
        candidate.lock.release()
    return reason


def _gpus(runtime: RuntimeConfig) -> list[tuple[_Candidate, ...]]:
    """The GPUs that the config allows, those that it wants together in one tuple; none: "auto" without a GPU.

    Raises:
        UnusableGpus: torch can use no GPU of this machine.
        ConfigError: the machine has not those that the config names.
    """
    gpus = _all_gpus()
    kind, _, which = runtime.devices.partition(":")
    if which and which != "all":
        by_device = {gpu.device: gpu for gpu in gpus}
        devices = [f"cuda:{index}" for index in which.split(",")]
        if missing := [device for device in devices if device not in by_device]:
            raise ConfigError(f"runtime.devices: no {missing[0]} on this machine, {_count(gpus)}")
        return [tuple(by_device[device] for device in devices)]
    if kind == "cuda" and not gpus:
        raise ConfigError(f"runtime.devices: no {runtime.devices} on this machine, {_count(gpus)}")
    return [tuple(gpus)] if which == "all" else [(gpu,) for gpu in gpus]


def _count(gpus: list[_Candidate]) -> str:
    if not gpus:
        return 'which has no NVIDIA driver; "cpu" or "auto" run here'
    last = f" to {gpus[-1].device}" if len(gpus) > 1 else ""
    return f"which has {gpus[0].device}{last}"


def _all_gpus() -> list[_Candidate]:
    return [
        _Candidate(
            f"cuda:{gpu.index}",
            f"GPU{gpu.index} {gpu.name}",
            DeviceLock(f"gpu-{gpu.uuid}"),
            partial(_foreign_memory, gpu.uuid),
            gpu.uuid,
        )
        for gpu in visible_gpus()
    ]


def _numbered_by_torch(held: tuple[_Candidate, ...]) -> tuple[_Candidate, ...]:
    """The GPUs with the numbers that torch gives them, now that they are ours and torch may be imported.

    Raises:
        UnusableGpus: torch cannot use them; they are free again.
    """
    try:
        indices = torch_indices([candidate.uuid for candidate in held])
    except BaseException:
        for candidate in held:
            candidate.lock.release()
        raise
    return tuple(replace(candidate, device=f"cuda:{index}") for candidate, index in zip(held, indices, strict=True))


def _cpus(runtime: RuntimeConfig, unusable: str | None) -> list[tuple[_Candidate, ...]]:
    """The slots of the CPU; ``unusable``: why the run computes on no GPU, where one was looked for."""
    threads = runtime.threads or usable_cores()
    processes = ranks_per_node(runtime.devices) or 1
    shared = f"{processes} processes, " if processes > 1 else ""
    name = f"cpu ({shared}{threads} threads)"
    if unusable is not None:
        name += f", {NO_USABLE_GPU}: {unusable}"
    return [(_Candidate("cpu", name, lock, lambda: None),) for lock in cpu_slots()]


def _foreign_memory(uuid: str) -> str | None:
    """Says so when other processes hold much of the GPU's memory.

    Asked of the driver's own tool: asking through torch would make a context on the GPU, which every waiting run
    would then hold. Where the tool is missing or silent, the lock alone decides.
    """
    query = ["nvidia-smi", f"--id=GPU-{uuid}", "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        asked = subprocess.run(query, capture_output=True, text=True, timeout=_DRIVER_SECONDS, check=True)
        used, total = (float(figure) for figure in asked.stdout.split(","))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return None if used <= _FOREIGN_MEMORY_SHARE * total else f"{used / 1024:.0f} of {total / 1024:.0f} GiB in use"
