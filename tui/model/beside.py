"""What a process of its own computes for a screen, so that no screen waits for it or loads what it needs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable


def run_beside(module: str, request: bytes, heard: Callable[[bytes], None], cancelled: threading.Event) -> int | None:
    """Hands ``request`` to ``python -m MODULE`` and every line that it writes to ``heard``.

    Waits for its end: called in a thread. Exit status; None when ``cancelled`` was set before it was done, which kills
    the process. Afterwards ``cancelled`` is set.

    Raises:
        OSError: no process can be made.
    """
    # -P: the current directory is the user's and may hold an "engine" of its own.
    command = [sys.executable, "-P", "-m", module]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stopper = threading.Thread(target=_kill_when, args=(cancelled, process), daemon=True)
        stopper.start()
        process.stdin.write(request)
        process.stdin.close()
        for line in process.stdout:
            heard(line)
    if cancelled.is_set():
        return None
    cancelled.set()  # the stopper's work is done
    return process.returncode


def _kill_when(cancelled: threading.Event, process: subprocess.Popen[bytes]) -> None:
    cancelled.wait()
    if process.poll() is None:
        process.kill()
