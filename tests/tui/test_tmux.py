"""The dashboard as it is mostly used, in tmux: it starts, bears every resize, is detached, hung up, attached again."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from following import until
from helpers.terminal import HYBRID_TUI
from helpers.tmux import Tmux, needs_tmux
from runs_factory import RunWriter, gallery

pytestmark = [pytest.mark.timeout(120), needs_tmux]

Open = Callable[..., Tmux]


@pytest.fixture
def runs(home: Path) -> Iterator[list[RunWriter]]:
    writers = gallery(home)
    yield writers
    for writer in writers:
        writer.die()


@pytest.fixture
def tmux(tmp_path: Path, home: Path) -> Iterator[Open]:
    """Opens a dashboard in a tmux of the test's own."""
    opened: list[Tmux] = []

    def start(*options: str, columns: int = 120, lines: int = 36) -> Tmux:
        opened.append(Tmux(tmp_path, [HYBRID_TUI, "--runs", str(home), *options], columns, lines))
        return opened[-1]

    yield start
    for each in opened:
        each.kill()


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


KEYS = re.compile(r"help|back|leave|close")  # what a footer ends with, also a dialog's in its last line but one
SIZES = ((40, 12), (300, 100), (60, 20), (81, 13), (41, 60), (200, 12), (120, 36))


def stands_whole(columns: int, lines: int) -> Callable[[str], bool]:
    """A picture of that size whose footer ends as footers end."""

    def check(text: str) -> bool:
        found = text.split("\n")
        return len(found) == lines and max(map(len, found)) <= columns and KEYS.search("".join(found[-2:])) is not None

    return check


def test_every_size_is_borne_on_every_screen_at_any_moment(runs: list[RunWriter], tmux: Open) -> None:
    """The next size comes while the last is still being drawn, larger or smaller, or just the one before it again."""
    session = tmux()
    session.until(lambda text: "cldr-mono-s0" in text, "the list of runs")
    draw = random.Random(0)
    for keys in (("Enter",), ("2",), ("3",), ("?",), ("q", "q"), ("n",)):
        session.press(*keys)
        for _ in range(3):
            for columns, lines in draw.choices(SIZES, k=8):
                session.resize(columns, lines)
                time.sleep(draw.choice((0.0, 0.0, 0.01, 0.03)))
            session.until(stands_whole(columns, lines), f"the screen after {keys} at {columns}x{lines}")
    assert alive(session.pid())
    for columns, lines in SIZES:
        session.resize(columns, lines)
        session.until(stands_whole(columns, lines), f"the launch screen at {columns}x{lines}")
        session.until(lambda text: "new run" in text.split("\n")[0], f"the header at {columns}x{lines}")


def test_detached_and_attached_again_from_a_smaller_terminal(runs: list[RunWriter], tmux: Open) -> None:
    session = tmux()
    first = session.attach()
    first.until("cldr-mono-s0")
    pid = session.pid()
    session.run("detach-client", "-a")
    session.run("detach-client")
    assert first.wait(10) == 0
    assert alive(pid)
    session.resize(60, 20)
    second = session.attach(60, 21)
    second.until("cldr-mono-s0")
    second.press("?")
    second.until("keys of the runs screen")
    second.hang_up()
    assert alive(pid)  # tmux keeps it, as it keeps everything
    third = session.attach(60, 21)
    third.until("keys of the runs screen")
    third.hang_up()


def test_a_session_that_is_killed_takes_the_dashboard_along(runs: list[RunWriter], tmux: Open) -> None:
    session = tmux()
    session.until(lambda text: "cldr-mono-s0" in text, "the list of runs")
    pid = session.pid()
    session.kill()
    until(lambda: not alive(pid), "the dashboard to end", 10.0)


def test_a_stopped_and_continued_dashboard_draws_itself_again(runs: list[RunWriter], tmux: Open) -> None:
    session = tmux()
    session.until(lambda text: "cldr-mono-s0" in text, "the list of runs")
    os.kill(session.pid(), signal.SIGSTOP)
    session.resize(70, 20)
    os.kill(session.pid(), signal.SIGCONT)
    session.until(lambda text: len(text.split("\n")) == 20 and "cldr-mono-s0" in text, "the list at its new size")
