"""The other end of ``engine.runs.preflight``: a process that looks at a config and says in one line what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from engine.config import ConfigError, RunConfig

EXIT_WRONG_USE = 2


def answer(check: Callable[[RunConfig], object]) -> int:
    """Has ``check`` look at the config on standard input: 0, or 2 with the line of its ConfigError on stderr."""
    try:
        check(msgspec.json.decode(sys.stdin.buffer.read(), type=RunConfig))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_WRONG_USE
    return 0
