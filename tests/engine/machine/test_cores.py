"""A container's quota and limit count, and not the host's cores: threads beyond the quota only halt each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.machine.cores import cpu_quota, memory_limit, usable_cores

V1 = "12:pids:/job\n4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n"


def files(root: Path, membership: str, **texts: str) -> Path:
    """The files that the functions read, under ``root``; ``texts``: those under sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(membership)
    for name, text in texts.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("membership", "texts", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000"}, 1.5),  # a container with a cgroup namespace
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/\n", {}, None),  # the root of a machine has no such file
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, 2.0),  # the one around it
        ("0::/../other\n", {}, None),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "50000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 0.5),
        (V1, {"cpu/docker/abc/cpu.cfs_quota_us": "300000", "cpu/docker/abc/cpu.cfs_period_us": "100000"}, 3.0),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("", {"cpu.max": "100000 100000"}, None),
    ],
)
def test_quota_of_cgroups(tmp_path: Path, membership: str, texts: dict[str, str], quota: float | None) -> None:
    assert cpu_quota(files(tmp_path, membership, **texts)) == quota


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("100000", 1), ("150000", 2), ("1600000", 4)])
def test_threads_are_those_that_the_quota_pays_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert usable_cores(tmp_path) == 4
    assert usable_cores(files(tmp_path, "0::/\n", **{"cpu.max": f"{quota} 100000"})) == cores


def test_memory_limit_of_cgroups(tmp_path: Path) -> None:
    texts = {"memory/docker/abc/memory.limit_in_bytes": "4294967296", "memory/memory.limit_in_bytes": str(2**63 - 4096)}
    assert memory_limit(files(tmp_path / "one", V1, **texts)) == 4 * 2**30
    assert memory_limit(files(tmp_path / "two", "0::/\n", **{"memory.max": "max"})) is None
    assert memory_limit(files(tmp_path / "three", "0::/\n", **{"memory.max": "1048576"})) == 2**20
