"""Commands to a worker: one file each in control/, answered by uuid in the log.

requested (the file exists) -> acknowledged (command.received) -> done, failed or stale (command.done).
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import time
import uuid as uuids
from pathlib import Path
from typing import Literal

import msgspec

from engine import events
from engine.events import AnyEvent, CommandName
from engine.files import write_file
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.lock import RunLock, probe
from engine.runs.log import EventLog
from engine.runs.ownership import liveness_of
from engine.runs.reader import RunReader
from engine.runs.state import RunState

CommandStage = Literal["requested", "acknowledged", "done", "stale", "failed"]

_MAX_BYTES = 4096
_POLL_SECONDS = 0.05
_IMPOSSIBLE = {
    "pause": "there is nothing to pause",
    "checkpoint": "there is nothing to save",
    "stop": "stop_without_worker records it",
    "evaluate": "resume(evaluate=True) starts a process for it",
    "discard": "stop_without_worker records it",
}


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    uuid: str
    command: CommandName
    attempt: int
    t: float


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits in control/; the worker removes ``path`` once it has answered."""

    uuid: str
    command: CommandName
    attempt: int  # the worker it is meant for
    t: float  # unix seconds
    path: Path


def send_command(folder: RunFolder, name: CommandName, *, by_signal: int | None = None) -> str:
    """Asks the worker that owns the run now; returns the uuid by which it will answer.

    ``by_signal``: the signal that asked, by which the log tells it from a person's.

    Raises:
        RunError: no live worker, or the run belongs to another user.
    """
    liveness = liveness_of(folder)
    if liveness.alive is False or liveness.owner is None:
        raise RunError(f"run {folder.id} has no live worker: {_IMPOSSIBLE[name]}")
    uuid = str(uuids.uuid4())
    if by_signal is not None:
        uuid = f"signal-{signal.Signals(by_signal).name}-{uuid}"
    content = _Content(uuid=uuid, command=name, attempt=liveness.owner.attempt, t=time.time())
    try:
        folder.control.mkdir(mode=0o700, exist_ok=True)
        write_file(_path(folder, uuid), msgspec.json.encode(content), 0o600)
    except OSError as error:
        raise RunError(f"{folder.control}: the command cannot be written: {error.strerror}") from None
    return uuid


def pending_commands(folder: RunFolder) -> list[Command]:
    """Commands not answered yet, oldest first.

    Only regular files of the run's owner count. Anything else that is named like a command is renamed to .bad, so that
    it is read only once.
    """
    try:
        with os.scandir(folder.control) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".json") and entry.name[0] != "."]
        owner = folder.path.stat().st_uid
    except OSError:
        return []
    commands = []
    for name in names:
        path = folder.control / name
        try:
            content = _read(path, owner)
        except FileNotFoundError:
            continue
        except (OSError, msgspec.MsgspecError):
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(".bad"))
            continue
        commands.append(
            Command(uuid=content.uuid, command=content.command, attempt=content.attempt, t=content.t, path=path)
        )
    return sorted(commands, key=lambda command: (command.t, command.uuid))


def command_state(folder: RunFolder, uuid: str, state: RunState) -> CommandStage:
    """How far a command is, by what ``state`` has read of the log.

    A command that was acknowledged by a worker that then died is stale once its successor says so; until then
    it stays acknowledged.
    """
    for command in state.commands:
        if command.uuid == uuid:
            return command.outcome or "acknowledged"
    return "failed" if _path(folder, uuid).with_suffix(".bad").exists() else "requested"


def wait_for_command(reader: RunReader, uuid: str, timeout: float | None = None) -> CommandStage:
    """Waits until the command is answered, for a pause or stop also until the process is gone.

    Returns the stage reached when that is so, when the worker is gone without an answer, or after ``timeout``
    seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        alive = probe(reader.folder).alive  # before the log is read, so as to see the last words of a leaving worker
        reader.poll()
        stage = command_state(reader.folder, uuid, reader.state)
        leaves = stage == "done" and _name_of(uuid, reader.state) in ("pause", "stop", "discard")
        if alive is False or (stage in ("done", "failed", "stale") and not (leaves and alive)):
            return stage
        if deadline is not None and time.monotonic() >= deadline:
            return stage
        time.sleep(_POLL_SECONDS)


def stop_without_worker(folder: RunFolder) -> None:
    """Records a run that nobody works on as stopped, and answers left-over commands as stale.

    Raises:
        RunBusy: a worker has the run.
        RunError: it is finished or failed, or belongs to another machine's worker or another user.
    """
    if liveness_of(folder).alive is None:
        raise RunError(f"run {folder.id} belongs to a worker on another machine; `resume --take-over` brings it here")
    lock = RunLock.acquire(folder)
    try:
        reader = RunReader(folder)
        reader.poll()
        state = reader.state
        # A process that came only to evaluate, and died, does not change how the run had ended.
        phase = state.former_phase or state.phase
        if phase in ("finished", "failed"):
            raise RunError(f"run {folder.id} has already {phase}")
        owner = probe(folder).owner
        log = EventLog.open(folder, max(state.attempt, owner.attempt if owner is not None else 1))
        try:
            for command in pending_commands(folder):
                answer(log, command, "stale", "the run has no worker")
            if phase != "stopped":
                log.append(events.RunStopped(step=state.step))
            log.sync()
        finally:
            log.close()
        reader.poll()
        reader.save_snapshot()
    except OSError as error:
        raise RunError(f"{folder.path}: {error.strerror}") from None
    finally:
        lock.release()


def answer(log: EventLog, command: Command, outcome: events.Outcome, detail: str = "") -> list[AnyEvent]:
    """Writes command.done and removes the file, which stays when the answer could not be written.

    Returns what was written.
    """
    event = events.CommandDone(uuid=command.uuid, command=command.command, outcome=outcome, detail=detail)
    written = log.append(event)
    if any(isinstance(one, events.CommandDone) for one in written):
        command.path.unlink(missing_ok=True)
    return written


def _read(path: Path, owner: int) -> _Content:
    # Non-blocking: a fifo of that name must not hold up the training step.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner or status.st_size > _MAX_BYTES:
            raise PermissionError(f"{path}: not a command file of the run's owner")
        content = msgspec.json.decode(os.read(fd, _MAX_BYTES), type=_Content)
    finally:
        os.close(fd)
    if f"{content.uuid}.json" != path.name:
        raise PermissionError(f"{path}: holds the command {content.uuid}")
    return content


def _path(folder: RunFolder, uuid: str) -> Path:
    return folder.control / f"{uuid}.json"


def _name_of(uuid: str, state: RunState) -> CommandName | None:
    return next((command.command for command in state.commands if command.uuid == uuid), None)
