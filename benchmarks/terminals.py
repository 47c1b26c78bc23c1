"""A pseudo-terminal for measuring: it can be as slow as a bad line, and it counts what arrives and when."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

KEYS = {"enter": b"\r", "down": b"\x1b[B", "up": b"\x1b[A", "end": b"\x1b[F", "home": b"\x1b[H"}
_SLICE_SECONDS = 0.01


class PacedTerminal:
    """Runs ``command`` in a terminal that takes at most ``bytes_per_second`` (None: as fast as it can).

    Nothing is read ahead: what the line has not carried yet waits in the kernel's buffer, and the program with it.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 120, lines: int = 36,
        bytes_per_second: int | None = None,
    ) -> None:  # fmt: skip
        self.screen = pyte.Screen(columns, lines)
        self.received = 0
        self.tap: Callable[[bytes], object] | None = None  # is given everything that arrives
        self._stream = pyte.ByteStream(self.screen)
        self._rate = bytes_per_second
        self._allowance, self._filled = 0.0, time.monotonic()
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=dict(env), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def press(self, key: str) -> None:
        os.write(self._master, KEYS.get(key, key.encode()))

    def step(self, emulate: bool = True) -> int:
        """Takes what has arrived within a hundredth of a second; returns how many bytes."""
        wanted = 65536
        if self._rate is not None:
            now = time.monotonic()
            # At most one slice is saved up: a line does not carry later what it could have carried before.
            self._allowance = min(self._rate * _SLICE_SECONDS, self._allowance + self._rate * (now - self._filled))
            self._filled = now
            wanted = int(self._allowance)
            if wanted < 1:
                time.sleep(_SLICE_SECONDS / 2)
                return 0
        if not select.select([self._master], [], [], _SLICE_SECONDS)[0]:
            return 0
        try:
            data = os.read(self._master, wanted)
        except OSError:
            return 0
        self._allowance -= len(data)
        self.received += len(data)
        if self.tap is not None:
            self.tap(data)
        if emulate:
            self._stream.feed(data)
        return len(data)

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> float:
        """Reads until ``condition`` is true; the seconds it took.

        Raises:
            TimeoutError: it did not come true in time; the message holds the screen.
        """
        start = time.monotonic()
        while not condition():
            if time.monotonic() - start > seconds:
                raise TimeoutError(f"{what} did not come within {seconds:.0f} s:\n{self.text()}")
            self.step()
        return time.monotonic() - start

    def read_for(self, seconds: float, emulate: bool = True) -> int:
        """Reads for that long; the bytes that came."""
        before, end = self.received, time.monotonic() + seconds
        while time.monotonic() < end:
            self.step(emulate)
        return self.received - before

    def close(self) -> None:
        """Ends the program and the terminal."""
        self.process.terminate()
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            self.step(emulate=False)
        self.process.kill()
        self.process.wait()
        os.close(self._master)
