"""What only Linux has is asked for before it is used: on macOS a run starts, is listed, paused and resumed."""

from __future__ import annotations

import ast
import importlib
import os
import signal
from pathlib import Path

import msgspec
import pytest
from making import bare_run, recorded, started

from engine.machine.cores import cpu_quota, memory_limit, usable_cores
from engine.runs import lock, log
from engine.runs.errors import RunError
from engine.runs.lock import RunLock, probe, signal_worker

ROOT = Path(__file__).parents[3]
ONLY_LINUX = {
    "os": {
        "copy_file_range", "eventfd", "fdatasync", "getxattr", "memfd_create", "pidfd_open", "posix_fadvise",
        "posix_fallocate", "sched_getaffinity", "sched_setaffinity", "setxattr", "splice", "O_DIRECT", "O_PATH",
        "O_TMPFILE",
    },
    "signal": {"pidfd_send_signal", "sigtimedwait", "sigwaitinfo"},
    "select": {"epoll"},
    "time": {"CLOCK_BOOTTIME"},
}  # fmt: skip
TOGETHER = {"pidfd_send_signal": "pidfd_open"}  # who asks for the one has the other


def test_no_name_of_linux_alone_is_used_unasked() -> None:
    unasked = []
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            module, name = node.value.id, node.attr
            asked = f'attr({module}, "{name}"' in text or f'attr(os, "{TOGETHER.get(name, "")}")' in text
            if name in ONLY_LINUX.get(module, ()) and not asked:
                unasked.append(f"{path.relative_to(ROOT)}: {module}.{name}")
    assert unasked == []


def test_the_log_is_synced_without_fdatasync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fdatasync")
    importlib.reload(log)
    try:
        folder = bare_run(tmp_path)
        writer = log.EventLog.open(folder, 1)
        writer.append(started())
        writer.sync()
        assert writer.failed_writes == 0
        writer.close()
        assert len(recorded(folder)) == 1
    finally:
        monkeypatch.undo()
        importlib.reload(log)


def test_cores_are_counted_without_affinity_and_cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert usable_cores(tmp_path) == 8
    assert (cpu_quota(tmp_path), memory_limit(tmp_path)) == (None, None)


def test_without_a_boot_id_the_name_of_the_machine_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_BOOT_ID", tmp_path / "none")
    folder = bare_run(tmp_path)
    held = RunLock.acquire(folder)
    held.write_owner(1)
    assert probe(folder).alive is True
    held.release()
    assert probe(folder).alive is False
    owner = probe(folder).owner
    assert owner is not None
    folder.lock.write_bytes(msgspec.json.encode(msgspec.structs.replace(owner, host="another")))
    assert probe(folder).alive is None, "whether it lives is not to be seen from here"


def test_without_pidfd_no_process_is_signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    folder = bare_run(tmp_path)
    held = RunLock.acquire(folder)
    held.write_owner(1)
    with pytest.raises(RunError, match="need Linux"):
        signal_worker(folder, signal.SIGTERM)
    held.release()
