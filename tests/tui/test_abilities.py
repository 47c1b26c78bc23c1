"""What the terminal can do is taken from its own environment, and what it cannot do is not sent to it."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.terminal import HYBRID_TUI, Terminal
from helpers.tmux import needs_tmux
from hypothesis import given
from hypothesis import strategies as st
from runs_factory import finished

from tui.cli import main
from tui.clipboard import osc52
from tui.terminal.abilities import has_braille, most_colours, speaks_utf8
from tui.terminal.sequences import notification, passed_through

needs_screen = pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")

TWENTY_FOUR_BITS = re.compile(rb"\x1b\[[0-9;:]*[34]8[;:]2[;:]")
BRAILLE = re.compile("[\u2801-\u28ff]")
UNSET = ("LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY", "COLORTERM", "PYTHONUTF8", "PYTHONIOENCODING")


def terminal_with(env: dict[str, str], command: list[str]) -> Terminal:
    """A program that knows of locales and colours only what ``env`` says."""
    return Terminal(["env", *(f"--unset={name}" for name in UNSET), *(f"{k}={v}" for k, v in env.items()), *command])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, False),
        ({"LC_CTYPE": "C", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-15@euro"}, False),
        ({"LANG": "sr_RS.UTF-8@latin"}, True),
        ({"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}, True),
    ],
)
def test_the_locale_says_whether_a_terminal_reads_utf8(environment: dict[str, str], expected: bool) -> None:
    assert speaks_utf8(environment) is expected
    assert has_braille({"TERM": "xterm-256color", **environment}) is expected
    assert not has_braille({"TERM": "linux", **environment})


@pytest.mark.parametrize("environment", [{}, {"LANG": "C"}, {"LC_ALL": "POSIX"}])
def test_without_a_utf8_locale_charts_are_ascii(home: Path, environment: dict[str, str]) -> None:
    """Python itself speaks UTF-8 there, and writes so into its own environment."""
    finished(home, "cldr-hybrid-s0")
    terminal = terminal_with(environment, [HYBRID_TUI, "--runs", str(home)])
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("enter")
    terminal.until("last event", 30)
    terminal.press("q", "q")
    assert terminal.wait() == 0
    assert terminal.written.isascii()


@needs_tmux
def test_tmux_without_utf8_shows_curves_and_no_underscores(home: Path, tmp_path: Path) -> None:
    finished(home, "cldr-hybrid-s0")
    command = ["tmux", "-S", str(tmp_path / "tmux"), "-f", os.devnull, "new-session", f"{HYBRID_TUI} --runs {home}"]
    terminal = terminal_with({"LC_ALL": "C"}, command)
    try:
        terminal.until("cldr-hybrid-s0", 30)
        terminal.press("enter")
        terminal.until("last event", 30)
        assert "___" not in terminal.text()
        assert "loss" in terminal.text()
    finally:
        subprocess.run(["tmux", "-S", str(tmp_path / "tmux"), "kill-server"], capture_output=True)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "256"),
        ({"TERM": "screen-256color", "STY": "1.pts", "COLORTERM": "24bit"}, "256"),
        ({"TERM": "screen", "COLORTERM": "truecolor"}, "256"),
        ({"TERM": "linux", "COLORTERM": "truecolor"}, "16"),
        ({"TERM": "xterm", "COLORTERM": "yes"}, None),
    ],
)
def test_colorterm_is_not_believed_beyond_the_colours_that_are_needed(
    environment: dict[str, str], expected: str | None
) -> None:
    assert most_colours(environment) == expected


@pytest.mark.parametrize("term", ["screen-256color", "xterm-256color", "linux"])
def test_no_24_bit_colour_is_sent_unasked(home: Path, term: str) -> None:
    finished(home, "cldr-hybrid-s0")
    environment = {"TERM": term, "STY": "1.pts", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    terminal = terminal_with(environment, [HYBRID_TUI, "--runs", str(home)])
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("q")
    assert terminal.wait() == 0
    assert TWENTY_FOUR_BITS.search(terminal.written) is None
    assert b"\x1b[" in terminal.written


def screened(home: Path, tmp_path: Path) -> Terminal:
    """A dashboard in a GNU screen of the test's own, which dies with its terminal."""
    folder = tmp_path / "screens"
    folder.mkdir(mode=0o700)
    environment = {"SCREENDIR": str(folder), "LANG": "C.UTF-8", "COLORTERM": "truecolor", "TERM": "xterm-256color"}
    command = ["screen", "-U", "-c", os.devnull, "-T", "screen-256color", HYBRID_TUI, "--runs", str(home)]
    return terminal_with(environment, command)


