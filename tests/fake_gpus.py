"""A machine with GPUs as far as nvidia-smi and torch tell of it: programs and packages made for a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TWO_GPUS = "0, GPU-aaaa-1, [N/A], NVIDIA A100\n1, GPU-bbbb-2, [N/A], NVIDIA A100\n"

_TORCH = """
import os
from types import SimpleNamespace
__version__ = "9.9"
version = SimpleNamespace(cuda="13.0")
class cuda:
    def init():
        if os.environ.get("FAKE_CUDA_ERROR"):
            raise RuntimeError(os.environ["FAKE_CUDA_ERROR"])
    def device_count():
        return len(os.environ["FAKE_CUDA_UUIDS"].split())
    def get_device_properties(index):
        uuid = os.environ["FAKE_CUDA_UUIDS"].split()[index]
        major = 7 if "old" in uuid else 8
        return SimpleNamespace(uuid=uuid, name="NVIDIA A100", total_memory=80 << 30, major=major, minor=0)
"""


def nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, gpus: str, status: int = 0) -> None:
    """Puts an nvidia-smi on PATH that lists ``gpus``, has 10 of 80,000 MiB in use and ends with ``status``."""
    program = folder / "bin" / "nvidia-smi"
    program.parent.mkdir(exist_ok=True)
    (folder / "gpus.txt").write_text(gpus)
    answer = f"case \"$*\" in *memory.used*) echo '10, 80000';; *) cat '{folder}/gpus.txt';; esac"
    program.write_text(f"#!/bin/sh\n{answer}\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def torch_with_cuda(folder: Path, uuids: str) -> dict[str, str]:
    """The variables under which a process finds a torch that is built with CUDA and sees the GPUs ``uuids``.

    One with "old" in its uuid is of a generation without bfloat16.
    """
    package = folder / "packages" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_TORCH)
    (package / "version.py").write_text("__version__ = '9.9'\ncuda: str = '13.0'\n")
    path = os.pathsep.join([str(package.parent), str(Path(__file__).parents[1])])
    return {"PYTHONPATH": path, "FAKE_CUDA_UUIDS": uuids}
