"""A tmux server of a test's own, and terminals attached to it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from helpers.terminal import Terminal

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """One session with one window, detached until ``attach``."""

    def __init__(self, folder: Path, command: Sequence[str], columns: int = 120, lines: int = 36) -> None:
        self._socket = folder / "tmux.sock"
        self._env = {name: value for name, value in os.environ.items() if name not in ("TMUX", "NO_COLOR")}
        self._env |= {"COLUMNS": "80", "LINES": "24"}  # what some shells and containers export must not matter
        # The window keeps the size it is given, whatever terminals are attached.
        self.run("new-session", "-d", "-x", str(columns), "-y", str(lines), shlex.join(command))
        self.run("set-option", "-g", "window-size", "manual")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", os.devnull, *arguments],
            env={**self._env, "TERM": "xterm-256color"}, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        return done.stdout

    def press(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self.run("resize-window", "-x", str(columns), "-y", str(lines))

    def lines(self) -> list[str]:
        """What stands on the pane; the lines' trailing blanks are cut."""
        return self.run("capture-pane", "-p").split("\n")[:-1]

    def text(self) -> str:
        return "\n".join(self.lines())

    def until(self, condition: Callable[[str], object], what: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition(text := self.text()):
            assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s:\n{text}"
            time.sleep(0.05)

    def pid(self) -> int:
        """Of the program in the pane."""
        return int(self.run("list-panes", "-F", "#{pane_pid}"))

    def attach(self, columns: int = 120, lines: int = 37) -> Terminal:
        """Another terminal on the session; its last line is tmux's own."""
        command = ["tmux", "-S", str(self._socket), "attach-session"]
        return Terminal(command, {"TMUX": ""}, columns=columns, lines=lines)

    def kill(self) -> None:
        self.run("kill-server")
