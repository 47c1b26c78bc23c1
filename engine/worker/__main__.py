"""The process of one run: config -> data -> train <-> evaluate; emits events, obeys commands.

Started by engine.runs.launch with the run's lock already held. torch and everything that needs it is
imported only once a device is free, so that a queued run costs almost nothing.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
from pathlib import Path

from engine.config import several_ranks
from engine.runs.folder import RunFolder, read_spec
from engine.runs.lock import RunLock
from engine.worker.attempt import EXIT_FAILED, attempt, open_session
from engine.worker.session import LostRun


def main(arguments: list[str] | None = None) -> int:
    """Runs one attempt; returns 0 done, 1 failed, 3 paused or stopped."""
    parser = argparse.ArgumentParser(prog="python -m engine.worker", description="The process of one run.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--lock-fd", type=int, help="descriptor that holds the run's lock; without it the lock is taken"
    )
    parser.add_argument("--attempt", type=int, required=True)
    parser.add_argument(
        "--evaluate", action="store_true", help="evaluate the newest checkpoint, then restore the state"
    )
    parser.add_argument("--devices", help="of this machine's ranks, cuda:0,cuda:1: this process is one of them")
    parser.add_argument("--agent", type=int, help="process id of what started the ranks")
    options = parser.parse_args(arguments)
    if arguments is None:
        faulthandler.enable()  # a crash of native code names its signal in worker.log

    folder = RunFolder(options.folder)
    if options.devices is not None:
        from engine.worker.rank import run_rank

        return run_rank(folder, options.attempt, options.devices.split(","), options.agent)
    spec = read_spec(folder)
    lock = RunLock.acquire(folder) if options.lock_fd is None else RunLock.adopt(folder, options.lock_fd)
    session = open_session(folder, lock, options.attempt)
    try:
        if spec.config.kind == "training" and several_ranks(spec.config.runtime) and not options.evaluate:
            from engine.worker.agent import run_ranks

            return run_ranks(session, spec, lock)
        return attempt(session, spec, evaluate_only=options.evaluate)
    except LostRun:
        print("another worker has taken this run over; leaving", file=sys.stderr)
        os._exit(EXIT_FAILED)  # without a last word: the log is no longer ours to write
    finally:
        session.close()  # the lock goes with the process: who sees it free sees the process gone


if __name__ == "__main__":
    sys.exit(main())
