"""Becomes the worker: a script that engine.runs.launch starts, and that needs the standard library only.

``python -I -S spawn.py detach|foreground LOG UMASK COMMAND...``

The launcher may be a program with threads, which must not run Python code in a fork; so it starts this, and
this one forks. ``detach``: the launcher has made this process the leader of a new session; its child is not, so
it can never get a terminal, and init becomes its parent. ``foreground``: COMMAND takes this process over.
Descriptors that the launcher passed on, the lock among them, stay open in COMMAND.
"""

from __future__ import annotations

import os
import signal
import sys


def main(how: str, log: str, umask: str, *command: str) -> None:
    os.umask(int(umask, 8))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    if how == "detach" and os.fork():
        os._exit(0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # survives exec: a closed terminal never stops a run
    # Signals that are passed on to a worker while it loads wait until it can pause (engine.worker.session).
    waiting = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1} if how == "foreground" else ()
    signal.pthread_sigmask(signal.SIG_SETMASK, waiting)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
