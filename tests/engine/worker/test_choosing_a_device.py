"""A GPU that torch cannot use is told of, and a run that waits for one is no process with torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_gpus import TWO_GPUS, nvidia_smi, torch_with_cuda

from engine.runs.device_locks import DeviceLock
from engine.runs.folder import RunFolder

# Takes the device of a config, and prints what the run's log would be told and whether torch is there yet.
PROGRAM = """
import sys
from pathlib import Path
from types import SimpleNamespace
from engine import events
from engine.machine import gpus
from engine.worker import devices as device
from engine.config import ConfigError, RuntimeConfig
from engine.runs.folder import RunFolder
gpus._NVIDIA_DRIVER = Path(sys.argv[3])
device._POLL_SECONDS = 0.01
def emit(event):
    if isinstance(event, events.Warning):
        print("warning", event.message)
    else:
        print("waiting" if event.waiting_for else "device", event.waiting_for or event.name, "torch" in sys.modules)
    sys.stdout.flush()
session = SimpleNamespace(folder=RunFolder(Path(sys.argv[1])), emit=emit, boundary=lambda within: None)
try:
    print("held", *device.wait_for_devices(RuntimeConfig(devices=sys.argv[2], threads=2), session).devices)
except ConfigError as error:
    print("error", error)
"""


def choosing(folder: Path, devices: str, **variables: str) -> subprocess.Popen[str]:
    (folder / "version").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(RunFolder(folder / "run").path), devices, str(folder / "version")],
        stdout=subprocess.PIPE, text=True, env=environment | variables,
    )  # fmt: skip


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    text, _ = process.communicate()
    return text.splitlines()


def test_a_run_in_the_queue_for_a_gpu_has_not_imported_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the GPU is taken torch says which number it has."""
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    other = DeviceLock("gpu-bbbb-2")
    assert other.try_acquire("other run")
    process = choosing(tmp_path, "cuda:1", **torch_with_cuda(tmp_path, "bbbb-2 aaaa-1"))
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting GPU1 NVIDIA A100 (held by other run) False\n"
    other.release()
    assert lines_of(process) == ["device GPU1 NVIDIA A100 False", "held cuda:0"]


def test_a_driver_too_old_for_torch_is_a_warning_and_the_cpus_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    error = "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver."
    variables = torch_with_cuda(tmp_path, "aaaa-1 bbbb-2") | {"FAKE_CUDA_ERROR": error}
    reason = "The NVIDIA driver on your system is too old (found version 11040)"
    remedy = "update the NVIDIA driver, or install a torch that is built for it"
    gpu, warning, cpu, held = lines_of(choosing(tmp_path, "auto", **variables))
    assert gpu.startswith("device GPU0")
    assert warning.startswith(f"warning no usable GPU, and the run computes on the CPU: {reason}; {remedy}")
    assert cpu == f"device cpu (2 threads), no usable GPU: {reason} True"
    assert held == "held cpu"
    free = DeviceLock("gpu-aaaa-1")
    assert free.try_acquire("a look")
    free.release()
    assert lines_of(choosing(tmp_path, "cuda:0", **variables))[-1] == (
        f"error runtime.devices: no cuda:0 on this machine: {reason}; {remedy}"
    )


@pytest.mark.parametrize(
    ("build", "variables", "reason"),
    [
        ("None", {}, "torch 9.9+cpu is built without CUDA"),
        ("'13.0'", {"CUDA_VISIBLE_DEVICES": ""}, "CUDA_VISIBLE_DEVICES is empty"),
    ],
)
def test_gpus_that_no_run_can_use_are_told_of_without_a_wait_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str, variables: dict[str, str], reason: str
) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    variables = variables | torch_with_cuda(tmp_path, "")
    (tmp_path / "packages" / "torch" / "version.py").write_text(f"__version__ = '9.9+cpu'\ncuda = {build}\n")
    warning, cpu, held = lines_of(choosing(tmp_path, "auto", **variables))
    assert warning.startswith(f"warning no usable GPU, and the run computes on the CPU: {reason}; ")
    assert (cpu, held) == (f"device cpu (2 threads), no usable GPU: {reason} False", "held cpu")
    assert lines_of(choosing(tmp_path, "cpu", **variables)) == ["device cpu (2 threads) False", "held cpu"]
    (error,) = lines_of(choosing(tmp_path, "cuda:0,1", **variables))
    assert error.startswith(f"error runtime.devices: no cuda:0,1 on this machine: {reason}; ")
