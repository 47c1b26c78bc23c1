"""A run is a directory: the names in it, where runs live, and the immutable spec."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.config import RunConfig
from engine.paths import absolute
from engine.runs.errors import RunError
from engine.runs.study_record import StudyRecord

RUNS_VARIABLE = "HYBRID_TUI_RUNS"

_CHECKPOINT = re.compile(r"step-(\d+)")
_NO_CHANGES = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run; nothing is read or created by making one."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def log(self) -> Path:
        """Standard output and error of the worker."""
        return self.path / "worker.log"

    @property
    def alerts(self) -> Path:
        """What was told of the run, one file each, and the lock of the process that tells it."""
        return self.path / "alerts"

    @property
    def alerts_log(self) -> Path:
        """What became of each alert, and the output of ``hooks.on_end``."""
        return self.path / "alerts.log"

    @property
    def annotations(self) -> Path:
        """What a person says of the run: name, note, tags, pin."""
        return self.path / "annotations.json"

    @property
    def lock(self) -> Path:
        return self.path / "worker.lock"

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        return self.path / "results"

    @property
    def model(self) -> Path:
        return self.path / "model"

    def file_mode(self) -> int:
        """Mode of new files: 0600 in a private folder, 0644 in a shared one.

        Raises:
            RunError: the folder is gone.
        """
        try:
            mode = self.path.stat().st_mode
        except OSError as error:
            raise RunError(f"{self.path}: {error.strerror}") from None
        return stat.S_IMODE(mode) & 0o644 | 0o600


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What a result depends on besides its config."""

    command_line: tuple[str, ...] = ()
    git_commit: str | None = None  # of the directory the run was launched from
    git_diff_digest: str | None = None  # SHA-256 of `git diff HEAD`; None: no repository
    python: str = ""
    packages: dict[str, str] = {}  # name: version
    host: str = ""
    driver: str | None = None  # of the GPU
    threads: int = 1

    @property
    def changed(self) -> bool:
        """Whether something had been changed since the commit."""
        return self.git_diff_digest not in (None, _NO_CHANGES)


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """spec.json: the resolved config and where it came from."""

    config: RunConfig
    created: float  # unix seconds
    provenance: Provenance
    parent: str | None = None  # RUN[@STEP] it was started from
    study: StudyRecord | None = None  # the study that the run is a part of


def results_folder(run: RunFolder, step: int, benchmark: str) -> Path:
    """Where the results of a step on a benchmark lie: ``results/step-000400/xquad-r``."""
    return run.results / f"step-{step:06d}" / benchmark_folder(benchmark)


def benchmark_folder(benchmark: str) -> str:
    """The folder of a benchmark's results: its key. But "own/faq" lies in "own-faq", beside "own" and not within it."""
    return benchmark.replace("own/", "own-", 1)


def benchmark_of(folder: Path) -> str:
    """The benchmark whose results lie in ``folder``, a path relative to that of its step; the inverse."""
    return folder.as_posix().replace("own-", "own/", 1)


def runs_home(option: str | None = None) -> Path:
    """``option`` (--runs DIR), else $HYBRID_TUI_RUNS, else ./runs; absolute, not created."""
    return absolute(option or os.environ.get(RUNS_VARIABLE) or "runs")


def read_spec(folder: RunFolder) -> Spec:
    """The spec of a run.

    Raises:
        RunError: there is none, or it cannot be read as one.
    """
    try:
        return msgspec.json.decode(folder.spec.read_bytes(), type=Spec)
    except OSError as error:
        raise RunError(f"{folder.spec}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise RunError(f"{folder.spec}: not a run's spec: {error}") from None


def newest_step(checkpoints: Path) -> int | None:
    """The last step that has a whole checkpoint; None without any. Half-written ones have hidden names."""
    try:
        steps = [match for entry in os.scandir(checkpoints) if (match := _CHECKPOINT.fullmatch(entry.name))]
    except OSError:
        return None
    return max((int(match[1]) for match in steps), default=None)
