"""What can go wrong with a run folder, as one line ready to print (exit status 2)."""

from __future__ import annotations

from engine.config import ConfigError


class RunError(ConfigError):
    """The run cannot be found, read or used this way."""


class RunBusy(RunError):  # noqa: N818 - a state of the run, told as such
    """Another process holds the run's lock."""