@needs_screen
def test_in_gnu_screen_mono_and_cross_have_two_colours_and_neither_is_dim(home: Path, tmp_path: Path) -> None:
    finished(home, "cldr-hybrid-s0")
    terminal = screened(home, tmp_path)
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("enter")
    terminal.until("last event", 30)
    terminal.press("2")
    terminal.until("others", 30)
    terminal.press("1")
    terminal.until("pairs/s", 30)
    curves = {
        (cell.fg, cell.bold) for line in terminal.screen.buffer.values() for cell in line.values()
        if BRAILLE.fullmatch(cell.data)
    }  # fmt: skip
    terminal.press("q", "q")
    terminal.wait()
    assert len(curves) >= 2
    assert re.search(rb"\x1b\[(?:[0-9;]*;)?(?:2|95)m", bytes(terminal.written)) is None


@needs_screen
def test_a_whole_screen_is_copied_through_gnu_screen(home: Path, tmp_path: Path) -> None:
    """Its strings end after 768 bytes, and what is beyond would be printed over the dashboard."""
    finished(home, "cldr-hybrid-s0")
    terminal = screened(home, tmp_path)
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("enter")
    terminal.until("last event", 30)
    terminal.press("Y")
    terminal.until("the screen", 30)
    terminal.press("\x1b[F", "enter")
    terminal.until("copied", 30)
    assert not any(re.search(r"[A-Za-z0-9+/]{60}", line) for line in terminal.screen.display)
    terminal.press("q", "q")
    terminal.wait()
    copied = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", bytes(terminal.written))
    assert copied is not None
    text = base64.b64decode(copied[1]).decode()
    assert len(copied[1]) > 768
    assert "pairs/s" in text


@given(st.text(min_size=1, max_size=3000))
def test_no_string_for_gnu_screen_is_longer_than_it_takes(text: str) -> None:
    for sequence in (osc52(text, {"STY": "1.pts"}), notification(text, {"STY": "1.pts"})):
        strings = re.findall("\x1bP(.*?)\x1b\\\\", sequence, re.DOTALL)
        assert max(len(part.encode("utf-8", "surrogatepass")) for part in strings) < 768
        plain = "".join(strings)
        assert sequence == "".join(f"\x1bP{part}\x1b\\" for part in strings)
        assert plain in (osc52(text, {}), notification(text, {}))


@given(st.text(max_size=400), st.sampled_from(["xterm-256color", "rxvt-unicode-256color", "foot", "tmux-256color"]))
def test_what_a_notification_says_cannot_end_it_or_begin_another(text: str, term: str) -> None:
    sequence = notification(text, {"TERM": term})
    assert sequence.startswith(("\x1b]9;hybrid-tui: ", "\x1b]777;notify;hybrid-tui;"))
    assert sequence.endswith("\x07")
    said = sequence[2:-1]
    assert all(character.isprintable() or ord(character) >= 0xA0 for character in said)
    assert said.count(";") in (1, 3)


def test_passing_through_tmux_doubles_every_escape() -> None:
    assert passed_through("\x1b]9;a\x07", {"TMUX": "/tmp/t"}) == "\x1bPtmux;\x1b\x1b]9;a\x07\x1b\\"


