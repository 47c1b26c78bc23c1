"""Workers that start at once: forks of a process that has loaded torch and transformers, which takes many seconds.

``python -P zygote.py SOCKET`` loads and serves. ``python -I -S zygote.py SOCKET ARGUMENTS...`` stands where the
launcher starts ``python -P -m engine.worker ARGUMENTS...``: it hands all it was given over to a fork of the other one
and leaves.
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

_ROOM = 1 << 20  # bytes of one request
_APART = 200  # descriptors from here on are nobody's target


def serve(path: str) -> NoReturn:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # what engine.device sets before torch is loaded
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(64)
    Path(f"{path}.new").rename(path)  # who sees it can connect, and waits while this one loads

    from engine.preparation import import_frameworks

    import_frameworks()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the workers, as init does
    while True:
        connection, _ = listener.accept()
        data, descriptors, _, _ = socket.recv_fds(connection, _ROOM, 16)
        connection.close()
        if os.fork() == 0:
            listener.close()
            become(json.loads(data), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def become(request: dict[str, object], descriptors: list[int]) -> NoReturn:
    """The worker, with the descriptors, folder, umask and environment that it would have had."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.umask(request["umask"])
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        apart = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _APART) for descriptor in descriptors]
        for descriptor in descriptors:
            os.close(descriptor)
        for descriptor, number in zip(apart, request["numbers"], strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)

        from engine.worker import main

        status = main(request["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def hand_over(path: str, arguments: list[str]) -> None:
    umask = os.umask(0)
    numbers = [0, 1, 2, int(arguments[arguments.index("--lock-fd") + 1])]
    request = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "numbers": numbers,
        "umask": umask,
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))
        connection.sendmsg([json.dumps(request).encode()], [rights])


if __name__ == "__main__":
    if sys.argv[2:]:
        hand_over(sys.argv[1], sys.argv[2:])
    else:
        serve(sys.argv[1])
