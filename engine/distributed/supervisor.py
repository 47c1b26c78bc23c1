"""The worker of a run of several ranks: waits for their devices, has torch's agent run them, and has the last word.

It announces the attempt and holds the run's lock from the first to the last; in between log and commands are rank 0's,
whose copy of the lock it shares. When a rank dies the others are ended (engine.distributed.watch), and the log is told
which one it was, unless rank 0 has said how the run ended.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING

from engine import events
from engine.config import ConfigError, uneven_batch
from engine.distributed.errors import EXIT_RANK_LOST, EXIT_SPOKEN
from engine.runs.folder import RunFolder, Spec
from engine.runs.lock import RunLock, read_owner, signal_worker
from engine.runs.log import EventLog
from engine.runs.nodes import Meeting, publish, this_node
from engine.runs.reader import RunReader
from engine.runs.state import FINAL_PHASES
from engine.worker.attempt import EXIT_DONE, EXIT_FAILED, EXIT_LEFT, announce, guarded
from engine.worker.devices import HeldDevices, share_cores, wait_for_devices
from engine.worker.session import Session

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    from engine.distributed.agent import Failed

_RETRY_SECONDS = 0.05
_LAST_LINES = 12
_STATUS = {"finished": EXIT_DONE, "paused": EXIT_LEFT, "stopped": EXIT_LEFT}


def run_ranks(session: Session, spec: Spec, lock: RunLock, *, evaluate_only: bool) -> int:
    """One attempt at a run of several ranks, on the first or only machine; returns its exit status.

    Raises:
        LostRun: the run was taken over while it waited for its devices.
    """
    config, folder = spec.config, session.folder
    announce(session, config, evaluate_only=evaluate_only)
    held: list[HeldDevices] = []

    def wait() -> None:
        share_cores()
        held.append(wait_for_devices(config.runtime, session))
        if uneven := uneven_batch(config, len(held[0].devices) * config.runtime.nodes):
            raise ConfigError(f"batch.size: {uneven}")

    status = guarded(session, wait, evaluate_only=evaluate_only)
    if status is not None:
        return status
    forwarding = _Forwarding(folder)
    if (unobeyed := session.hand_over()) is not None:
        forwarding.take(unobeyed)
    os.dup2(lock.fd, 0)  # see engine.distributed.rank

    # Only now: a run in the queue holds no memory.
    from engine.distributed.agent import run_agent
    from engine.distributed.store import LOOPBACK, listen

    nodes = config.runtime.nodes
    store = listen(LOOPBACK if nodes == 1 else "")
    meeting = Meeting(
        host=LOOPBACK if nodes == 1 else socket.gethostname(),
        port=store.port,
        folder=str(folder.path),
        attempt=session.attempt,
        evaluate=evaluate_only,
    )
    failed: Failed | None = None
    try:
        with publish(meeting, folder.path.parent, this_node() if nodes > 1 else None):
            failed = run_agent(store, meeting, held[0].devices, node=0, nodes=nodes)
    except Exception as error:  # of torch: ranks that cannot be started, machines that do not come
        traceback.print_exc()
        _last_word(folder, session.attempt, f"its ranks cannot be run: {error}", fails=not evaluate_only)
        return EXIT_FAILED
    if failed is not None and failed.process.exitcode != EXIT_SPOKEN:
        _say_who_died(folder, session.attempt, failed, len(held[0].devices) * nodes, evaluate_only=evaluate_only)
    return _exit_status(folder, failed=failed is not None, evaluate_only=evaluate_only)


class _Forwarding:
    """Passes signals that mean pause on to rank 0, as soon as it is there to take them."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()  # may be put into from a signal handler
        threading.Thread(target=self._deliver, name="signals", daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, lambda got, _: self.take(got))

    def take(self, number: int) -> None:
        self._waiting.put(number)

    def _deliver(self) -> None:
        while True:
            number = self._waiting.get()
            while (owner := read_owner(self._folder)) is None or owner.pid in (0, os.getpid()):
                time.sleep(_RETRY_SECONDS)
            signal_worker(self._folder, number)


def _say_who_died(folder: RunFolder, attempt: int, failed: Failed, ranks: int, *, evaluate_only: bool) -> None:
    """A rank that failed by itself ends the run as failed; one that was killed leaves it crashed, with a warning."""
    who, process = f"rank {failed.rank} of {ranks}", failed.process
    if failed.lost is not None:
        _last_word(folder, attempt, f"machine {failed.lost}, counted from 0, no longer answers", fails=False)
    elif process.exitcode < 0:
        _last_word(folder, attempt, f"{who} was killed ({process.signal_name()})", fails=False)
    elif process.exitcode == EXIT_RANK_LOST:
        lost = f"{who} lost the others: one of them ended or no longer answered"
        _last_word(folder, attempt, lost, fails=False)
    else:
        _last_word(folder, attempt, f"{who}: {_reason(process)}", fails=not evaluate_only)


def _last_word(folder: RunFolder, attempt: int, what: str, *, fails: bool) -> None:
    """Writes what happened as the end of the run, or as a warning, unless rank 0 has said how the run ended."""
    reader = RunReader(folder)
    reader.poll()
    owner = read_owner(folder)
    if reader.state.phase in FINAL_PHASES or owner is None or owner.attempt != attempt:
        return  # ... or the run is somebody else's by now
    what = " ".join(what.split())
    event: events.AnyEvent = events.Warning(message=what)
    if fails:
        lines = folder.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        hint = "resume continues from the newest checkpoint"
        event = events.RunFailed(error=what, last_lines=lines, hint=hint)
    log = EventLog.open(folder, attempt)
    log.append(event)
    log.sync()
    log.close()


def _reason(failure: ProcessFailure) -> str:
    message = failure.error_file_data["message"]
    text = message["message"] if isinstance(message, dict) else message
    return f"ended with status {failure.exitcode}, see worker.log" if text == "<NONE>" else " ".join(text.split())


def _exit_status(folder: RunFolder, *, failed: bool, evaluate_only: bool) -> int:
    if evaluate_only:
        return EXIT_FAILED if failed else EXIT_DONE
    reader = RunReader(folder)
    reader.poll()
    return _STATUS.get(reader.state.phase, EXIT_FAILED)
