"""Ends all ranks of a machine as soon as one of them has ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Mapping

from engine.distributed.errors import EXIT_RANK_LOST

_GRACE_SECONDS = 10.0  # between a rank that ended well and the last of the others
_LOST_SECONDS = 2.0  # between a rank that left because another one was lost, and that one's own end


class Watch:
    """Waits, in a thread, for the first rank to end.

    torch's own agent would send SIGTERM to the others and kill them half a minute later; but a rank in a collective
    call that lost a member has nothing to bring to an end.
    """

    def __init__(self, processes: Mapping[int, int], lost_fd: int | None = None) -> None:
        """``processes``: child processes by local rank; ``lost_fd``: all are ended when it can be read from."""
        self._lost = set() if lost_fd is None else {lost_fd}
        self._first: int | None = None
        self._ranks: dict[int, int] = {}  # local rank by pidfd
        if hasattr(os, "pidfd_open"):
            self._ranks = {os.pidfd_open(pid): rank for rank, pid in processes.items()}
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def result(self) -> int | None:
        """Once all have ended: local rank of the first one that failed; None: none did, or nobody saw it in time."""
        self._thread.join(_GRACE_SECONDS)
        return self._first

    def _run(self) -> None:
        left = set(self._ranks)
        grace: float | None = None
        lost: int | None = None  # a rank that ended because another one had, or was about to
        while self._first is None and left and (ended := _wait_for_any(left | self._lost, grace)):
            if ended & self._lost:
                break
            left -= ended
            grace = _GRACE_SECONDS
            for fd in ended:
                status = _status(fd)
                if status == EXIT_RANK_LOST:
                    lost, grace = self._ranks[fd], _LOST_SECONDS
                elif status:
                    self._first = self._ranks[fd]
        if self._first is None:
            self._first = lost
        for fd in left:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        for fd in self._ranks:
            os.close(fd)


def _wait_for_any(descriptors: set[int], seconds: float | None) -> set[int]:
    """Those that can be read from, as a pidfd can once its process has ended; empty after so many seconds."""
    poll = select.poll()
    for fd in descriptors:
        poll.register(fd, select.POLLIN)
    return {fd for fd, _ in poll.poll(None if seconds is None else 1000 * seconds)}


def _status(process: int) -> int:
    """How an ended process ended: its exit status, or minus the signal; 0 where torch's agent, which looks ten times
    a second, has asked before."""
    with contextlib.suppress(ChildProcessError):
        ended = os.waitid(os.P_PIDFD, process, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if ended is not None:
            return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    return 0
