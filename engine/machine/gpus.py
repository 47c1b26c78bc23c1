"""The NVIDIA GPUs of this machine as torch numbers them, or the reason why torch can use none.

They are read from nvidia-smi and not from torch, which takes seconds and hundreds of MB: a queued run must stay light.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_TOOL = "nvidia-smi"
_TOOL_SECONDS = 10.0  # so that a hung driver does not hang the queue
_UUID_PREFIX = "GPU-"


class UnusableGpus(Exception):  # noqa: N818 - a state of the machine; the caller decides whether it matters
    """There is an NVIDIA driver or its tool, and nothing that torch can compute on.

    Attributes:
        reason: in a few words.
        remedy: what to do about it.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True, slots=True)
class Gpu:
    index: int  # torch's: among the GPUs that CUDA_VISIBLE_DEVICES leaves
    uuid: str  # without "GPU-", as torch has it
    name: str


def has_driver() -> bool:
    """Whether the machine has an NVIDIA driver or nvidia-smi, so that GPUs are to be expected."""
    return _NVIDIA_DRIVER.exists() or shutil.which(_TOOL) is not None


def visible_gpus() -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves; empty on a machine without an NVIDIA driver.

    torch is asked only where nvidia-smi is missing or cannot tell torch's numbers: parts of GPUs (MIG), or unlike GPUs,
    which CUDA orders by speed.

    Raises:
        UnusableGpus: there is a driver, and no GPU that torch can use.
    """
    if not has_driver():
        return []
    gpus, tool = None, shutil.which(_TOOL)
    try:
        gpus = None if tool is None else _gpus_of_driver(tool)
    except (OSError, subprocess.SubprocessError) as error:
        if not _NVIDIA_DRIVER.exists():
            raise UnusableGpus(f"{_TOOL} failed ({_one_line(error)})", "repair the NVIDIA driver") from None
    if gpus == []:
        raise UnusableGpus(f"{_TOOL} lists no GPU", "have the scheduler or the container give the run one")
    version, has_cuda = installed_torch()
    if not has_cuda:
        raise UnusableGpus(f"torch {version} is built without CUDA", "install a torch with CUDA")
    if gpus is not None and (_same_model(gpus) or os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"):
        gpus = _visible(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    else:
        gpus = None
    if gpus is None:
        gpus = _gpus_of_torch()
    if not gpus:
        raise _hidden()
    return gpus


def torch_indices(uuids: Sequence[str]) -> list[int]:
    """The numbers that torch has for GPUs. Imports torch, so a run calls it once it has its devices.

    Raises:
        UnusableGpus: torch cannot use them, for example because the driver is too old for it.
    """
    indices = {gpu.uuid: gpu.index for gpu in _gpus_of_torch()}
    if missing := [uuid for uuid in uuids if uuid not in indices]:
        raise UnusableGpus(
            f"torch does not see {_UUID_PREFIX}{missing[0]}", "compare nvidia-smi with hybrid-tui doctor"
        )
    return [indices[uuid] for uuid in uuids]


def installed_torch() -> tuple[str, bool]:
    """The installed torch's version, and whether it is built with CUDA, read from its files."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return "", True  # importing it will tell
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "", True
    version = re.search(r"^__version__\s*=\s*['\"](.+)['\"]", text, re.MULTILINE)
    without_cuda = re.search(r"^cuda\b[^=]*=\s*None\s*$", text, re.MULTILINE)
    return "" if version is None else version[1], without_cuda is None


def _gpus_of_driver(tool: str) -> list[Gpu] | None:
    """All GPUs of the machine in the order of their buses; None where CUDA may number parts of them."""
    query = [tool, "--query-gpu=index,uuid,mig.mode.current,name", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=_TOOL_SECONDS, check=False)
    if "No devices were found" in answer.stdout:
        return []  # the exit status is 0 or 6, depending on the driver's version
    answer.check_returncode()
    gpus = []
    for line in answer.stdout.splitlines():
        index, uuid, mig, name = (*(part.strip() for part in line.split(",", 3)), "", "", "")[:4]
        if not index.isdecimal() or not uuid.startswith(_UUID_PREFIX) or mig == "Enabled":
            return None
        gpus.append(Gpu(int(index), uuid.removeprefix(_UUID_PREFIX), name))
    return gpus


def _same_model(gpus: list[Gpu]) -> bool:
    return len({gpu.name for gpu in gpus}) == 1


def _visible(gpus: list[Gpu], variable: str | None) -> list[Gpu] | None:
    """Those that CUDA_VISIBLE_DEVICES names, numbered anew in its order; None where it names parts of GPUs.

    CUDA reads the list up to the first entry that it does not know, and takes one that names a GPU twice for empty.
    """
    if variable is None:
        return gpus
    visible: list[Gpu] = []
    for entry in variable.split(","):
        entry = entry.strip()
        if entry.startswith("MIG-"):
            return None
        named = [gpu for gpu in gpus if entry == str(gpu.index)]
        if entry.startswith(_UUID_PREFIX):  # a unique prefix is enough
            named = [gpu for gpu in gpus if f"{_UUID_PREFIX}{gpu.uuid}".startswith(entry)]
        if len(named) != 1:
            break
        if named[0] in visible:
            return []
        visible += named
    return [Gpu(index, gpu.uuid, gpu.name) for index, gpu in enumerate(visible)]


def _gpus_of_torch() -> list[Gpu]:
    import torch

    try:
        # The count alone comes from the driver, also where CUDA does not start.
        torch.cuda.init()  # type: ignore[no-untyped-call]
        properties = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    except (AssertionError, RuntimeError) as error:
        if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
            raise _hidden() from None
        remedy = "update the NVIDIA driver, or install a torch that is built for it"
        raise UnusableGpus(_one_line(error).partition(". ")[0].rstrip("."), remedy) from None
    return [Gpu(index, str(gpu.uuid), gpu.name) for index, gpu in enumerate(properties)]


def _hidden() -> UnusableGpus:
    variable = os.environ.get("CUDA_VISIBLE_DEVICES")
    if variable is None:
        return UnusableGpus("torch sees no GPU", "compare nvidia-smi with hybrid-tui doctor")
    reason = f"CUDA_VISIBLE_DEVICES={variable} names no GPU here" if variable else "CUDA_VISIBLE_DEVICES is empty"
    return UnusableGpus(reason, "unset it or name a GPU of this machine")


def _one_line(error: Exception) -> str:
    text = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        text = error.stdout or error.stderr or f"status {error.returncode}"
    return " ".join(text.split())[:200]
