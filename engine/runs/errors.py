"""Errors about a run, each one line ready to print (exit status 2), and what ends a worker's attempt."""

from __future__ import annotations

from engine.config import ConfigError


class RunError(ConfigError):
    """The run cannot be found, read or used this way."""


class RunBusy(RunError):  # noqa: N818 - a state of the run
    """Another process holds the run's lock."""


class EndOfAttempt(Exception):  # noqa: N818 - not an error
    """Raised anywhere in a worker to leave its attempt; a command in progress does not count as failed."""


class RankLost(EndOfAttempt):
    """A call of all ranks did not come to its end; this process must leave, and its agent says why."""


EXIT_RANK_LOST = 75  # of a rank that left because another one is gone


class Fatal(EndOfAttempt):
    """An error in the middle of a call that other ranks wait for: the attempt fails with its cause."""
