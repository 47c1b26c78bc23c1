"""Telemetry tells what was read, and None for what was not."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

from engine import events
from engine.worker.telemetry import FLOAT16_PEAKS, REDUCED_PEAKS, Telemetry, peak_flops

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


class NvmlError(Exception):
    """What nvidia-ml-py raises for anything that a device does not tell."""


def fake_nvml(**replaced):
    functions = {
        "NVMLError": NvmlError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: uuid,
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=87),
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=3 << 30, total=80 << 30),
        "nvmlDeviceGetPowerUsage": lambda handle: 412_500,
    }
    return SimpleNamespace(**(functions | replaced))


@pytest.fixture
def gpu(monkeypatch):
    def install(name="NVIDIA H100 80GB HBM3", nvml=None):
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="u1", name=name))
        monkeypatch.setitem(sys.modules, "pynvml", nvml)

    return install


def test_on_a_cpu_the_process_is_told_and_nothing_of_a_gpu():
    telemetry = Telemetry("cpu (2 threads)", CPU, peak_flops(CPU, None))
    sum(range(1_000_000))
    sample = telemetry.sample()
    assert sample.name == "cpu (2 threads)"
    assert sample.process_cpu > 0
    assert sample.process_memory > 1 << 20
    assert (sample.utilization, sample.memory_used, sample.power, sample.peak_flops) == (None, None, None, None)


def test_a_gpu_is_read_through_nvml(gpu):
    gpu(nvml=fake_nvml())
    sample = Telemetry("GPU0", GPU, (1e15, "specification")).sample()
    assert (sample.utilization, sample.memory_used, sample.memory_total) == (87.0, 3 << 30, 80 << 30)
    assert sample.power == pytest.approx(412.5)
    assert (sample.peak_flops, sample.peak_source) == (1e15, "specification")
    assert isinstance(events.decode(events.encode(sample)), events.Device)


def test_what_a_gpu_does_not_tell_is_none_and_the_rest_is_told(gpu):
    """Memory and power are unknown in MIG and on consumer cards."""

    def refuse(handle):
        raise NvmlError

    gpu(nvml=fake_nvml(nvmlDeviceGetPowerUsage=refuse, nvmlDeviceGetMemoryInfo=refuse))
    sample = Telemetry("GPU0", GPU, None).sample()
    assert (sample.utilization, sample.memory_used, sample.power) == (87.0, None, None)


def test_without_the_extra_or_the_driver_only_the_process_is_told(gpu):
    def no_driver():
        raise NvmlError

    for nvml in (None, fake_nvml(nvmlInit=no_driver)):  # None in sys.modules: the import fails
        gpu(nvml=nvml)
        sample = Telemetry("GPU0", GPU, None).sample()
        assert (sample.utilization, sample.memory_used, sample.power) == (None, None, None)
        assert sample.process_memory is not None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA GH200 480GB", "GH200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
    ],
)
def test_the_longest_fitting_name_gives_the_peak(gpu, name, known):
    gpu(name)
    for autocast in (torch.bfloat16, torch.float16):
        assert peak_flops(GPU, autocast) == (REDUCED_PEAKS[known], "specification")


@pytest.mark.parametrize(
    ("name", "known"),
    [("Tesla V100-SXM2-32GB", "V100"), ("Tesla V100-PCIE-16GB", "V100-PCIE"), ("Tesla T4", "T4")],
)
def test_a_gpu_without_bfloat16_has_a_peak_in_float16(gpu, name, known):
    gpu(name)
    assert peak_flops(GPU, torch.float16) == (FLOAT16_PEAKS[known], "specification")


def test_an_unknown_device_and_another_precision_are_measured(gpu, monkeypatch):
    monkeypatch.setattr(
        "engine.worker.telemetry._measured_peak",
        lambda device, dtype: {torch.bfloat16: 1.0, torch.float32: 2.0, torch.float16: 3.0}[dtype],
    )
    for name in ("NVIDIA Tomorrow 9000", "NVIDIA RTX A4000", "NVIDIA T400 4GB"):  # neither an A40 nor a T4
        gpu(name)
        assert peak_flops(GPU, torch.bfloat16) == (1.0, "measured")
        assert peak_flops(GPU, torch.float16) == (3.0, "measured")
    gpu("NVIDIA H100 80GB HBM3")
    assert peak_flops(GPU, None) == (2.0, "measured")
