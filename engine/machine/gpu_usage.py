"""What every NVIDIA GPU of this machine is at, and whose processes are on it: read through nvidia-ml-py."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_UUID_PREFIX = "GPU-"


class NoUsage(Exception):  # noqa: N818 - a state of the machine
    """Nothing can be told of GPUs; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    pid: int
    memory: int | None  # bytes of the GPU


@dataclass(frozen=True, slots=True)
class GpuUsage:
    """One GPU; None where the driver does not say."""

    index: int  # the driver's, in the order of the buses
    uuid: str  # without "GPU-", as the locks of devices have it
    name: str
    utilization: float | None  # percent of the time in which a kernel ran
    memory_used: int | None  # bytes, all processes
    memory_total: int | None  # bytes
    power: float | None  # watts
    temperature: float | None  # degrees Celsius
    processes: tuple[GpuProcess, ...]


def read_gpus() -> list[GpuUsage]:
    """All GPUs of the machine.

    Raises:
        NoUsage: no nvidia-ml-py, no driver, or one that does not answer.
    """
    try:
        import pynvml
    except ImportError:
        raise NoUsage("use, memory and power of GPUs need nvidia-ml-py: pip install 'hybrid-tui[telemetry]'") from None
    try:
        pynvml.nvmlInit()  # counted by the driver: cheap where it is open already
        return [_gpu(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        raise NoUsage(f"the NVIDIA driver cannot be asked: {error}") from None


def _gpu(nvml: Any, index: int) -> GpuUsage:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def ask(question: Callable[[Any], T]) -> T | None:
        """What the driver does not say of this GPU is None."""
        with contextlib.suppress(nvml.NVMLError):
            return question(handle)
        return None

    memory = ask(nvml.nvmlDeviceGetMemoryInfo)
    rates = ask(nvml.nvmlDeviceGetUtilizationRates)
    power = ask(nvml.nvmlDeviceGetPowerUsage)  # milliwatts
    temperature = ask(lambda gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU))
    processes = ask(nvml.nvmlDeviceGetComputeRunningProcesses) or []
    return GpuUsage(
        index=index,
        uuid=_text(ask(nvml.nvmlDeviceGetUUID)).removeprefix(_UUID_PREFIX),
        name=_text(ask(nvml.nvmlDeviceGetName)),
        utilization=None if rates is None else float(rates.gpu),
        memory_used=None if memory is None else int(memory.used),
        memory_total=None if memory is None else int(memory.total),
        power=None if power is None else power / 1000,
        temperature=None if temperature is None else float(temperature),
        processes=tuple(GpuProcess(each.pid, each.usedGpuMemory) for each in processes),
    )


def _text(value: str | bytes | None) -> str:
    """Older versions of the package give bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
