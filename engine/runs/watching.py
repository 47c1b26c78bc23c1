"""The process beside a worker that tells people how the run goes: whether a run has one, and its start.

It is ``engine.alerts.watcher``. A config's alerts and ``hooks.on_end`` need it: ``make_watched`` marks such a run when
it is launched. The mark holds a word that this user's state folder holds too, and that nobody else knows. Without it
nobody who looks at a run, which may be a copy of somebody else's, starts a process that runs its commands.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

from engine import flock
from engine.files import read_small, write_file
from engine.paths import state_folder
from engine.runs import spawn
from engine.runs.folder import RunFolder
from engine.runs.logout import scope_command

WATCHER = ("-P", "-m", "engine.alerts.watcher")
_WORD = re.compile(r"[0-9a-f]{32}")
_WAIT_SECONDS = 0.1


def make_watched(folder: RunFolder) -> None:
    """Marks a run as one of this user's that is to be watched; again: nothing.

    Raises:
        OSError: the mark cannot be written.
    """
    if is_marked(folder):
        return
    folder.alerts.mkdir(mode=0o700, exist_ok=True)
    word = os.urandom(16).hex()
    known = _known(word)
    known.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(known, b"", 0o600)
    write_file(folder.alerts / "mark", word.encode(), 0o600)


def is_marked(folder: RunFolder) -> bool:
    """Whether this user launched or resumed the run, and its config asks for a watcher. Costs one look at the disk."""
    try:
        word = read_small(folder.alerts / "mark").decode("ascii")
    except (OSError, UnicodeDecodeError):
        return False
    return _WORD.fullmatch(word) is not None and _known(word).exists()


def unmark(folder: RunFolder) -> None:
    """Of a run that is finished and told of, or deleted: nobody need look at it any more."""
    if is_marked(folder):
        with contextlib.suppress(OSError):
            mark = folder.alerts / "mark"
            _known(read_small(mark).decode("ascii")).unlink(missing_ok=True)
            mark.unlink(missing_ok=True)


def start_watcher(folder: RunFolder) -> None:
    """Starts the watcher of a marked run in a session of its own; one that is there already stays the only one.

    Never raises for want of a process: without its watcher a run goes on as well.
    """
    if not is_marked(folder):
        return
    with contextlib.suppress(OSError):
        umask = 0o777 & ~stat.S_IMODE(folder.path.stat().st_mode)
        watcher = [sys.executable, *WATCHER, str(folder.path)]
        command = [
            sys.executable, "-I", "-S", str(spawn.__file__), "detach", str(folder.alerts_log), f"{umask:o}", *watcher
        ]  # fmt: skip
        scope = scope_command()
        if not scope or _run([*scope, *command]) != 0:
            _run(command)


def has_watcher(folder: RunFolder) -> bool:
    """Whether one is at work."""
    try:
        fd = os.open(watcher_lock(folder), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not flock.try_shared(fd)
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(fd)


def wait_for_watcher(folder: RunFolder, seconds: float) -> None:
    """Of a run that has just ended: until its watcher has told all that there is to tell, for at most so long.

    A watcher may be still starting; it is waited for until somebody has taken on to tell an end (engine.alerts.record).
    """
    deadline = time.monotonic() + seconds
    while is_marked(folder) and time.monotonic() < deadline:
        if not has_watcher(folder) and any(folder.alerts.glob("end-*.json")):
            return
        time.sleep(_WAIT_SECONDS)


def watcher_lock(folder: RunFolder) -> Path:
    """Held by the watcher for life."""
    return folder.alerts / "watcher.lock"


def _known(word: str) -> Path:
    return state_folder() / "watched" / word


def _run(command: list[str]) -> int:
    """The exit status of what detaches, which comes at once."""
    silent = subprocess.DEVNULL
    return subprocess.run(
        command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True, check=False
    ).returncode
