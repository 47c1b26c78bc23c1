"""The dashboard's own output and Textual's show the same: the same keys, two terminals, every cell with its colours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.sizes import NARROW, WIDE
from helpers.terminal import HYBRID_TUI, Terminal
from queried_runs import queried

pytestmark = [pytest.mark.long, pytest.mark.exhaustive, pytest.mark.timeout(240)]

SECONDS = 30.0
ESCAPE = "\x1b"
# What stands on the screen after a key, over all screens, tabs and dialogs; sizes come and go in between.
TOUR = (
    ("?", "keys of the runs screen"), (ESCAPE, "q leave"), (":", "any command"), (ESCAPE, "q leave"),
    ("Y", "copy"), (ESCAPE, "q leave"), ("s", "sort"), (ESCAPE, "q leave"), ("/", ""), (ESCAPE, "q leave"),
    ("a", "archive"), ("n", "q leave"), ("n", "new run"), (ESCAPE, "q leave"), ("enter", "pairs/s"), ("z", "pairs/s"),
    ("f", "charts"), (ESCAPE, "pairs/s"), ("2", "others"), ("down", "others"), ("3", "median"), ("v", "median"),
    ("4", "question"), ("down", "question"), ("5", "finished"), ("6", "[model]"), ("x", "export"), (ESCAPE, "[model]"),
    ("1", "pairs/s"), ("j", "pairs/s"), (ESCAPE, "pairs/s"), (ESCAPE, "q leave"), ("space", "◆"), ("down", "◆"),
    ("space", "2 marked"), ("c", "baseline"), ("h", "baseline"), ("l", "curves"), (ESCAPE, ""),
)  # fmt: skip


@pytest.fixture(params=[WIDE, NARROW])
def terminals(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Iterator[tuple[Terminal, Terminal]]:
    queried(home, "first", seed=1)
    queried(home, "second", seed=2)
    opened = []
    for output in ("auto", "textual"):
        settings = tmp_path / f"{output}.toml"
        settings.write_text(f'output = "{output}"\n')
        command = [HYBRID_TUI, "--runs", str(home), "--settings", str(settings)]
        opened.append(Terminal(command, columns=request.param[0], lines=request.param[1]))
    yield opened[0], opened[1]
    for terminal in opened:
        terminal.process.terminate()
        assert terminal.wait() == 143


def differences(one: Terminal, other: Terminal) -> list[str]:
    """Cells in which two terminals differ: character, colours and attributes."""
    found = []
    for y in range(one.screen.lines):
        for x in range(one.screen.columns):
            here, there = one.screen.buffer[y][x], other.screen.buffer[y][x]
            if here != there:
                found.append(f"line {y}, cell {x}: {here} and {there}")
    return found


def settled(terminal: Terminal) -> str:
    """What it shows once nothing has changed for a second."""
    text = ""
    while text != (text := terminal.text()):
        for _ in range(10):
            terminal.read(0.1)
    return text


def test_both_outputs_show_the_same_cells_on_every_screen(terminals: tuple[Terminal, Terminal]) -> None:
    own, textual = terminals
    narrow = own.screen.columns < 80
    for terminal in terminals:
        terminal.until("first", SECONDS)
    for key, expected in TOUR:
        for terminal in terminals:
            terminal.press(key)
        deadline = time.monotonic() + SECONDS
        while lacking := differences(own, textual) or (not narrow and expected not in own.text()):
            assert time.monotonic() < deadline, f"after {key!r}: {lacking}\n{own.text()}\n{textual.text()}"
            for terminal in terminals:
                terminal.read(0.1)
    assert len(own.written) < len(textual.written)


@pytest.mark.parametrize(
    ("keys", "expected"), [(("?",), "keys of"), ((":",), "any command"), (("Y",), "copy"), ((), "first")]
)
def test_ctrl_l_draws_everything_again_on_screens_and_in_dialogs(
    terminals: tuple[Terminal, Terminal], keys: tuple[str, ...], expected: str
) -> None:
    for terminal in terminals:
        terminal.until("first", SECONDS)
        terminal.press(*keys)
        terminal.until(expected, SECONDS)
        whole = settled(terminal)
        terminal.screen.erase_in_display(2)
        terminal.press("\x0c")
        terminal.until(expected, SECONDS)
        deadline = time.monotonic() + SECONDS
        while terminal.text() != whole:
            assert time.monotonic() < deadline, f"{whole}\nbecame\n{terminal.text()}"
            terminal.read(0.1)