def test_a_terminal_that_cannot_move_its_cursor_gets_one_line(home: Path) -> None:
    terminal = terminal_with({"TERM": "dumb", "LANG": "C.UTF-8"}, [HYBRID_TUI, "--runs", str(home)])
    assert terminal.wait() == 2
    (line,) = bytes(terminal.written).decode().splitlines()
    assert line.startswith("hybrid-tui: ")
    assert "TERM=dumb" in line
    assert "--plain" in line


def test_with_standard_error_in_a_file_the_dashboard_draws_on_standard_output(home: Path, tmp_path: Path) -> None:
    finished(home, "cldr-hybrid-s0")
    errors = tmp_path / "errors"
    terminal = terminal_with({"LANG": "C.UTF-8"}, ["sh", "-c", f"exec {HYBRID_TUI} --runs {home} 2>{errors}"])
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("q")
    assert terminal.wait() == 0
    assert errors.read_bytes() == b""


def test_nothing_is_drawn_into_a_pipe(home: Path) -> None:
    terminal = terminal_with({"LANG": "C.UTF-8"}, ["sh", "-c", f"{HYBRID_TUI} --runs {home} | od -c"])
    terminal.wait()
    said = bytes(terminal.written)
    assert b"033" not in said
    assert b"\x1b" not in said
    assert b"the dashboard needs a terminal" in said


def findings(environment: dict[str, str], **more: str) -> str:
    command = ["env", *(f"--unset={name}" for name in UNSET), *(f"{k}={v}" for k, v in environment.items())]
    done = subprocess.run(
        [*command, HYBRID_TUI, "doctor"], capture_output=True, text=True, env={**os.environ, **more}, timeout=120
    )
    return "\n".join(line for line in done.stdout.splitlines() if " terminal " in line or " output " in line)


def test_doctor_tells_of_locale_colours_and_terminal() -> None:
    told = findings({"LC_ALL": "C", "TERM": "screen-256color", "STY": "1.pts", "COLORTERM": "truecolor"})
    assert "not UTF-8: charts are drawn in ASCII" in told
    assert "COLORTERM=truecolor is not for GNU screen" in told
    assert "colours 256" in told
    assert "note     output" not in told
    assert "cannot move its cursor" in findings({"TERM": "dumb"})


@pytest.fixture
def other_textual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python from here on finds a Textual whose updates are made otherwise."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "from textual import _compositor\n"
        "class ChopsUpdate(_compositor.ChopsUpdate):\n"
        "    def __init__(self, chops, spans, chop_ends, extra=None):\n"
        "        super().__init__(chops, spans, chop_ends)\n"
        "_compositor.ChopsUpdate = ChopsUpdate\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")


def test_with_another_textual_the_dashboard_runs_and_doctor_says_what_is_different(
    home: Path, other_textual: None
) -> None:
    finished(home, "cldr-hybrid-s0")
    terminal = terminal_with({"LANG": "C.UTF-8"}, [HYBRID_TUI, "--runs", str(home)])
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("enter")
    terminal.until("last event", 30)
    assert "ChopsUpdate" not in terminal.text()
    terminal.press("q", "q")
    assert terminal.wait() == 0
    assert "in this Textual ChopsUpdate.__init__ takes other arguments" in findings({"LANG": "C.UTF-8"})


def test_with_the_pinned_textual_nothing_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    assert " output " not in capsys.readouterr().out
    assert sys.modules["tui.terminal.private_api"].difference() == ""


@pytest.mark.parametrize(("colours", "expected"), [("truecolor", TWENTY_FOUR_BITS), ("256", re.compile(rb"38;5;"))])
def test_colours_that_are_set_are_used_whatever_the_terminal_says(
    home: Path, colours: str, expected: re.Pattern[bytes]
) -> None:
    finished(home, "cldr-hybrid-s0")
    settings = home.parent / "settings.toml"
    settings.write_text(f'colours = "{colours}"\n')
    command = [HYBRID_TUI, "--runs", str(home), "--settings", str(settings)]
    terminal = terminal_with({"TERM": "xterm", "LANG": "C.UTF-8"}, command)
    terminal.until("cldr-hybrid-s0", 30)
    terminal.press("q")
    terminal.wait()
    assert expected.search(bytes(terminal.written))
