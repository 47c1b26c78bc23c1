"""A real pseudo-terminal around a real process, with a terminal emulator that keeps its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyte

HYBRID_TUI = str(Path(sys.executable).parent / "hybrid-tui")
KEYS = {"enter": "\r", "down": "\x1b[B", "up": "\x1b[A", "f5": "\x1b[15~", "ctrl+u": "\x15", "space": " "}


class Terminal:
    """Starts ``command`` as the leader of a session whose controlling terminal this is.

    ``screen`` is what it shows, ``written`` every byte that it was sent.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, *, columns: int = 120, lines: int = 36
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.written = bytearray()
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def press(self, *keys: str) -> None:
        """Names of KEYS, or text typed as it is; each is read before the next, as a person's would be."""
        for key in keys:
            self.send(KEYS.get(key, key))
            self.read(0.15)

    def send(self, text: str) -> None:
        """Types a text at once and reads nothing."""
        os.write(self._master, text.encode())

    def read(self, seconds: float) -> None:
        """Takes up what the program draws in that time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._master], [], [], left)[0]:
                return
            try:
                arrived = os.read(self._master, 65536)
            except OSError:  # the program is gone and so is the terminal's other end
                return
            self.written += arrived
            self._stream.feed(arrived)

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, wanted: str, seconds: float = 60.0) -> None:
        """Reads until ``wanted`` is on the screen."""
        deadline = time.monotonic() + seconds
        while wanted not in self.text():
            assert time.monotonic() < deadline, f"{wanted!r} did not appear:\n{self.text()}"
            self.read(0.2)

    def hang_up(self) -> None:
        """Closes the terminal as a lost SSH connection does: the session gets SIGHUP."""
        os.close(self._master)
        self.process.wait(timeout=30)

    def wait(self, seconds: float = 30.0) -> int:
        """Reads until the program has ended; its exit status."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"the program does not end:\n{self.text()}"
            self.read(0.1)
        os.close(self._master)
        return self.process.returncode
