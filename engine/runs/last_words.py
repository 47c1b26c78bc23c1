"""What a worker said last on its standard output and error: worker.log, which knows more of a crash than the log does.

A worker that dies by itself writes why: Python's fault handler names the signal, the library that gave up says what was
wrong. One that was killed from outside says nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Sequence

from engine.runs.folder import RunFolder

_TAIL_BYTES = 32 * 1024
_LINES = 200
SLACK = 5.0  # seconds; the clocks of the file system and of the worker may differ a little

_SIGNALS = {  # as Python's fault handler calls them
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Floating point exception": "SIGFPE",
    "Floating-point exception": "SIGFPE",
    "Illegal instruction": "SIGILL",
    "Segmentation fault": "SIGSEGV",
}
# Patterns that are compiled when a worker has died: most runs have no last words.
_FATAL = r"Fatal Python error: (?P<name>[\w -]+)"
_TOLD = (  # the best first; of each the last line that fits
    r"^\s*what\(\):\s*(.+)",
    r"(CUDA error: .+)",
    r"^((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)",
    r"^(.*\b(?:[Ee]rror|ERROR|[Ff]atal|FATAL|[Aa]ssertion|out of memory|terminate called)\b.*)",
)


def last_words(folder: RunFolder, since: float = 0.0) -> tuple[str, ...]:
    """The last lines of worker.log, at most 200 of its last 32 KiB; none where there is no such file of its own.

    ``since``: unix seconds; what was written before is no word about what happened then.
    """
    try:
        fd = os.open(folder.log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ()
    with contextlib.closing(os.fdopen(fd, "rb", buffering=0)) as file:
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_mtime < since - SLACK:
                return ()
            file.seek(max(0, status.st_size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return ()
    whole = lines[1:] if status.st_size > _TAIL_BYTES else lines
    return tuple(line.rstrip() for line in whole[-_LINES:] if line.strip())


def telling_part(lines: Sequence[str], count: int) -> tuple[str, ...]:
    """``count`` lines from where it began to go wrong, as far as that can be told; else the last ones.

    Behind the cause the fault handler lists every frame of every thread.
    """
    fatal = next((at for at in reversed(range(len(lines))) if re.search(_FATAL, lines[at])), len(lines))
    causes = [at for at in range(max(0, fatal - count), fatal) if any(re.search(told, lines[at]) for told in _TOLD)]
    start = causes[0] if causes and fatal < len(lines) else min(fatal, max(0, len(lines) - count))
    return tuple(lines[start : start + count])


def cause_of_death(lines: Sequence[str]) -> str:
    """By what signal and why, as the last words tell; empty where they tell nothing."""
    fatal = next((match for line in reversed(lines) if (match := re.search(_FATAL, line))), None)
    by = f"died by {_SIGNALS.get(fatal['name'].strip(), fatal['name'].strip())}" if fatal is not None else ""
    why = ""
    said = [line for line in lines if not re.search(_FATAL, line)]
    for pattern in _TOLD:
        if told := next((match[1] for line in reversed(said) if (match := re.search(pattern, line))), ""):
            why = told.strip()
            break
    parts = [part for part in (by, why) if part]
    return f"{': '.join(parts)} (worker.log)" if parts else ""
