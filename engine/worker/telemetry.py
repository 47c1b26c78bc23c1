"""What the device and the worker's process are at, read beside the training steps.

A GPU is asked through nvidia-ml-py, the extra "telemetry"; without it, or where the driver does not say, the numbers
are None. Nothing here waits for the GPU's work.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import events

if TYPE_CHECKING:
    import torch

_STATM = Path("/proc/self/statm")

# Dense operations a second in bfloat16 and in float16, where they are the same, from data sheets of NVIDIA; a longer
# name stands before its beginning.
REDUCED_PEAKS = {
    "GB200": 2500e12,
    "GH200": 989.4e12,
    "B200": 2250e12,
    "H200": 989.4e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989.4e12,
    "A100": 312e12,
    "A40": 149.7e12,
    "A30": 165e12,
    "A10G": 70e12,
    "A10": 125e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 4090": 165.2e12,
    "RTX 3090": 71e12,
}
# In float16, of GPUs without bfloat16.
FLOAT16_PEAKS = {"V100-PCIE": 112e12, "V100S": 130e12, "V100": 125e12, "T4": 65e12}
_PRODUCT_SIZE = 4096
_PRODUCTS = 20


class Telemetry:
    """Samples of one device and of this process; ``sample`` may be called from any one thread."""

    def __init__(self, name: str, device: torch.device, peak: tuple[float, str] | None) -> None:
        """``name``: of the device as the run's events have it. ``peak``: operations a second, and where from."""
        self._name, self._peak = name, peak
        self._read_gpu = _gpu_reader(device) if device.type == "cuda" else None
        self._since = (time.monotonic(), time.process_time())

    def sample(self) -> events.Device:
        now, seconds = time.monotonic(), time.process_time()  # of all threads
        (then, before), self._since = self._since, (now, seconds)
        gpu = self._read_gpu() if self._read_gpu is not None else {}
        return events.Device(
            name=self._name,
            process_cpu=100 * (seconds - before) / (now - then) if now > then else None,
            process_memory=_resident_bytes(),
            peak_flops=None if self._peak is None else self._peak[0],
            peak_source="" if self._peak is None else self._peak[1],
            **gpu,
        )


def peak_flops(device: torch.device, autocast: torch.dtype | None) -> tuple[float, str] | None:
    """Operations a second that the device can do at a run's precision, and where that is from; None on a CPU.

    In bfloat16 and float16 the data sheet's figure where the device is known, else a large matrix product is timed, in
    float32 as runtime.tf32 has it.

    Args:
        autocast: as the run's encoder has it; None: float32.
    """
    if device.type != "cuda":
        return None
    import torch

    name = torch.cuda.get_device_properties(device).name
    peaks: dict[str, float] = {} if autocast is None else REDUCED_PEAKS
    if autocast is torch.float16:
        peaks = peaks | FLOAT16_PEAKS
    # Whole words: "RTX A4000" is no A40, and "T400" no T4.
    known = next((peak for model, peak in peaks.items() if re.search(rf"\b{model}\b", name)), None)
    if known is not None:
        return known, "specification"
    return _measured_peak(device, torch.float32 if autocast is None else autocast), "measured"


def _measured_peak(device: torch.device, dtype: torch.dtype) -> float:
    import torch

    with torch.random.fork_rng(devices=[device]):
        matrix = torch.randn(_PRODUCT_SIZE, _PRODUCT_SIZE, device=device).to(dtype)
    for _ in range(3):
        matrix @ matrix
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record(torch.cuda.current_stream(device))
    for _ in range(_PRODUCTS):
        matrix @ matrix
    end.record(torch.cuda.current_stream(device))
    end.synchronize()
    return float(2 * _PRODUCT_SIZE**3 * _PRODUCTS / (start.elapsed_time(end) / 1000))


def _gpu_reader(device: torch.device) -> Callable[[], dict[str, Any]] | None:
    """Reads one GPU; None where nvidia-ml-py or the driver's library is missing."""
    import torch

    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    except Exception:  # no such package, library, permission or device: telemetry is never a reason to fail
        return None

    def read() -> dict[str, Any]:
        found: dict[str, Any] = {}
        with contextlib.suppress(pynvml.NVMLError):
            found["utilization"] = float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        with contextlib.suppress(pynvml.NVMLError):
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            found["memory_used"], found["memory_total"] = int(memory.used), int(memory.total)
        with contextlib.suppress(pynvml.NVMLError):
            found["power"] = pynvml.nvmlDeviceGetPowerUsage(handle) / 1000  # milliwatts
        return found

    return read


def _resident_bytes() -> int | None:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
