"""When one rank ends, the others are ended at once, and the right one is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.distributed.errors import EXIT_RANK_LOST
from engine.distributed.watch import Watch

SLEEP = "import time; time.sleep(60)"


def process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_the_first_that_fails_is_named_and_the_others_are_killed(code):
    ranks = [process(SLEEP), process(code), process(SLEEP)]
    watch = Watch({index: rank.pid for index, rank in enumerate(ranks)})
    assert watch.result() == 1
    assert [rank.wait() for rank in ranks][::2] == [-9, -9]


def test_who_left_because_another_was_lost_is_not_the_one_to_blame():
    """A rank that fails closes its connections before it has ended; the others leave in between."""
    lost = process(f"import sys; sys.exit({EXIT_RANK_LOST})")
    failing = process("import sys, time; time.sleep(0.7); sys.exit(1)")
    watch = Watch({0: lost.pid, 1: failing.pid})
    assert watch.result() == 1
    assert (lost.wait(), failing.wait()) == (EXIT_RANK_LOST, 1)


def test_ranks_that_end_well_are_left_to_end():
    ranks = [process("pass"), process("import time; time.sleep(0.5)")]
    watch = Watch({index: rank.pid for index, rank in enumerate(ranks)})
    assert watch.result() is None
    assert [rank.wait() for rank in ranks] == [0, 0]


def test_a_rank_that_stays_behind_is_killed(monkeypatch):
    monkeypatch.setattr("engine.distributed.watch._GRACE_SECONDS", 0.3)
    ended, left = process("pass"), process(SLEEP)
    Watch({0: ended.pid, 1: left.pid})
    assert left.wait(timeout=50) == -9
