"""torchrun's launcher as a run uses it: which rank failed and why, and which errors mean that another rank is gone."""

from __future__ import annotations

import os
import time

import pytest
import torch.distributed as dist

from engine.distributed import control, launch
from engine.distributed.control import lost_ranks, watch_machines
from engine.distributed.launch import Failure, Invitation, accept, invite, join, listen, run_ranks
from engine.runs.errors import EXIT_RANK_LOST, RankLost
from engine.runs.nodes import Node

RANK = "import os, sys, time; rank = int(os.environ['RANK']); "


def run(code: str, ranks: int = 3) -> Failure | None:
    return run_ranks(["-c", RANK + code], ranks, host=launch.LOOPBACK, port=listen(None).port, run_id="test")


def test_gloo_listens_at_the_interface_that_leads_to_the_other_machine(monkeypatch):
    """And not at what this machine calls itself, which on Debian is 127.0.1.1."""
    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    launch.use_interface_to("127.0.0.1")
    assert os.environ.pop("GLOO_SOCKET_IFNAME") == "lo"
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth7")
    launch.use_interface_to("127.0.0.1")
    assert os.environ["GLOO_SOCKET_IFNAME"] == "eth7", "a person's own choice goes before it"


def test_ranks_that_end_well_are_left_to_end():
    assert run("time.sleep(rank * 0.3)") is None


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("sys.exit(3) if rank == 1 else time.sleep(60)", Failure(1, "ended with status 3, see worker.log", True)),
        ("os.kill(os.getpid(), 9) if rank == 2 else time.sleep(60)", Failure(2, "was killed (SIGKILL)", False)),
        (
            f"sys.exit({EXIT_RANK_LOST}) if rank == 0 else time.sleep(60)",
            Failure(0, "lost the others: one of them ended or no longer answered", False),
        ),
    ],
)
def test_the_rank_that_failed_is_named_and_the_others_are_ended(code, failure):
    start = time.monotonic()
    assert run(code) == failure
    assert time.monotonic() - start < 50  # they would sleep for a minute


def test_who_left_because_another_was_lost_is_not_the_one_to_blame(tmp_path):
    """Rank 1 fails; rank 0 leaves as soon as that one has ended, and has the lower number."""
    left = tmp_path / "pid"
    code = (
        f"from pathlib import Path; left = Path({str(left)!r})\n"
        "if rank == 1: left.with_suffix('.new').write_text(str(os.getpid())); left.with_suffix('.new').rename(left)\n"
        "if rank == 1: sys.exit(1)\n"
        "while not left.exists(): time.sleep(0.01)\n"
        "stat = Path(f'/proc/{left.read_text()}/stat')\n"
        "while stat.exists() and stat.read_text().rpartition(')')[2].split()[0] != 'Z': time.sleep(0.01)\n"
        f"sys.exit({EXIT_RANK_LOST})"
    )
    failure = run(code, 2)
    assert failure is not None
    assert failure.rank == 1


@pytest.mark.parametrize(
    "message",
    [
        "[/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:34949",
        "[/gloo/transport/tcp/pair.cc:534] Read error [127.0.0.1]:5: Connection reset by peer",
        "[/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 600000ms for recv operation to complete",
    ],
)
def test_what_gloo_says_of_a_rank_that_is_gone_is_told_from_every_other_error(message):
    with pytest.raises(RankLost), lost_ranks():
        raise RuntimeError(message)
    with pytest.raises(RankLost), lost_ranks():
        raise dist.DistNetworkError("the server is gone")


@pytest.mark.parametrize("kind", [RuntimeError, dist.DistBackendError])
def test_an_error_of_the_device_in_a_call_of_all_ranks_stays_what_it_is(kind):
    with pytest.raises(kind, match="CUDA error"), lost_ranks():
        raise kind("CUDA error: device-side assert triggered")


def test_machines_meet_once_each_has_its_devices(monkeypatch):
    """The first one waits with a word for who is missing; the others wait until it is there."""
    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    first = listen(None)  # on a free port
    node = Node(1, launch.LOOPBACK, first.port)
    waited: list[int] = []

    def waiting(number: int) -> None:
        waited.append(number)
        if len(waited) == 2:
            store, invitation = accept(node, lambda: None)
            assert invitation == Invitation("/runs/a", 4)
            join(store, node, 3)

    joiners = invite(first, 2, "/runs/a", 4, waiting)
    assert [(joiner.address, joiner.ranks) for joiner in joiners] == [(launch.LOOPBACK, 3)]
    assert waited == [1, 1]


def test_a_machine_that_falls_silent_is_named(monkeypatch):
    """It vanishes and closes nothing: only its pulse stops."""
    for name, seconds in (("_BEAT_SECONDS", 0.05), ("_LOOK_SECONDS", 0.1), ("_SILENT_SECONDS", 2.0)):
        monkeypatch.setattr(control, name, seconds)
    store, lost = listen(None), []
    for machine in (0, 2):
        client = dist.TCPStore(launch.LOOPBACK, store.port, is_master=False)
        watch_machines(client, machine, 3, lambda line, machine=machine: lost.append((machine, line)))
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        store.add("pulse/1", 1)
        time.sleep(0.05)
    assert lost == []
    while len(lost) < 2 and time.monotonic() < until + 50:
        time.sleep(0.05)
    assert sorted(lost) == [(machine, "machine 1, counted from 0, no longer answers") for machine in (0, 2)]
