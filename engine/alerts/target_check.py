"""``python -m engine.alerts.target_check``: reads a config as JSON and looks whether its alerts can be sent.

Sends nothing. Prints nothing and exits 0 when they can; else one line naming the key on stderr, exit 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from engine.alerts.deliver import problem_of
from engine.alerts.targets import Target, targets_of
from engine.config import AlertsConfig, ConfigError, RunConfig
from engine.runs.check_process import answer


def target_problems(alerts: AlertsConfig) -> Iterator[str]:
    """A line for each target that nothing could be sent to; it names the key."""
    targets, problems = targets_of(alerts, os.environ)
    yield from problems
    if not targets and not problems:
        yield f"alerts.targets_file: {alerts.targets_file} has no address"
    for target in targets:
        if problem := _problem(target):
            yield f"{target.origin}: {target.masked()}: {problem}"


def _problem(target: Target) -> str:
    if target.file is None:
        return problem_of(target.address)
    if not target.file.parent.is_dir():
        return f"no folder {target.file.parent}"
    return "this is a folder" if target.file.is_dir() else ""


def check(config: RunConfig) -> None:
    """Raises ConfigError with the first of the problems."""
    for line in target_problems(config.alerts):
        raise ConfigError(line)


if __name__ == "__main__":
    sys.exit(answer(check))
