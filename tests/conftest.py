"""What every test gets: runs home, state and cache folders of its own, so that no test meets the user's."""

from __future__ import annotations

import fcntl
import gc
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
ZYGOTE = str(TESTS / "zygote.py")

# The same examples on every machine: what passes here passes in CI. `HYPOTHESIS_PROFILE=search` looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


# The models of tests are so small that a second thread only waits for the first, for long where others compute too.
# Read when numpy and torch are loaded; a run has as many threads as its config says nevertheless.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# What the imports of all test files make stays to the end: looking for cycles in it took a tenth of the suite's time.
gc.disable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write screens instead of comparing them")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: begun last, they would leave a core idle at the end.

    Those of the engine, which compute, alternate with those of the dashboard, which mostly wait.
    """
    needing_gpu = [item for item in items if item.get_closest_marker("cuda")]
    if needing_gpu:
        import torch

        if not torch.cuda.is_available():
            for item in needing_gpu:
                item.add_marker(pytest.mark.skip(reason="needs a GPU"))
    long = {item.path for item in items if item.get_closest_marker("long")}
    of_kind: dict[tuple[bool, str], list[Path]] = {}
    for path in dict.fromkeys(item.path for item in items):
        of_kind.setdefault((path in long, path.parts[: len(TESTS.parts) + 1][-1]), []).append(path)
    place = {path: index / len(paths) for paths in of_kind.values() for index, path in enumerate(paths)}
    items.sort(key=lambda item: (item.path not in long, place[item.path], item.path))


@pytest.fixture(scope="session", autouse=True)
def _private_folders_of_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For what fixtures of a whole module start: they are made before the folders of a test are."""
    with pytest.MonkeyPatch.context() as patch:
        _set_folders(patch, tmp_path_factory.mktemp("session"))
        yield


@pytest.fixture(autouse=True)
def _private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _set_folders(monkeypatch, tmp_path)


def _set_folders(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))
    patch.setenv("HYBRID_TUI_RUNS", str(folder / "runs"))
    patch.setenv("HYBRID_TUI_CACHE", str(folder / "cache"))


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The socket of a process that forks workers (zygote.py): one for all processes that share the tests."""
    folder, session = tmp_path_factory.getbasetemp(), os.getpid()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder, session = folder.parent, os.getppid()
    with (folder / "zygote.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        path = lock.read()
        if not answers(path):
            path = f"{tempfile.mkdtemp(prefix='zygote-')}/socket"  # a socket's path must be short
            process = subprocess.Popen([sys.executable, "-P", ZYGOTE, path, str(session)])
            while not answers(path):
                assert process.poll() is None, "the process that forks workers cannot start"
                time.sleep(0.01)
            lock.truncate(0)
            lock.write(path)
    return path


def answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(path) == 0


@pytest.fixture(scope="session")
def quick_python(zygote: str) -> list[str]:
    """Stands where ``sys.executable`` does before ``-c``, for code that needs torch and no interpreter of its own."""
    return [sys.executable, "-I", "-S", ZYGOTE, zygote]


@pytest.fixture(scope="module")
def quick_workers(zygote: str) -> Iterator[None]:
    """What the tests of a module launch are real workers, each a process of its own, that need not load torch first."""
    from engine.runs import launch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "WORKER", ("-I", "-S", ZYGOTE, zygote))
        yield
