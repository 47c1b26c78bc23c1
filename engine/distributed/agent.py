"""torchrun's elastic agent over the ranks of one machine; it never restarts a rank."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch._C._distributed_c10d import Store, TCPStore
from torch.distributed.elastic.agent.server.api import WorkerGroup, WorkerSpec
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure
from torch.distributed.elastic.rendezvous import RendezvousHandler, RendezvousInfo, RendezvousStoreInfo

from engine.distributed.errors import EXIT_RANK_LOST, EXIT_SPOKEN
from engine.distributed.heartbeat import Heartbeat
from engine.distributed.watch import Watch
from engine.runs.nodes import Meeting

_MONITOR_SECONDS = 0.1
_EXIT_BARRIER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an attempt came to its end: this rank's process, which was ended because machine ``lost`` fell silent."""

    rank: int
    process: ProcessFailure
    lost: int | None = None


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
    errors = Path(meeting.folder) / ".ranks" / str(node)  # what failing ranks leave for the agent
    shutil.rmtree(errors, ignore_errors=True)
    spec = WorkerSpec(
        role="rank",
        local_world_size=len(devices),
        rdzv_handler=_Rendezvous(store, meeting, node, nodes),
        entrypoint=sys.executable,
        args=tuple(command),
        max_restarts=0,
        monitor_interval=_MONITOR_SECONDS,
    )
    agent = _Agent(spec, DefaultLogsSpecs(log_dir=str(errors)), exit_barrier_timeout=_EXIT_BARRIER_SECONDS)
    if nodes > 1:
        agent.hear = lambda: Heartbeat(TCPStore(meeting.host, meeting.port, is_master=False), node, nodes)
    try:
        failed = _explanation(agent.run().failures, agent.first)
        return failed if failed is None or agent.lost is None else replace(failed, lost=agent.lost)
    finally:
        agent.fall_silent()
        shutil.rmtree(errors, ignore_errors=True)
        with contextlib.suppress(OSError):
            errors.parent.rmdir()


def _explanation(failures: Mapping[int, ProcessFailure], first: int | None) -> Failed | None:
    """Of all that failed the rank that ended the others; ``first``: who was seen to fail first."""
    if not failures:
        return None

    def blame(rank: int) -> int:
        code = failures[rank].exitcode
        if code == EXIT_SPOKEN:
            return 4
        if code == EXIT_RANK_LOST:
            return 1
        if rank == first:
            return 3
        return 2 if code > 0 or first is None else 0  # killed after the first one: by the watch

    rank = max(failures, key=blame)
    return Failed(rank, failures[rank])


class _Agent(LocalElasticAgent):
    """torch's agent, which ends all ranks at once when one has ended.

    Attributes:
        hear: begins to listen for the other machines, where there are any.
        first: global rank of the first one that failed, as far as that was seen.
        lost: the machine that fell silent, if one did.
    """

    hear: Callable[[], Heartbeat] | None = None
    _heartbeat: Heartbeat | None = None

    def _start_workers(self, worker_group: WorkerGroup) -> dict[int, int]:
        processes: dict[int, int] = super()._start_workers(worker_group)
        if self.hear is not None:  # every machine has said by now that it is there
            self._heartbeat = self.hear()
        heard = None if self._heartbeat is None else self._heartbeat.fd
        self._workers, self._watch = worker_group.workers, Watch(processes, heard)
        return processes

    def fall_silent(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()

    @property
    def lost(self) -> int | None:
        return None if self._heartbeat is None else self._heartbeat.lost

    @property
    def first(self) -> int | None:
        seen = self._watch.result()
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
