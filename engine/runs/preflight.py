"""Looks at the user's own files and at who is to be told, before a run folder is made: what is wrong is exit 2."""

from __future__ import annotations

import functools
import importlib.util
import os
import select
import subprocess
import sys
import tempfile

import msgspec

from engine.config import AlertsConfig, ConfigError, RunConfig, has_targets
from engine.progress import Tick
from engine.runs.check_process import EXIT_WRONG_USE

_TICK_SECONDS = 0.2


def preflight(config: RunConfig, tick: Tick | None = None) -> None:
    """Loads local files in another process, so that this one stays light; built-in data are not checked.

    Of alerts, looks whether they can be sent, and sends nothing. Where the config names GPUs, looks whether they are
    here.

    Args:
        tick: called several times a second with what is being looked at; may raise to abandon the work.

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
        _check("engine.data.check", config, "the data cannot be read", tick)
    if has_targets(config.alerts):
        _check_alerts(config.alerts)


@functools.cache  # the runs of a study have the same; a refusal is not kept
def _check_alerts(alerts: AlertsConfig) -> None:
    _check("engine.alerts.target_check", RunConfig(alerts=alerts), "the alerts cannot be sent")


def _check(module: str, config: RunConfig, what: str, tick: Tick | None = None) -> None:
    """Has ``module`` look at the config; each line that it prints says what it looks at from then on.

    Raises:
        ConfigError: what it says, or where it fails itself ``what`` with the last line of that.
    """
    command = [sys.executable, "-P", "-m", module]  # -P: the current directory is the user's
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as errors:
        asked.write(msgspec.json.encode(config))
        asked.seek(0)
        process = subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE, stderr=errors)
        try:
            _follow(process, tick)
        finally:
            process.kill()  # where the work was abandoned; one that has ended does not mind
            status = process.wait()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    if status == 0:
        return
    if status != EXIT_WRONG_USE:
        raise ConfigError(": ".join([what, *lines[-1:]]))
    raise ConfigError(lines[-1] if lines else what)


def _follow(process: subprocess.Popen[bytes], tick: Tick | None) -> None:
    """Waits for the end of a process and tells the newest line that it has printed."""
    assert process.stdout is not None
    what, text = "checking the data", b""
    with process.stdout as output:
        while True:
            if select.select([output], [], [], _TICK_SECONDS)[0]:
                part = os.read(output.fileno(), 65536)
                if not part:
                    break
                *lines, text = (text + part).split(b"\n")
                what = lines[-1].decode(errors="replace") if lines else what
            if tick is not None:
                tick(what, 0, None)
    process.wait()
