"""Sends a message to targets: to files here, to addresses of Apprise in a process of its own (engine.alerts.deliver).

That process bounds the time that a target takes, and keeps the library out of the process that waits beside a run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.alerts.targets import Target
from engine.runs.text import writable

DELIVER = ("-P", "-m", "engine.alerts.deliver")
_TIMEOUT_SECONDS = 60.0


class Message(msgspec.Struct, frozen=True):
    """What is sent: a title and some lines."""

    title: str
    body: str


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What ``engine.alerts.deliver`` reads: one message and where it goes."""

    message: Message
    addresses: list[str]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message at one target."""

    target: str  # masked
    origin: str
    error: str  # one line without any secret; empty: it went


def send(targets: Sequence[Target], message: Message) -> list[Outcome]:
    """Sends ``message`` to each target; failures are outcomes. May take a minute."""
    message = Message(writable(message.title), writable(message.body))  # a run's folder may be named in any bytes
    errors = {target: _append(target.file, message) for target in targets if target.file is not None}
    remote = [target for target in targets if target.file is None]
    if remote:
        for target, error in zip(remote, _deliver(remote, message), strict=True):
            errors[target] = target.scrubbed(error)
    return [Outcome(target=target.masked(), origin=target.origin, error=errors[target]) for target in targets]


def _append(path: Path, message: Message) -> str:
    line = " ".join(f"{message.title}: {message.body}".split())
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        # Non-blocking: a fifo that nobody reads must not hold anybody up.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(path, flags, 0o600)
        try:
            os.write(fd, f"{stamp}  {line}\n".encode())
        finally:
            os.close(fd)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _deliver(targets: Sequence[Target], message: Message) -> list[str]:
    """An error for each target, empty where the message went. Addresses go through a pipe: `ps` shows arguments."""
    parcel = Parcel(message=message, addresses=[target.address for target in targets])
    try:
        done = subprocess.run(
            [sys.executable, *DELIVER],
            input=msgspec.json.encode(parcel),
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        errors = msgspec.json.decode(done.stdout, type=list[str])
    except subprocess.TimeoutExpired:
        return [f"no answer within {_TIMEOUT_SECONDS:.0f} s"] * len(targets)
    except OSError as error:
        return [error.strerror or str(error)] * len(targets)
    except msgspec.MsgspecError:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        return [lines[-1]] * len(targets)
    return errors if len(errors) == len(targets) else ["no answer"] * len(targets)
