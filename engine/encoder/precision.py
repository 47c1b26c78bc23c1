"""What a model computes in: the type of its autocast, and how float32 products are computed."""

from __future__ import annotations

from functools import cache
from typing import Literal

import torch

from engine.config import ConfigError

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Arithmetic = Literal["float32", "tf32", "bfloat16", "float16"]


def autocast_type(device: torch.device, precision: Precision, *, bfloat16: bool | None = None) -> torch.dtype | None:
    """The type that matrix products of ``precision`` are computed in on ``device``; None: without autocast.

    Args:
        bfloat16: whether a GPU computes in bfloat16 by itself; None: torch is asked.

    Raises:
        ConfigError: bfloat16 is asked for on a GPU that has none. torch would emulate it, slower than float32.
    """
    if precision == "auto" and device.type != "cuda":
        return None
    if precision == "float16":
        return torch.float16
    if precision == "float32":
        return None
    if device.type != "cuda" or (computes_bfloat16(device) if bfloat16 is None else bfloat16):
        return torch.bfloat16
    if precision == "bfloat16":
        raise ConfigError('runtime.precision: this GPU has no bfloat16; set it to "float16", "float32" or "auto"')
    return torch.float16


@cache
def computes_bfloat16(device: torch.device) -> bool:
    """Whether a GPU has bfloat16, as NVIDIA's have since Ampere."""
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def substitution_note(device: torch.device, precision: Precision, autocast: torch.dtype | None) -> str | None:
    """Where ``precision`` became what few expect, one line on it; ``autocast``: as ``autocast_type`` has it."""
    if device.type == "cuda" and precision == "auto" and autocast is torch.float16:
        return 'this GPU has no bfloat16: runtime.precision "auto" runs in float16'
    return None


def allow_tf32(allowed: bool) -> None:
    """Whether GPUs may round the factors of float32 products to TF32; those of a CPU stay in float32.

    For the process, and to be called before anything is computed. A GPU without TF32 takes no notice.
    """
    # The older of torch's two ways to say it: after the newer one, fp32_precision of each backend, torch.compile fails
    # where it asks for the older setting.
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
    # "high" holds for CPUs too, some of which have TF32.
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"  # type: ignore[attr-defined]


def arithmetic(device: torch.device, autocast: torch.dtype | None) -> Arithmetic:
    """What the model's matrix products are computed in, in a word: a part of what decides its vectors."""
    if autocast is not None:
        return "float16" if autocast is torch.float16 else "bfloat16"
    allowed = device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
    return "tf32" if allowed and _computes_tf32(device) else "float32"


def _computes_tf32(device: torch.device) -> bool:
    return torch.version.hip is None and torch.cuda.get_device_capability(device) >= (8, 0)
