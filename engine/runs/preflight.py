"""Looks at the user's own files and at who is to be told, before a run folder is made: what is wrong is exit 2."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys

import msgspec

from engine.config import AlertsConfig, ConfigError, RunConfig, has_targets

_EXIT_WRONG_USE = 2


def preflight(config: RunConfig) -> None:
    """Loads local files in another process, so that this one stays light; built-in data are not checked.

    Of alerts, looks whether they can be sent, and sends nothing. Where the config names GPUs, looks whether they are
    here.

    Raises:
        ConfigError: one line naming file and field.
    """
    if config.runtime.devices.startswith("cuda"):
        _check("engine.worker.device_check", config, "the GPUs cannot be asked")
    if config.lora.rank and importlib.util.find_spec("peft") is None:
        raise ConfigError("lora.rank: adapters need the extra 'lora': pip install 'hybrid-tui[lora]'")
    local_sources = any(source.kind in ("jsonl", "lareqa", "squad", "mmarco") for source in config.sources)
    local_benchmarks = any("=" in spec for spec in config.evaluation.benchmarks)
    if local_sources or local_benchmarks or config.evaluation.forbid_overlap:
        _check("engine.data.check", config, "the data cannot be read")
    if has_targets(config.alerts):
        _check_alerts(config.alerts)


@functools.cache  # the runs of a study have the same; a refusal is not kept
def _check_alerts(alerts: AlertsConfig) -> None:
    _check("engine.alerts.target_check", RunConfig(alerts=alerts), "the alerts cannot be sent")


def _check(module: str, config: RunConfig, what: str) -> None:
    """Has ``module`` look at the config.

    Raises:
        ConfigError: what it says, or where it fails itself ``what`` with the last line of that.
    """
    command = [sys.executable, "-P", "-m", module]  # -P: the current directory is the user's
    done = subprocess.run(command, input=msgspec.json.encode(config), capture_output=True, check=False)
    if done.returncode == 0:
        return
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode != _EXIT_WRONG_USE:
        raise ConfigError(": ".join([what, *lines[-1:]]))
    raise ConfigError(lines[-1] if lines else what)
