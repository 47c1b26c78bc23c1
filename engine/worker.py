"""The process of one run: config -> data -> train <-> evaluate; emits events, obeys commands.

Started by engine.runs.launch with the run's lock already held. torch and everything that needs it is
imported only once a device is free, so that a queued run costs almost nothing.
"""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Literal

from engine import events
from engine.config import ConfigError, RunConfig
from engine.events import AnyEvent
from engine.runs.folder import RunFolder, Spec, newest_step, read_spec
from engine.runs.liveness import RunLock
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.runs.session import Leave, LostRun, Session
from engine.runs.state import Phase
from engine.work import Work

EXIT_DONE, EXIT_FAILED, EXIT_LEFT = 0, 1, 3
_TRACEBACK_LINES = 12


def main(arguments: list[str] | None = None) -> int:
    """Runs one attempt; returns the exit status of DESIGN section 6."""
    parser = argparse.ArgumentParser(prog="python -m engine.worker", description="The process of one run.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--lock-fd", type=int, help="descriptor that holds the run's lock; without it the lock is taken"
    )
    parser.add_argument("--attempt", type=int, required=True)
    parser.add_argument(
        "--evaluate", action="store_true", help="evaluate the newest checkpoint, then restore the state"
    )
    options = parser.parse_args(arguments)

    folder = RunFolder(options.folder)
    spec = read_spec(folder)
    lock = RunLock.acquire(folder) if options.lock_fd is None else RunLock.adopt(folder, options.lock_fd)
    lock.write_owner(options.attempt)
    log = EventLog.open(folder, options.attempt)
    reader = RunReader(folder)
    reader.poll()
    session = Session(folder, lock, log, reader.state, options.attempt)
    session.start()
    try:
        return _attempt(session, spec, evaluate_only=options.evaluate)
    except LostRun:
        print("another worker has taken this run over; leaving", file=sys.stderr)
        os._exit(EXIT_FAILED)  # without a last word: the log is no longer ours to write
    finally:
        session.close()  # the lock goes with the process: who sees it free sees the process gone


def _attempt(session: Session, spec: Spec, *, evaluate_only: bool) -> int:
    """One attempt, from its first event to its last."""
    start = time.monotonic()
    config = spec.config
    _announce(session, config, evaluate_only=evaluate_only)
    former = session.state.former_phase
    status = EXIT_DONE
    try:
        work = Work(session, config)
        if evaluate_only:
            work.evaluate(again=True)
        else:
            work.train()
    except LostRun:
        raise
    except Leave as leave:
        if not evaluate_only:
            ended = events.RunPaused if leave.final == "paused" else events.RunStopped
            session.end(ended(step=session.state.step))
            return EXIT_LEFT
    except Exception as error:
        traceback.print_exc()
        if not evaluate_only:
            session.end(_failure(error))
            return EXIT_FAILED
        session.end(events.Warning(message=f"the evaluation failed: {_one_line(error)}"))
        status = EXIT_FAILED
    if evaluate_only:
        _restore(session, former, time.monotonic() - start)
        return status
    session.end(events.RunFinished(step=session.state.step, seconds=time.monotonic() - start))
    if config.hooks.on_finish is not None:
        _run_hook(session, config.hooks.on_finish)
    return EXIT_DONE


def _announce(session: Session, config: RunConfig, *, evaluate_only: bool) -> None:
    host, pid = socket.gethostname(), os.getpid()
    if session.state.name:
        purpose: Literal["train", "evaluate"] = "evaluate" if evaluate_only else "train"
        step = newest_step(session.folder.checkpoints) or 0
        session.emit(events.RunResumed(from_step=step, host=host, pid=pid, purpose=purpose))
        return
    session.emit(
        events.RunStarted(
            name=config.name,
            mode=config.batch.mode,
            mono_share=config.batch.mono_share if config.batch.mode == "hybrid" else None,
            max_steps=config.optimizer.max_steps,
            batch_size=config.batch.size,
            seed=config.seed,
            host=host,
            pid=pid,
        )
    )


def _restore(session: Session, former: Phase | None, seconds: float) -> None:
    """An attempt that only evaluated ends in the state that the run had before; a crashed one stays crashed."""
    step, state = session.state.step, session.state
    final: AnyEvent | None = None
    if former == "paused":
        final = events.RunPaused(step=step)
    elif former == "stopped":
        final = events.RunStopped(step=step)
    elif former == "finished":
        final = events.RunFinished(step=step, seconds=seconds)
    elif former == "failed":
        final = events.RunFailed(error=state.error or "", last_lines=state.last_lines, hint=state.hint)
    session.end(final)


def _failure(error: Exception) -> events.RunFailed:
    lines = traceback.format_exception(error)
    last_lines = "".join(lines).splitlines()[-_TRACEBACK_LINES:]
    return events.RunFailed(error=_one_line(error), last_lines=last_lines, hint=_hint(error))


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ConfigError) else f"{type(error).__name__}: {text}"


def _hint(error: Exception) -> str:
    """What to do about failures that users meet often; empty when nothing better than the error is known."""
    if type(error).__name__ == "OutOfMemoryError":
        return "the device's memory is full: a smaller batch.size or model.max_passage_tokens needs less"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full: free space, then resume"
    if isinstance(error, ConfigError):
        return "change the config and start a new run"
    return ""


def _run_hook(session: Session, command: str) -> None:
    """The user's own command after a finished run; its failure is reported and changes nothing."""
    try:
        words = [*shlex.split(command), str(session.folder.path)]
        status = subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode
        failure = f"ended with status {status}" if status else ""
    except (OSError, ValueError) as error:
        failure = f"cannot be run: {error}"
    if failure:
        session.emit(events.Warning(message=f"hooks.on_finish {failure}: {command}"))


if __name__ == "__main__":
    sys.exit(main())
