"""What can go wrong with a run folder, as one line ready to print (exit status 2), and what ends an attempt."""

from __future__ import annotations

from engine.config import ConfigError


class RunError(ConfigError):
    """The run cannot be found, read or used this way."""


class RunBusy(RunError):  # noqa: N818 - a state of the run, told as such
    """Another process holds the run's lock."""


class EndOfAttempt(Exception):  # noqa: N818 - not an error
    """Unwinds to whoever runs the attempt, from wherever it is raised: a command in progress never fails of it."""
