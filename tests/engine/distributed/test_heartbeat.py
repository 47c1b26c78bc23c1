"""A machine that vanishes, closing nothing, ends the ranks of the others."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from torch._C._distributed_c10d import TCPStore

from engine.distributed import heartbeat
from engine.distributed.heartbeat import Heartbeat
from engine.distributed.store import LOOPBACK, listen
from engine.distributed.watch import Watch


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(heartbeat, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(heartbeat, "_LISTEN_SECONDS", 0.1)
    monkeypatch.setattr(heartbeat, "_SILENT_SECONDS", 2.0)


def until_lost(beat: Heartbeat) -> int | None:
    give_up = time.monotonic() + 50
    while beat.lost is None and time.monotonic() < give_up:
        time.sleep(0.02)
    return beat.lost


def test_the_machine_that_fell_silent_is_named_by_the_others_and_ends_their_ranks():
    store = listen()
    machines = [Heartbeat(TCPStore(LOOPBACK, store.port, is_master=False), node, 3) for node in range(3)]
    rank = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    watch = Watch({0: rank.pid}, machines[0].fd)
    time.sleep(3.0)  # longer than a machine may be silent
    assert [beat.lost for beat in machines] == [None] * 3
    assert rank.poll() is None
    machines[1].close()
    assert [until_lost(machines[node]) for node in (0, 2)] == [1, 1]
    assert rank.wait(timeout=50) == -9
    assert watch.result() is None, "no rank of this machine is to blame"
    machines[0].close()
    machines[2].close()


def test_a_store_that_never_answers_means_that_the_first_machine_is_lost():
    class Vanished:
        def add(self, key, count):
            time.sleep(60)

    beat = Heartbeat(Vanished(), 2, 3)
    assert until_lost(beat) == 0
    beat.close()
