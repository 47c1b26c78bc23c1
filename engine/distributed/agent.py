"""The process above the ranks of one machine: torchrun's elastic agent, which never restarts a rank.

As the worker of a run it announces the attempt, waits for the devices, hands log and lock over to rank 0 and watches.
When a rank dies the others are killed (engine.distributed.watch), and the agent says in the log who died, unless rank
0 has said how the run ended. Its store listens on the loopback interface, or, where there are several machines, on
an address that the others are told (engine.runs.nodes).
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch._C._distributed_c10d import Store
from torch.distributed.elastic.agent.server.api import WorkerGroup, WorkerSpec
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure
from torch.distributed.elastic.rendezvous import RendezvousHandler, RendezvousInfo, RendezvousStoreInfo

from engine import events
from engine.attempt import EXIT_DONE, EXIT_FAILED, EXIT_LEFT, announce, guarded
from engine.config import ConfigError, uneven_batch
from engine.device import HeldDevices, share_cores, wait_for_devices
from engine.distributed.errors import EXIT_RANK_LOST
from engine.distributed.store import LOOPBACK, listen
from engine.distributed.watch import Watch
from engine.runs.folder import RunFolder, Spec
from engine.runs.liveness import RunLock, read_owner, signal_worker
from engine.runs.log import EventLog
from engine.runs.nodes import Meeting, publish, this_node
from engine.runs.reader import RunReader
from engine.runs.session import Session
from engine.runs.state import FINAL_PHASES

_MONITOR_SECONDS = 0.1
_EXIT_BARRIER_SECONDS = 60
_RETRY_SECONDS = 0.05
_LAST_LINES = 12
_STATUS = {"finished": EXIT_DONE, "paused": EXIT_LEFT, "stopped": EXIT_LEFT}


def run_ranks(session: Session, spec: Spec, lock: RunLock, *, evaluate_only: bool) -> int:
    """One attempt at a run of several ranks, as the agent of the first or only machine; returns its exit status.

    Raises:
        LostRun: the run was taken over while it waited for its devices.
    """
    config, folder = spec.config, session.folder
    start = time.monotonic()
    announce(session, config, evaluate_only=evaluate_only)
    held: list[HeldDevices] = []

    def wait() -> None:
        share_cores()
        held.append(wait_for_devices(config.runtime, session))
        if uneven := uneven_batch(config, len(held[0].devices) * config.runtime.nodes):
            raise ConfigError(f"batch.size: {uneven}")

    status = guarded(session, wait, evaluate_only=evaluate_only, start=start)
    if status is not None:
        return status
    forwarding = _Forwarding(folder)
    if (unobeyed := session.hand_over()) is not None:
        forwarding.take(unobeyed)
    os.dup2(lock.fd, 0)  # see engine.distributed.rank

    nodes = config.runtime.nodes
    store = listen(LOOPBACK if nodes == 1 else "")
    meeting = Meeting(
        host=LOOPBACK if nodes == 1 else socket.gethostname(),
        port=store.port,
        folder=str(folder.path),
        attempt=session.attempt,
        evaluate=evaluate_only,
    )
    with publish(meeting, folder.path.parent, this_node() if nodes > 1 else None):
        failed = run_agent(store, meeting, held[0].devices, node=0, nodes=nodes)
    if failed is not None:
        _say_who_died(folder, session.attempt, failed, len(held[0].devices) * nodes, evaluate_only=evaluate_only)
    return _exit_status(folder, failed=failed is not None, evaluate_only=evaluate_only)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an attempt came to its end: this rank's process."""

    rank: int
    process: ProcessFailure


def run_agent(store: Store, meeting: Meeting, devices: tuple[str, ...], *, node: int, nodes: int) -> Failed | None:
    """Runs the ranks of one machine, one for each of ``devices``, to their end; which one failed first, if any did.

    Raises:
        Exception: of torch, where the ranks cannot be started or another machine does not come.
    """
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = "SIGQUIT"  # the others are passed on, or ignored, by the caller
    if nodes == 1 and Path("/sys/class/net/lo").exists():
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(variable, "lo")  # nothing listens outside this machine
    command = ["-P", "-m", "engine.distributed.rank", meeting.folder, "--attempt", str(meeting.attempt)]
    command += ["--devices", ",".join(devices), "--agent", str(os.getpid())]
    if meeting.evaluate:
        command.append("--evaluate")
    with tempfile.TemporaryDirectory(prefix="hybrid-tui-ranks-") as errors:
        spec = WorkerSpec(
            role="rank",
            local_world_size=len(devices),
            rdzv_handler=_Rendezvous(store, meeting, node, nodes),
            entrypoint=sys.executable,
            args=tuple(command),
            max_restarts=0,
            monitor_interval=_MONITOR_SECONDS,
        )
        agent = _Agent(spec, DefaultLogsSpecs(log_dir=errors), exit_barrier_timeout=_EXIT_BARRIER_SECONDS)
        return _explanation(agent.run().failures, agent.first)


def _explanation(failures: Mapping[int, ProcessFailure], first: int | None) -> Failed | None:
    if not failures:
        return None
    if first is None:  # nobody saw: then one that did not leave because of another
        first = min(failures, key=lambda rank: (failures[rank].exitcode == EXIT_RANK_LOST, failures[rank].timestamp))
    return Failed(first, failures[first])


class _Agent(LocalElasticAgent):
    """torch's agent, which ends all ranks at once when one has ended.

    Attributes:
        first: global rank of the first one that failed, as far as that was seen.
    """

    def _start_workers(self, worker_group: WorkerGroup) -> dict[int, int]:
        processes: dict[int, int] = super()._start_workers(worker_group)
        self._workers, self._watch = worker_group.workers, Watch(processes)
        return processes

    @property
    def first(self) -> int | None:
        seen = self._watch.first
        return None if seen is None else self._workers[seen].global_rank


class _Rendezvous(RendezvousHandler):
    """The machines are known beforehand, so that nobody has to be waited for but the ranks themselves."""

    def __init__(self, store: Store, meeting: Meeting, node: int, nodes: int) -> None:
        self._store, self._meeting, self._node, self._nodes = store, meeting, node, nodes

    def get_backend(self) -> str:
        return "static"

    @property
    def use_agent_store(self) -> bool:
        return True

    def next_rendezvous(self) -> RendezvousInfo:
        address = RendezvousStoreInfo(self._meeting.host, self._meeting.port)
        return RendezvousInfo(self._store, self._node, self._nodes, address)

    def is_closed(self) -> bool:
        return False

    def set_closed(self) -> None:
        """Nobody else can join."""

    def num_nodes_waiting(self) -> int:
        return 0

    def get_run_id(self) -> str:
        return Path(self._meeting.folder).name

    def shutdown(self) -> bool:
        return True


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
    reader = RunReader(folder)
    reader.poll()
    owner = read_owner(folder)
    if reader.state.phase in FINAL_PHASES or owner is None or owner.attempt != attempt:
        return  # rank 0 had the last word, or the run is somebody else's by now
    who, process = f"rank {failed.rank} of {ranks}", failed.process
    event: events.AnyEvent
    if process.exitcode < 0:
        event = events.Warning(message=f"{who} was killed ({process.signal_name()})")
    elif process.exitcode == EXIT_RANK_LOST:
        event = events.Warning(message=f"{who} lost the others: one of them ended or no longer answered")
    elif evaluate_only:
        event = events.Warning(message=f"{who}: {_reason(process)}")
    else:
        lines = folder.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        hint = "resume continues from the newest checkpoint"
        event = events.RunFailed(error=f"{who}: {_reason(process)}", last_lines=lines, hint=hint)
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
