"""``doctor`` asks torch about GPUs and not only their driver, without loading torch itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_gpus import nvidia_smi, torch_with_cuda

from tui.cli import main

UUIDS = "aaaa-1 old-2"
TWO_GPUS = "0, GPU-aaaa-1, [N/A], NVIDIA A100\n1, GPU-old-2, [N/A], NVIDIA A100\n"


def gpu_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    main(["doctor"])
    return [line for line in capsys.readouterr().out.splitlines() if line[9:].startswith("gpu ")]


@pytest.fixture(autouse=True)
def _gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_each_gpu_that_torch_can_use_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in torch_with_cuda(tmp_path, UUIDS).items():
        monkeypatch.setenv(name, value)
    loaded = "torch" in sys.modules
    first, second = gpu_lines(capsys)
    assert first == ("ok       gpu          cuda:0 NVIDIA A100, 80 GiB, capability 8.0, torch with CUDA 13.0, bfloat16")
    assert second.startswith("note     gpu          cuda:1 NVIDIA A100, 80 GiB, capability 7.0, ")
    assert second.endswith('no bfloat16: runtime.precision = "auto" runs in float16')
    assert ("torch" in sys.modules) == loaded


def test_a_gpu_that_the_driver_has_and_torch_cannot_use_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in torch_with_cuda(tmp_path, UUIDS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAKE_CUDA_ERROR", "The NVIDIA driver on your system is too old. Please update it.")
    (line,) = gpu_lines(capsys)
    assert line.startswith("PROBLEM  gpu          nvidia-smi sees ")
    assert "; no run can use it: The NVIDIA driver on your system is too old; update the NVIDIA driver" in line
    assert main(["doctor"]) == 1


def test_a_torch_that_does_not_load_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in torch_with_cuda(tmp_path, UUIDS).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "packages" / "torch" / "__init__.py").write_text("raise OSError('libcudart.so.13: not found')")
    assert gpu_lines(capsys) == ["PROBLEM  gpu          torch cannot be asked: OSError: libcudart.so.13: not found"]
