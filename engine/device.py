"""Where a run computes: one run at a time per GPU and, by default, one on the CPU.

A run whose device is taken waits as ``queued`` and obeys commands meanwhile.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine import events
from engine.config import ConfigError, RuntimeConfig
from engine.runs.devices import DeviceLock, cpu_slots
from engine.runs.session import Session

if TYPE_CHECKING:
    import torch

_POLL_SECONDS = 0.2
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
# A GPU on which other processes hold more than this share of the memory is taken, lock or no lock.
_FOREIGN_MEMORY_SHARE = 0.25
_DRIVER_SECONDS = 10.0  # a hung driver does not hang the queue


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A device that is ours until ``release``."""

    torch_device: torch.device
    name: str
    lock: DeviceLock

    def release(self) -> None:
        self.lock.release()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One device the config allows."""

    device: str  # "cpu", "cuda:0"
    name: str
    lock: DeviceLock
    in_use: Callable[[], str | None]  # who else uses it, where the lock cannot tell


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
    candidates = _candidates(runtime)
    waiting_for: str | None = None
    while True:
        reasons = []
        for candidate in candidates:
            reason = _take(candidate, session)
            if reason is None:
                import torch

                session.emit(events.Device(name=candidate.name))
                return HeldDevice(torch.device(candidate.device), candidate.name, candidate.lock)
            reasons.append(f"{candidate.name} ({reason})")
        if waiting_for != (wanted := " or ".join(reasons)):
            waiting_for = wanted
            session.emit(events.Device(name=candidates[0].name, waiting_for=waiting_for))
        session.boundary(within="work")
        time.sleep(_POLL_SECONDS)


def _take(candidate: _Candidate, session: Session) -> str | None:
    """Takes the device, or says who has it.

    The lock comes first: asking a GPU for its memory makes a context there, which takes hundreds of MB of it, and a
    sweep may leave dozens of runs in the queue.
    """
    if not candidate.lock.try_acquire(f"{session.folder.id}, pid {os.getpid()}"):
        return f"held by {candidate.lock.holder() or 'another run'}"
    if reason := candidate.in_use():
        candidate.lock.release()
    return reason


def _candidates(runtime: RuntimeConfig) -> list[_Candidate]:
    # torch takes seconds to import: without a driver there is nothing to ask it about.
    gpus = _gpus() if runtime.devices != "cpu" and _NVIDIA_DRIVER.exists() else []
    if runtime.devices.startswith("cuda"):
        _, _, index = runtime.devices.partition(":")
        wanted = [gpu for gpu in gpus if not index or gpu.device == runtime.devices]
        if not wanted:
            raise ConfigError(f"runtime.devices: no {runtime.devices} on this machine")
        return wanted
    if gpus and runtime.devices == "auto":
        return gpus
    threads = runtime.threads or len(os.sched_getaffinity(0))
    name = f"cpu ({threads} threads)"
    return [_Candidate("cpu", name, lock, lambda: None) for lock in cpu_slots()]


def _gpus() -> list[_Candidate]:
    import torch

    def describe(index: int) -> _Candidate:
        properties = torch.cuda.get_device_properties(index)
        lock = DeviceLock(f"gpu-{properties.uuid}")
        return _Candidate(
            f"cuda:{index}", f"GPU{index} {properties.name}", lock, lambda: _foreign_memory(str(properties.uuid))
        )

    return [describe(index) for index in range(torch.cuda.device_count())]


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
