"""``python -m engine.machine.gpu_report``: what torch can do with the GPUs of this machine, as one line of JSON.

For programs that must not load torch: they run it as a process.
"""

from __future__ import annotations

import sys

import msgspec

from engine.machine.gpus import UnusableGpus, torch_indices, visible_gpus

_BFLOAT16_FROM = (8, 0)  # compute capability of Ampere; torch emulates bfloat16 on older GPUs


class GpuReport(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as torch sees it."""

    device: str  # "cuda:0"
    name: str
    memory: int  # bytes
    capability: tuple[int, int]
    bfloat16: bool  # computed by the GPU itself


class Report(msgspec.Struct, frozen=True, kw_only=True):
    torch: str  # version
    cuda: str | None = None  # that torch is built with
    gpus: tuple[GpuReport, ...] = ()
    unusable: str | None = None  # why a run could use no GPU, and what to do about it


def report() -> Report:
    """Asks torch; empty of GPUs where the machine has no NVIDIA driver."""
    import torch

    version, cuda = str(torch.__version__), torch.version.cuda
    try:
        indices = torch_indices([gpu.uuid for gpu in visible_gpus()])
    except UnusableGpus as error:
        return Report(torch=version, cuda=cuda, unusable=str(error))
    gpus = []
    for index in sorted(indices):
        properties = torch.cuda.get_device_properties(index)
        capability = (properties.major, properties.minor)
        gpus.append(
            GpuReport(
                device=f"cuda:{index}",
                name=properties.name,
                memory=properties.total_memory,
                capability=capability,
                bfloat16=capability >= _BFLOAT16_FROM,
            )
        )
    return Report(torch=version, cuda=cuda, gpus=tuple(gpus))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(report()) + b"\n")
