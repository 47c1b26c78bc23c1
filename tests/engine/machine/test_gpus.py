"""GPUs are listed by the driver's tool with torch's numbers, and one that torch cannot use is never passed over."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_gpus import TWO_GPUS, nvidia_smi

from engine.machine import gpus
from engine.machine.gpus import Gpu, UnusableGpus, installed_torch, visible_gpus

FIRST, SECOND = ("aaaa-1", "NVIDIA A100"), ("bbbb-2", "NVIDIA A100")


@pytest.fixture(autouse=True)
def _driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver, and a torch that is built with CUDA and must not be asked."""
    driver = tmp_path / "version"
    driver.touch()
    monkeypatch.setattr(gpus, "_NVIDIA_DRIVER", driver)
    monkeypatch.setattr(gpus, "installed_torch", lambda: ("9.9", True))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it raises ImportError


@pytest.mark.parametrize(
    ("variable", "numbered"),
    [
        (None, [FIRST, SECOND]),
        ("1", [SECOND]),
        ("1,0", [SECOND, FIRST]),
        ("0, 7, 1", [FIRST]),  # up to the first that there is not
        ("GPU-bbbb-2,GPU-aaaa-1", [SECOND, FIRST]),
        ("GPU-b", [SECOND]),
    ],
)
def test_gpus_are_numbered_as_torch_numbers_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, numbered: list[tuple[str, str]]
) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus() == [Gpu(index, *gpu) for index, gpu in enumerate(numbered)]


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("", "CUDA_VISIBLE_DEVICES is empty"),
        ("-1", "CUDA_VISIBLE_DEVICES=-1 names no GPU here"),
        ("1,1", "CUDA_VISIBLE_DEVICES=1,1 names no GPU here"),
        ("NoDevFiles", "CUDA_VISIBLE_DEVICES=NoDevFiles names no GPU here"),
    ],
)
def test_gpus_that_are_hidden_are_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, reason: str
) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    with pytest.raises(UnusableGpus) as caught:
        visible_gpus()
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("listed", "variable"),
    [
        (TWO_GPUS.replace("[N/A]", "Enabled"), None),
        (TWO_GPUS, "MIG-cccc"),
        (TWO_GPUS.replace("A100", "T4", 1), None),  # CUDA puts the faster one first
        (TWO_GPUS.replace("A100", "T4", 1), "1"),  # ... and reads the variable in that order
        ("NVIDIA A100, 81920 MiB, 550.54\n", None),
    ],
)
def test_torch_is_asked_where_the_tool_cannot_tell_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, variable: str | None
) -> None:
    nvidia_smi(tmp_path, monkeypatch, listed)
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    with pytest.raises(ImportError):
        visible_gpus()


def test_unlike_gpus_in_the_order_of_their_buses_are_numbered_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS.replace("A100", "T4", 1))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert [gpu.name for gpu in visible_gpus()] == ["NVIDIA T4", "NVIDIA A100"]


def test_a_torch_without_cuda_is_a_reason_before_anybody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, TWO_GPUS)
    monkeypatch.setattr(gpus, "installed_torch", lambda: ("9.9+cpu", False))
    with pytest.raises(UnusableGpus, match=r"torch 9\.9\+cpu is built without CUDA; install a torch with CUDA"):
        visible_gpus()


@pytest.mark.parametrize("status", [0, 6])
def test_a_driver_without_a_gpu_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A job of a batch scheduler that was given none."""
    nvidia_smi(tmp_path, monkeypatch, "No devices were found\n", status)
    with pytest.raises(UnusableGpus, match="nvidia-smi lists no GPU"):
        visible_gpus()


def test_a_tool_whose_driver_is_gone_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel was updated and the driver's module was not."""
    nvidia_smi(tmp_path, monkeypatch, "NVIDIA-SMI has failed because it couldn't communicate with the driver.\n", 9)
    (tmp_path / "version").unlink()
    with pytest.raises(UnusableGpus, match="couldn't communicate with the driver"):
        visible_gpus()


def test_a_machine_without_driver_and_tool_has_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "version").unlink()
    assert visible_gpus() == []


def test_torchs_build_is_read_without_importing_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    for line, has_cuda in (("cuda: Optional[str] = None", False), ("cuda = '13.0'", True)):
        (package / "version.py").write_text(f"__version__ = '2.13.0'\n{line}\ncuda_flags: str = None\n")
        assert installed_torch() == ("2.13.0", has_cuda)
