"""Reads the user's own files before a run folder is made, so that a malformed one is an error at once (exit 2)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import msgspec

from engine.config import ConfigError, RunConfig

_EXIT_WRONG_USE = 2


def preflight(config: RunConfig) -> None:
    """Loads local files in another process, so that this one stays light; built-in data are not checked.

    Raises:
        ConfigError: one line naming file and field.
    """
    if config.lora.rank and importlib.util.find_spec("peft") is None:
        raise ConfigError("lora.rank: adapters need the extra 'lora': pip install 'hybrid-tui[lora]'")
    local_sources = any(source.kind in ("jsonl", "lareqa", "squad", "mmarco") for source in config.sources)
    local_benchmarks = any("=" in spec for spec in config.evaluation.benchmarks)
    if not (local_sources or local_benchmarks or config.evaluation.forbid_overlap):
        return
    command = [sys.executable, "-P", "-m", "engine.data.check"]  # -P: the current directory is the user's
    done = subprocess.run(command, input=msgspec.json.encode(config), capture_output=True, check=False)
    if done.returncode == 0:
        return
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["the data cannot be read"]
    if done.returncode != _EXIT_WRONG_USE:
        raise ConfigError(f"the data cannot be read: {lines[-1]}")
    raise ConfigError(lines[-1])
