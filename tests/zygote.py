"""Processes that start at once: forks of one that has loaded torch and transformers, which takes many seconds.

``python -P zygote.py SOCKET SESSION`` loads, and serves for as long as the process SESSION lives.
``python -I -S zygote.py SOCKET ARGUMENTS...`` stands where the launcher starts ``python -P -m engine.worker
ARGUMENTS...``: it hands all it was given over to a fork of the other one and leaves. ``python -I -S zygote.py SOCKET -c
CODE ARGUMENTS...`` stands for ``python -c CODE ARGUMENTS...``, and stays until that is over.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_PART = 1 << 16  # bytes of a request that are read at once
_LENGTH = 4  # bytes that say how many follow
_APART = 200  # descriptors from here on are nobody's target
_LOOK_SECONDS = 1.0  # between two looks at whether the session lives
_LATER_IMPORTS = (
    "engine.data.sources",
    "engine.distributed.encode",
    "engine.distributed.launch",
    "engine.evaluation.benchmarking",
    "engine.evaluation.results",
    "engine.worker.agent",
    "engine.worker.rank",
    "engine.worker.run",
    "engine.worker.telemetry",
    "engine.worker.training",
)


def serve(path: str, session: int) -> NoReturn:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # what engine.worker.devices sets before torch is loaded
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(64)
    Path(f"{path}.new").rename(path)  # who sees it can connect, and waits while this one loads

    from engine.worker.loading import import_frameworks

    import_frameworks()
    # What a worker imports once it has a device. Not polars: it starts threads, which do not survive a fork.
    for module in _LATER_IMPORTS:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the workers, as init does
    listener.settimeout(_LOOK_SECONDS)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if not Path(f"/proc/{session}").exists():
                shutil.rmtree(Path(path).parent)
                os._exit(0)
            continue
        try:
            data, descriptors = receive(connection)
        except OSError:  # who asked is gone
            connection.close()
            continue
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork() == 0:
            listener.close()
            become(data, descriptors, connection)
        connection.close()
        for descriptor in descriptors:
            os.close(descriptor)


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """A request behind its length, and the descriptors that came with its first part."""
    data, descriptors, _, _ = socket.recv_fds(connection, _PART, 16)
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    while len(data) < end:
        part = connection.recv(_PART)
        if not part:
            raise ConnectionError
        data += part
    return data[_LENGTH:], descriptors


def become(data: bytes, descriptors: list[int], connection: socket.socket) -> NoReturn:
    """The worker, with the descriptors, folder, umask and environment that it would have had; or any other code."""
    request = json.loads(data)
    waited_for = request["arguments"][0] == "-c"

    def start() -> int:
        os.setsid()
        if waited_for:
            threading.Thread(target=end_with_client, args=[connection], daemon=True).start()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.umask(request["umask"])
        os.chdir(request["folder"])
        take_environment(request["environment"])
        apart = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _APART) for descriptor in descriptors]
        for descriptor in descriptors:
            os.close(descriptor)
        for descriptor, number in zip(apart, request["numbers"], strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        arguments = request["arguments"]
        if waited_for:
            return run_code(arguments[1], arguments[2:])
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fork_ranks()

        from engine.worker.__main__ import main

        return main(arguments)

    end_with(start, connection if waited_for else None)


def end_with_client(connection: socket.socket) -> None:
    """Whoever is waited for ends, with all that it has started, where nobody waits any more."""
    if not connection.recv(1):
        os.killpg(0, signal.SIGKILL)


def take_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def run_code(code: str, arguments: list[str]) -> int:
    sys.argv = ["-c", *arguments]
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    return 0


def end_with(main: Callable[[], int], waiting: socket.socket | None = None) -> NoReturn:
    """Runs ``main`` as if it were all that this process is for; tells its status to who waits for it."""
    status, own = 1, os.getpid()
    try:
        status = main()
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if waiting is not None and os.getpid() == own:
            with contextlib.suppress(OSError):
                waiting.sendall(bytes([status & 0xFF]))
        os._exit(status & 0xFF)


def fork_ranks() -> None:
    """From here on torch's agent forks its ranks, which have loaded torch by that."""
    from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

    subprocess_handler.Popen = ForkedRank


class ForkedRank(subprocess.Popen):  # type: ignore[type-arg]
    """``python -P -m engine.worker ARGUMENTS...`` with all that a new process would have had, and no more."""

    def __init__(self, args: tuple[str, ...], env: dict[str, str], **options: Any) -> None:
        self._environment = env
        super().__init__(args, **options)

    def _execute_child(self, args: tuple[str, ...], *_: object) -> None:  # takes what fork and exec take
        assert args[1:4] == ("-P", "-m", "engine.worker")
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            self._child_created = True
            return
        end_with(lambda: self._become(list(args[4:])))

    def _become(self, arguments: list[str]) -> int:
        os.setsid()
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        take_environment(self._environment)
        from engine.worker.__main__ import main

        return main(arguments)


def hand_over(path: str, arguments: list[str]) -> None:
    umask = os.umask(0)
    waits = arguments[0] == "-c"
    numbers = [0, 1, 2] if waits else [0, 1, 2, int(arguments[arguments.index("--lock-fd") + 1])]
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
        data = json.dumps(request).encode()
        data = len(data).to_bytes(_LENGTH, "little") + data
        connection.sendall(data[connection.sendmsg([data], [rights]) :])
        if waits:
            status = connection.recv(1)
            sys.exit(status[0] if status else "killed")


if __name__ == "__main__":
    if sys.argv[2].isdecimal():
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        hand_over(sys.argv[1], sys.argv[2:])
