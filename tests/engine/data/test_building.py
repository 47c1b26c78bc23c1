"""Of many that want the same folder of the cache, one builds it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.data.store.building import build_once


def test_one_builds_while_the_others_wait_and_say_so(tmp_path: Path) -> None:
    """Threads stand for processes: a file lock keeps both apart."""
    folder, waited = tmp_path / "deeper" / "entry", threading.Event()
    built: list[Path] = []

    def fill(new: Path) -> None:
        assert waited.wait(60), "the others have asked for it meanwhile"
        (new / "content").write_text("whole")
        built.append(new)

    def tick(what: str, done: int, total: int | None) -> None:
        assert (what, done, total) == ("waiting for another process", 0, None)
        waited.set()

    with ThreadPoolExecutor(3) as threads:
        for future in [threads.submit(build_once, folder, fill, tick) for _ in range(3)]:
            future.result()
    assert len(built) == 1
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == ["entry"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_who_waits_may_abandon_and_who_fails_leaves_nothing(tmp_path: Path) -> None:
    started, abandoned = threading.Event(), threading.Event()

    def fill(new: Path) -> None:
        started.set()
        assert abandoned.wait(60)
        raise OSError("no space")

    def abandon(what: str, done: int, total: int | None) -> None:
        raise InterruptedError

    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(build_once, tmp_path / "entry", fill)
        assert started.wait(60)
        with pytest.raises(InterruptedError):
            build_once(tmp_path / "entry", fill, abandon)
        abandoned.set()
        with pytest.raises(OSError, match="no space"):
            building.result()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
