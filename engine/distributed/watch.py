"""Ends all ranks of a machine as soon as one of them has ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Mapping

_GRACE_SECONDS = 10.0  # between a rank that ended well and the last of the others


class Watch:
    """Waits, in a thread, for the first rank to end.

    torch's own agent would send SIGTERM to the others and kill them half a minute later; but a rank in a collective
    call that lost a member has nothing to bring to an end.

    Attributes:
        first: local rank of the first one that failed; None: none did, or nobody saw it in time.
    """

    def __init__(self, processes: Mapping[int, int]) -> None:
        """``processes``: child processes by local rank."""
        self.first: int | None = None
        self._ranks: dict[int, int] = {}  # local rank by pidfd
        if hasattr(os, "pidfd_open"):
            self._ranks = {os.pidfd_open(pid): rank for rank, pid in processes.items()}
            threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        left = set(self._ranks)
        grace: float | None = None
        while left and (ended := _wait_for_any(left, grace)):
            left -= ended
            failed = [fd for fd in ended if _failed(fd)]
            if failed:
                self.first = self._ranks[failed[0]]
                break
            grace = _GRACE_SECONDS
        for fd in left:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        for fd in self._ranks:
            os.close(fd)


def _wait_for_any(processes: set[int], seconds: float | None) -> set[int]:
    """Those of the pidfds whose process has ended, at least one; empty after so many seconds."""
    poll = select.poll()
    for fd in processes:
        poll.register(fd, select.POLLIN)
    return {fd for fd, _ in poll.poll(None if seconds is None else 1000 * seconds)}


def _failed(process: int) -> bool:
    try:
        status = os.waitid(os.P_PIDFD, process, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return False  # torch's agent, which looks ten times a second, was faster
    return status is not None and (status.si_code != os.CLD_EXITED or status.si_status != 0)
