"""The agent of every machine but the first of a run: its ranks join those of the first.

``python -m engine.distributed.join HOME``, in the foreground: a batch scheduler that ends the job ends it too. Pause
and stop are rank 0's to decide, so signals that mean pause are left to the first machine, which gets them as well.
"""

from __future__ import annotations

import signal
import sys
from datetime import timedelta
from pathlib import Path

from torch._C._distributed_c10d import TCPStore

from engine import events
from engine.distributed.agent import run_agent
from engine.runs.folder import RunFolder, read_spec
from engine.runs.nodes import this_node, wait_for_meeting
from engine.worker.devices import share_cores, wait_for_devices

_MEETING_TIMEOUT = timedelta(minutes=5)


def main() -> int:
    home = Path(sys.argv[1])
    node = this_node()
    if node is None:
        raise SystemExit("nothing says which machine this is")
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    meeting = wait_for_meeting(home, node)
    folder = RunFolder(Path(meeting.folder))
    runtime = read_spec(folder).config.runtime
    share_cores()
    held = wait_for_devices(runtime, _Waiting(folder))
    store = TCPStore(meeting.host, meeting.port, is_master=False, timeout=_MEETING_TIMEOUT)
    failed = run_agent(store, meeting, held.devices, node=node.number, nodes=runtime.nodes)
    if failed is not None and failed.lost is not None:
        print(f"machine {failed.lost}, counted from 0, no longer answers", file=sys.stderr)
    elif failed is not None:
        print(f"rank {failed.rank} ended with status {failed.process.exitcode}", file=sys.stderr)
    return 0 if failed is None else 1


class _Waiting:
    """The queue of a machine whose run is told of by another one."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def emit(self, event: events.AnyEvent) -> None:
        if isinstance(event, events.Device) and event.waiting_for:
            print(f"waiting for {event.waiting_for}", file=sys.stderr, flush=True)
        if isinstance(event, events.Warning):
            print(event.message, file=sys.stderr, flush=True)

    def boundary(self, *, within: str) -> None:
        """There are no commands here."""


if __name__ == "__main__":
    sys.exit(main())
