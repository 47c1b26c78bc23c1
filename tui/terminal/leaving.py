"""A dashboard that a signal ends leaves the terminal as it was found, and its exit status says which signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

_PATIENCE_SECONDS = 3.0
# No kitty keys, mouse, focus events or bracketed paste; lines wrap; the cursor shows; the shell's screen is back.
_AS_FOUND = "\x1b[<u\x1b[?1000;1002;1003;1004;1006;1015;1016;2004;2048l\x1b[?7h\x1b[0m\x1b[?25h\x1b[?1049l"


@contextlib.contextmanager
def ends_at_signals(leave: Callable[[int], None]) -> Iterator[None]:
    """At the first of SIGNALS calls ``leave`` with 128 + its number, in the event loop that then runs.

    Should the loop not end for it, or a second signal come, the terminal is put back and the process ends at once.
    SIGHUP too: started under nohup the dashboard would draw on for ever to a terminal that is gone.
    """
    modes = _terminal_modes()
    asked = threading.Event()

    def at_once(status: int) -> None:
        _put_back(modes)
        os._exit(status)

    def handle(number: int, frame: FrameType | None) -> None:
        status = 128 + number
        if asked.is_set():
            at_once(status)
        asked.set()
        patience = threading.Timer(_PATIENCE_SECONDS, at_once, [status])
        patience.daemon = True
        patience.start()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # not begun, or over
            at_once(status)
        loop.call_soon_threadsafe(leave, status)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        if not asked.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


def _terminal_modes() -> list[object] | None:
    try:
        return termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
    except (termios.error, AttributeError, ValueError, OSError):
        return None


def _put_back(modes: list[object] | None) -> None:
    """Never waits: a terminal that takes nothing more, or is gone, is left alone."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        output = sys.__stderr__.fileno()  # type: ignore[union-attr]
        os.set_blocking(output, False)
        os.write(output, _AS_FOUND.encode())
        os.set_blocking(output, True)
    with contextlib.suppress(termios.error, AttributeError, ValueError, OSError):
        if modes is not None:
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, modes)  # type: ignore[union-attr, arg-type]
