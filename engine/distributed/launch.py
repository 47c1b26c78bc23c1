"""torchrun's launcher, for the ranks of one machine; and how several machines meet before they start theirs.

A machine waits for its devices first, and only then comes to the meeting, so that nobody waits for it without a word.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
from torch.distributed import DistNetworkError, DistStoreError, TCPStore  # type: ignore[attr-defined]
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from engine.runs.errors import EXIT_RANK_LOST
from engine.runs.nodes import Node

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.2
_MEETING_SECONDS = 60.0  # for machines that are there to start their ranks together
_CONNECT_TIMEOUT = timedelta(seconds=20)  # one try of many
_SIOCGIFADDR = 0x8915


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the ranks of a machine ended: this one had an error; or it was killed, or lost the others."""

    rank: int
    reason: str
    is_error: bool


class Invitation(msgspec.Struct, frozen=True):
    """The attempt at a run that the others join."""

    folder: str
    attempt: int


class Joiner(msgspec.Struct, frozen=True):
    """What a machine says of itself when it is ready."""

    address: str
    ranks: int


def listen(node: Node | None) -> TCPStore:
    """Where ranks find each other: of one machine on a free port that nobody outside can reach, else where ``node``
    says."""
    if node is not None:
        return TCPStore(node.host, node.port, is_master=True, wait_for_workers=False, multi_tenant=True)
    listening = socket.create_server((LOOPBACK, 0))
    port = listening.getsockname()[1]
    return TCPStore(
        LOOPBACK, port, is_master=True, wait_for_workers=False, multi_tenant=True, master_listen_fd=listening.detach()
    )


def invite(store: TCPStore, nodes: int, folder: str, attempt: int, waiting: Callable[[int], object]) -> list[Joiner]:
    """The first machine: tells the others of the run, and waits until all have their devices.

    ``waiting`` is called with the first machine that is missing, again and again, and may raise to give up.
    """
    store.set("invitation", msgspec.json.encode(Invitation(folder, attempt)).decode())
    for number in range(1, nodes):
        while not store.check([f"machine/{number}"]):
            waiting(number)
            time.sleep(_POLL_SECONDS)
    joiners = [msgspec.json.decode(store.get(f"machine/{number}"), type=Joiner) for number in range(1, nodes)]
    use_interface_to(joiners[0].address)
    return joiners


def accept(node: Node, waiting: Callable[[], object]) -> tuple[TCPStore, Invitation]:
    """The others: the first machine's store, and its invitation; ``waiting`` is called as long as there is none."""
    while True:
        try:
            store = TCPStore(node.host, node.port, is_master=False, timeout=_CONNECT_TIMEOUT)
            return store, msgspec.json.decode(store.get("invitation"), type=Invitation)
        except (DistNetworkError, DistStoreError):
            waiting()


def join(store: TCPStore, node: Node, ranks: int) -> None:
    """The others: this machine has its devices."""
    use_interface_to(node.host)
    address = _address_to(node.host)
    store.set(f"machine/{node.number}", msgspec.json.encode(Joiner(address, ranks)).decode())


def run_ranks(
    arguments: Sequence[str], ranks: int, *, host: str, port: int, run_id: str, node: int = 0, nodes: int = 1
) -> Failure | None:
    """Runs ``python ARGUMENTS`` as so many ranks, to their end; which one failed first, if any did.

    Signals of the caller's are its own to take, but for SIGQUIT.

    Raises:
        Exception: of torch, where the ranks cannot be started.
    """
    if nodes == 1 and Path("/sys/class/net/lo").exists():
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(variable, "lo")  # nothing listens outside this machine
    with tempfile.TemporaryDirectory(prefix="hybrid-tui-ranks-") as errors:
        config = LaunchConfig(
            min_nodes=nodes,
            max_nodes=nodes,
            nproc_per_node=ranks,
            run_id=run_id,
            role="rank",
            rdzv_backend="static",
            rdzv_endpoint=f"{host}:{port}",
            rdzv_configs={"rank": node, "timeout": int(_MEETING_SECONDS)},
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=DefaultLogsSpecs(log_dir=errors),  # where a rank that fails says why
            signals_to_handle="SIGQUIT",
        )
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except ChildFailedError as error:
            return _first_of(error.failures)
    return None


def use_interface_to(host: str) -> None:
    """Has gloo listen where that machine can reach it, not at what this one calls itself (127.0.1.1 on Debian)."""
    if "GLOO_SOCKET_IFNAME" not in os.environ and (interface := _interface_with(_address_to(host))):
        os.environ["GLOO_SOCKET_IFNAME"] = interface


def _address_to(host: str) -> str:
    """The address from which this machine reaches ``host``; nothing is sent."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


def _interface_with(address: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # it has no address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None


def _first_of(failures: Mapping[int, ProcessFailure]) -> Failure:
    """Of all that failed, in the order in which that was seen, the first that nobody else made fail."""
    by_others = (EXIT_RANK_LOST, -signal.SIGTERM)
    rank = next((rank for rank, failure in failures.items() if failure.exitcode not in by_others), min(failures))
    failure = failures[rank]
    message = failure.error_file_data["message"]
    text = message["message"] if isinstance(message, dict) else message
    if failure.exitcode < 0:
        reason = f"was killed ({failure.signal_name()})"
    elif failure.exitcode == EXIT_RANK_LOST and "no longer answers" not in text:
        reason = "lost the others: one of them ended or no longer answered"
    elif text == "<NONE>":
        reason = f"ended with status {failure.exitcode}, see worker.log"
    else:
        reason = " ".join(text.removeprefix("RankLost: ").split())
    return Failure(rank, reason, is_error=failure.exitcode > 0 and failure.exitcode != EXIT_RANK_LOST)
