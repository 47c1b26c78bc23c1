"""The cores and the memory that this process may use: what its cgroups allow of the machine's."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "no limit" as a number near 2**63


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that the process may be scheduled on, or as many as its CPU quota pays for, rounded up, if that is less.

    More threads than the quota pays for compute no faster: the kernel halts all of them for the rest of each period,
    and those that wait at a barrier use the quota up.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(root)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPU seconds per second that the cgroups of this process allow; None: no limit, or none that can be read.

    Args:
        root: the folder that holds proc/ and sys/.
    """
    quotas = []
    for folder in _cgroups(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")  # of version 2, both in microseconds
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):  # no limit is "max", or -1 in version 1
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that the cgroups of this process allow; None: no limit, or none that can be read.

    Args:
        root: the folder that holds proc/ and sys/.
    """
    limits = []
    for folder in _cgroups(root, "memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if limit.isdecimal() and int(limit) < _NO_LIMIT_BYTES:
            limits.append(int(limit))
    return min(limits, default=None)


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the cgroup that limits this process and of those around it, whose limits hold as well.

    In a container the path may be the host's, of which the container sees only the root.
    """
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0" and not controllers:
            tree = mount
        elif controller in controllers.split(","):
            tree = mount / controllers if (mount / controllers).is_dir() else mount / controller
        else:
            continue
        inside = Path(path.lstrip("/"))
        for folder in (inside, *inside.parents):
            yield tree / folder


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
