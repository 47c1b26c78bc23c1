"""What a result depends on besides its config, recorded at launch. What cannot be read is left out."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from engine.config import RunConfig
from engine.machine.cores import usable_cores
from engine.runs.folder import Provenance
from engine.runs.text import writable

PACKAGES = (
    "hybrid-tui", "torch", "transformers", "tokenizers", "datasets", "numpy", "polars", "babel", "msgspec",
    "peft", "textual",
)  # fmt: skip
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_GIT_TIMEOUT_SECONDS = 5.0
# A repository's settings may name programs to run (diff drivers, file system monitors): a record must not run them.
_GIT = ("git", "-c", "core.fsmonitor=false", "--no-pager")
_DIFF = ("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--binary")


def provenance(config: RunConfig, command_line: Sequence[str]) -> Provenance:
    """The record of this machine, this environment and the repository of the current directory."""
    commit = _git("rev-parse", "HEAD")
    diff = None if commit is None else _git(*_DIFF)
    return Provenance(
        command_line=tuple(map(writable, command_line)),
        git_commit=None if commit is None else commit.decode("ascii", "replace").strip(),
        git_diff_digest=None if diff is None else hashlib.sha256(diff).hexdigest(),
        python=platform.python_version(),
        packages=_versions(),
        host=os.uname().nodename,
        driver=_driver(),
        threads=config.runtime.threads or usable_cores(),
    )


def _git(*arguments: str) -> bytes | None:
    try:
        answer = subprocess.run(
            [*_GIT, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git, no repository, no commit yet, not ours, or too slow
    return answer.stdout


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _driver() -> str | None:
    try:
        return _NVIDIA_DRIVER.read_text().splitlines()[0].strip()
    except (OSError, IndexError):
        return None
