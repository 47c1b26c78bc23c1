"""What really goes to the terminal: no colour codes where none are wanted, 256 at most, and only ASCII where asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.terminal import HYBRID_TUI, Terminal
from runs_factory import RunWriter, finished

COLOURS = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
TRUECOLOR = re.compile(rb"\x1b\[[0-9;]*[34]8;2;")
EXTENDED = re.compile(rb"\x1b\[[0-9;]*[34]8;[25];")


def opened(home: Path, env: dict[str, str], *options: str) -> Terminal:
    clean = {"COLORTERM": "", "COLORFGBG": "", **env}
    return Terminal([HYBRID_TUI, "--runs", str(home), *options], clean)


@pytest.fixture
def finished_run(home: Path) -> RunWriter:
    return finished(home, "cldr-hybrid-s0")


def tour(terminal: Terminal) -> bytes:
    """Through every tab and out again; the bytes of it all."""
    terminal.until("cldr-hybrid-s0", 20)
    terminal.press("enter")
    terminal.until("last event", 20)
    for key, expected in (("2", "others"), ("3", "median"), ("?", "keys of the run screen")):
        terminal.press(key)
        terminal.until(expected, 20)
    terminal.press("q", "q", "q")
    assert terminal.wait(20) == 0
    return bytes(terminal.written)


def test_no_color_means_not_one_colour_code(home: Path, finished_run: RunWriter) -> None:
    """Attributes (bold, dim, reverse) and "default colour" are all that is left."""
    written = tour(opened(home, {"NO_COLOR": "1"}))
    assert COLOURS.findall(written) == []


def test_without_colorterm_256_colours_are_all_that_is_used(home: Path, finished_run: RunWriter) -> None:
    written = tour(opened(home, {"TERM": "xterm-256color"}))
    assert TRUECOLOR.search(written) is None
    assert EXTENDED.search(written) is not None


def test_a_terminal_of_sixteen_colours_gets_only_those(home: Path, finished_run: RunWriter) -> None:
    written = tour(opened(home, {"TERM": "xterm"}))
    assert EXTENDED.search(written) is None
    assert COLOURS.search(written) is not None


def test_ascii_means_ascii_and_braille_is_asked_for_by_nobody_else(home: Path) -> None:
    """Also where a text is too long for its place: the folder's name here is."""
    deep = home / ("a-long-name-" * 12)
    deep.mkdir()
    finished(deep, "cldr-hybrid-s0")
    written = tour(opened(deep, {}, "--charset", "ascii")).decode()
    assert {character for character in written if not character.isascii()} == set()


def test_nothing_blinks_and_the_mouse_stays_with_the_terminal_when_asked(home: Path, finished_run: RunWriter) -> None:
    written = tour(opened(home, {}, "--no-mouse"))
    plain = re.sub(rb"[34]8;5;[0-9]+", b"", written)  # 38;5;n is a colour, a 5 alone would blink
    assert re.search(rb"\x1b\[(?:[0-9;]*;)?[56](?:;[0-9;]*)?m", plain) is None
    assert re.search(rb"\x1b\[\?100[0236]h", written) is None
