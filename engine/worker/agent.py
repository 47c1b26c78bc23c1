"""The worker of a run of several ranks: waits for devices, has torchrun's launcher run the ranks, has the last word.

It announces the attempt and holds the run's lock from the first to the last. In between log and commands are rank 0's
(engine.worker.rank), which shares the lock. When a rank dies torchrun ends the others, and the log is told which one it
was, unless rank 0 has said how the run ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import events
from engine.config import ConfigError, RunConfig, uneven_batch
from engine.runs.commands import send_command
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec
from engine.runs.lock import RunLock, read_owner
from engine.runs.log import EventLog
from engine.runs.nodes import Node, this_node
from engine.runs.reader import RunReader
from engine.runs.state import FINAL_PHASES
from engine.worker.attempt import EXIT_DONE, EXIT_FAILED, EXIT_LEFT, announce, guarded
from engine.worker.devices import HeldDevices, share_cores, wait_for_devices
from engine.worker.session import PAUSE_SIGNALS, SAME_SIGNAL_SECONDS, Session

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    from engine.distributed.launch import Failure

_LAST_LINES = 12
_STATUS = {"finished": EXIT_DONE, "paused": EXIT_LEFT, "stopped": EXIT_LEFT}


def run_ranks(session: Session, spec: Spec, lock: RunLock) -> int:
    """One attempt at a run of several ranks, on the first or only machine; returns its exit status.

    Raises:
        LostRun: the run was taken over while it waited for its devices.
    """
    config, folder = spec.config, session.folder
    announce(session, config, evaluate_only=False)
    agent: list[_Agent] = []
    status = guarded(session, lambda: agent.append(_prepare(session, config)), evaluate_only=False)
    if status is not None:
        return status
    _pass_signals_on(folder)
    if (number := session.hand_over()) is not None:
        send_command(folder, "pause", by_signal=number)
    os.dup2(lock.fd, 0)  # see engine.worker.rank
    try:
        failure = agent[0].run(folder, session.attempt)
    except Exception as error:  # of torch: ranks that cannot be started
        traceback.print_exc()
        _last_word(folder, session.attempt, f"its ranks cannot be run: {error}", fails=True)
        return EXIT_FAILED
    if failure is not None:
        who = f"rank {failure.rank} of {agent[0].ranks}"
        if failure.is_error:
            _last_word(folder, session.attempt, f"{who}: {failure.reason}", fails=True)
        else:
            _last_word(folder, session.attempt, f"{who} {failure.reason}", fails=False)
    reader = RunReader(folder)
    reader.poll()
    return _STATUS.get(reader.state.phase, EXIT_FAILED)


@dataclass(frozen=True, slots=True)
class _Agent:
    """What this machine runs its ranks with: its devices, the ranks of all machines, and where they find each other."""

    held: HeldDevices
    ranks: int
    store: TCPStore
    node: Node | None
    nodes: int

    def run(self, folder: RunFolder, attempt: int) -> Failure | None:
        from engine.distributed.launch import LOOPBACK, run_ranks

        return run_ranks(
            rank_arguments(folder, attempt, self.held.devices),
            len(self.held.devices),
            host=LOOPBACK if self.node is None else self.node.host,
            port=self.store.port,
            run_id=folder.id,
            nodes=self.nodes,
        )


def rank_arguments(folder: RunFolder, attempt: int, devices: Sequence[str]) -> list[str]:
    """Of ``python`` for each rank of a machine, which tells them apart by torchrun's variables."""
    arguments = ["-P", "-m", "engine.worker", str(folder.path), "--attempt", str(attempt)]
    return [*arguments, "--devices", ",".join(devices), "--agent", str(os.getpid())]


def _prepare(session: Session, config: RunConfig) -> _Agent:
    """Takes the devices, and waits for the other machines to have theirs.

    Raises:
        ConfigError: the batch cannot be shared evenly by the ranks that there are.
    """
    share_cores()
    held = wait_for_devices(config.runtime, session)
    # Only now: a run in the queue holds no memory.
    from engine.distributed.launch import listen

    nodes = config.runtime.nodes
    node = this_node() if nodes > 1 else None
    store = listen(node)
    ranks = len(held.devices) + (_ranks_elsewhere(store, session, nodes) if nodes > 1 else 0)
    if uneven := uneven_batch(config, ranks):
        raise ConfigError(f"batch.size: {uneven}")
    return _Agent(held, ranks, store, node, nodes)


def _ranks_elsewhere(store: TCPStore, session: Session, nodes: int) -> int:
    """Of the other machines, once they have their devices."""
    from engine.distributed.launch import invite

    own = session.state.device.name if session.state.device is not None else ""
    missing: int | None = None

    def waiting(number: int) -> None:
        nonlocal missing
        if missing != number:
            missing = number
            session.emit(events.Device(name=own, waiting_for=f"machine {number}, counted from 0, of {nodes}"))
        session.boundary(within="work")

    joiners = invite(store, nodes, str(session.folder.path), session.attempt, waiting)
    session.emit(events.Device(name=own))
    return sum(joiner.ranks for joiner in joiners)


def _pass_signals_on(folder: RunFolder) -> None:
    """Those that mean pause become a command, which waits until rank 0 is there to take it; a second one leaves."""
    first: float | None = None

    def take(number: int, _frame: object) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
            with contextlib.suppress(RunError):
                send_command(folder, "pause", by_signal=number)
        elif now - first > SAME_SIGNAL_SECONDS:
            os._exit(128 + number)  # the ranks die with their agent

    for number in PAUSE_SIGNALS:
        signal.signal(number, take)


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
