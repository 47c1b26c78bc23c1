"""A worker without torch: ``fake_worker.py FOLDER --lock-fd N --attempt K [--evaluate]``.

Takes 2 ms a step for the steps of its config, saves "checkpoints" by event only, obeys commands and signals as the
real one does. With FAKE_WORKER=die it ends before its first event, with FAKE_WORKER=diverge its loss is NaN from step
10 on, with FAKE_WORKER=full there is no room for a checkpoint.
"""

from __future__ import annotations

import errno
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from engine import events
from engine.runs.folder import RunFolder, read_spec
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.worker.session import Leave, Session

STEP_SECONDS = 0.002


@dataclass(frozen=True)
class Record:
    step: int
    loss: float = 1.0
    mode: str = "mono"
    lr: float = 1e-3
    masked: float = 0.0
    grad_norm: float = 1.0
    seconds: float = STEP_SECONDS
    data_wait: float = 0.0
    tokens: int = 10
    flops: float = 0.0
    temperature: float | None = None

    def has_arrived(self) -> bool:
        return True


def main() -> None:
    if os.environ.get("FAKE_WORKER") == "die":
        print("dying as asked", file=sys.stderr)
        sys.exit(1)
    folder, fd, attempt = RunFolder(Path(sys.argv[1])), int(sys.argv[3]), int(sys.argv[5])
    config = read_spec(folder).config
    lock = RunLock.adopt(folder, fd)
    lock.write_owner(attempt)
    log = EventLog.open(folder, attempt)
    reader = RunReader(folder)
    reader.poll()
    session = Session(folder, lock, log, reader.state, attempt)
    session.start()
    step = reader.state.checkpoint_step or 0

    def save() -> None:
        if os.environ.get("FAKE_WORKER") == "full":
            raise OSError(errno.ENOSPC, "72 MB needed, 21 MB free")
        session.emit(events.CheckpointSaved(step=step, path=f"checkpoints/step-{step:06d}", bytes=0, seconds=0.0))

    session.checkpoint = save
    if attempt == 1:
        session.emit(
            events.RunStarted(
                name=config.name,
                mode="mono",
                mono_share=None,
                max_steps=config.optimizer.max_steps,
                batch_size=2,
                seed=0,
                host="here",
                pid=os.getpid(),
            )
        )
    else:
        session.emit(events.RunResumed(from_step=step, host="here", pid=os.getpid()))
    try:
        while step < config.optimizer.max_steps:
            session.boundary()
            time.sleep(STEP_SECONDS)
            step += 1
            is_finite = os.environ.get("FAKE_WORKER") != "diverge" or step < 10
            session.record(Record(step, loss=1.0 if is_finite else math.nan))
        session.emit(events.RunFinished(step=step, seconds=0.0))
    except Leave as leave:
        final = {"paused": events.RunPaused, "stopped": events.RunStopped}[leave.final]
        session.emit(final(step=step, saved=leave.saved))
    finally:
        session.close()
        lock.release()


if __name__ == "__main__":
    main()
