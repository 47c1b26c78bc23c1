"""However the dashboard is ended or put aside, the shell gets back the terminal that it had."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from following import until
from helpers.terminal import HYBRID_TUI, Terminal
from helpers.tmux import Tmux, needs_tmux
from runs_factory import finished

pytestmark = [pytest.mark.timeout(120), needs_tmux]

SANE = "alternate 0 mouse 0 cursor 1"


@pytest.fixture(params=["auto", "textual"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Iterator[Tmux]:
    """A shell in tmux with a dashboard as its job, drawn in one of the two ways."""
    finished(home, "cldr-hybrid-s0")
    settings = tmp_path / "settings.toml"
    settings.write_text(f'output = "{request.param}"\n')
    session = Tmux(tmp_path, ["bash", "--norc", "-i"])
    session.press(f"{HYBRID_TUI} --runs {home} --settings {settings}; echo status=$?.", "Enter")
    session.until(lambda text: "q leave" in text, "the dashboard", 30)
    yield session
    session.kill()


def modes(session: Tmux) -> str:
    told = "alternate #{alternate_on} mouse #{mouse_any_flag} cursor #{cursor_flag}"
    return session.run("display-message", "-p", told).strip()


def dashboard_pid(session: Tmux) -> int:
    children = Path(f"/proc/{session.pid()}/task/{session.pid()}/children").read_text().split()
    return int(children[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_a_sane_terminal(shell: Tmux, number: signal.Signals) -> None:
    assert modes(shell) == "alternate 1 mouse 1 cursor 0"
    os.kill(dashboard_pid(shell), number)
    shell.until(lambda text: f"status={128 + number}." in text, "the shell's prompt")
    assert modes(shell) == SANE
    shell.press("echo typed", "Enter")
    shell.until(lambda text: "\ntyped" in text, "what is typed")


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_draws_everything_again(shell: Tmux) -> None:
    shell.press("C-z")
    shell.until(lambda text: "Stopped" in text, "the shell")
    assert modes(shell) == SANE
    shell.press("clear; seq 30; fg; echo status=$?.", "Enter")
    shell.until(lambda text: "q leave" in text and "cldr-hybrid-s0" in text and "\n29" not in text, "the dashboard")
    shell.press("q")
    shell.until(lambda text: "status=0." in text, "the shell's prompt")
    assert modes(shell) == SANE


def test_ctrl_z_in_a_dialog_comes_back_to_the_dialog(shell: Tmux) -> None:
    shell.press("?")
    shell.until(lambda text: "keys of the runs screen" in text, "help")
    shell.press("C-z")
    shell.until(lambda text: "Stopped" in text, "the shell")
    shell.press("clear; fg", "Enter")
    shell.until(lambda text: "keys of the runs screen" in text, "help again")


def test_a_dashboard_that_no_longer_answers_ends_at_the_second_signal(tmp_path: Path, home: Path) -> None:
    """Its interface hangs; the terminal is put back all the same."""
    script = tmp_path / "hanging.py"
    script.write_text(
        "import time\nfrom pathlib import Path\nfrom tui import app\n"
        "app.Dashboard.on_new_snapshot = lambda self, message: time.sleep(600)\n"
        f"raise SystemExit(app.run_dashboard(Path({str(home)!r})))\n"
    )
    session = Tmux(tmp_path, ["bash", "--norc", "-i"])
    try:
        session.press(f"{sys.executable} {script}; echo status=$?.", "Enter")
        until(lambda: modes(session) == "alternate 1 mouse 1 cursor 0", "the dashboard", 30)
        pid = dashboard_pid(session)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGTERM)
        session.until(lambda text: "status=143." in text, "the shell's prompt")
        assert modes(session) == SANE
    finally:
        session.kill()


SLOW_EXPORT = """
import os, sys, time
from engine import files
from tui.dialogs import export as dialog

def export(runs, table, format, file, benchmark, step):
    with files.writing(files.Path(file)) as out:
        out.write(b"half")
        out.flush()
        time.sleep(600)

dialog.export = export
sys.argv = ["hybrid-tui", "--runs", os.environ["HOME_OF_RUNS"]]
from tui.cli import main
raise SystemExit(main())
"""


def test_leaving_does_not_wait_for_an_export_and_leaves_no_half_of_it(tmp_path: Path, home: Path) -> None:
    finished(home, "cldr-hybrid-s0")
    folder = tmp_path / "here"
    folder.mkdir()
    command = ["sh", "-c", f"cd {folder} && exec {sys.executable} -c '{SLOW_EXPORT}'"]
    terminal = Terminal(command, {"HOME_OF_RUNS": str(home)})
    terminal.until("cldr-hybrid-s0")
    terminal.press("x")
    terminal.until("format")
    terminal.press("\x1b[15~")
    terminal.until("writing")
    until(lambda: list(folder.iterdir()), "the half of a file")
    terminal.press("\x07")
    while "format" in terminal.text():
        terminal.read(0.1)
    terminal.press("q")
    terminal.until("still writing")
    assert list(folder.iterdir())
    terminal.press("q")
    assert terminal.wait() == 0
    assert list(folder.iterdir()) == []
