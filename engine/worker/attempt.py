"""One attempt at a run, from its first event to its last: waits, prepares, trains, evaluates, and says how it ended."""

from __future__ import annotations

import errno
import os
import shlex
import socket
import subprocess
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from engine import events
from engine.config import ConfigError, RunConfig, system_name
from engine.events import AnyEvent
from engine.mono_share import schedule_text
from engine.runs.errors import Fatal, RankLost
from engine.runs.folder import RunFolder, Spec, newest_step
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.runs.state import Phase
from engine.training.errors import NonFiniteError
from engine.worker import run
from engine.worker.session import Finished, Leave, LostRun, Session
from engine.worker.warnings_told import data_warnings_told

if TYPE_CHECKING:
    from engine.distributed.mesh import Mesh
    from engine.worker.devices import HeldDevice

EXIT_DONE, EXIT_FAILED, EXIT_LEFT = 0, 1, 3
_TRACEBACK_LINES = 12


def open_session(folder: RunFolder, lock: RunLock, number: int) -> Session:
    """Attempt ``number`` of the run whose lock is ours: its log is open, and commands reach this process."""
    lock.write_owner(number)
    log = EventLog.open(folder, number)
    reader = RunReader(folder)
    reader.poll()
    session = Session(folder, lock, log, reader.state, number)
    session.start()
    return session


def attempt(
    session: Session,
    spec: Spec,
    *,
    evaluate_only: bool,
    mesh: Mesh | None = None,
    held: HeldDevice | None = None,
) -> int:
    """One attempt, from its first event to its last.

    ``mesh``: of rank 0, where there are others, with its device; who waited for that has announced the attempt.
    """
    config = spec.config
    if mesh is None:
        announce(session, config, evaluate_only=evaluate_only)

    ended: Finished | None = None

    def carry_out() -> None:
        nonlocal ended
        if config.kind == "evaluation":
            run.measure(session, config, again=evaluate_only)
            ended = Finished()
        elif evaluate_only:
            run.evaluate(session, config)
        else:
            ended = run.train(session, config, mesh, held)

    former = session.state.former_phase
    status = guarded(session, carry_out, evaluate_only=evaluate_only)
    if status is not None:
        return status
    if evaluate_only:
        _restore(session, former)
        return EXIT_DONE
    assert ended is not None
    session.end(
        events.RunFinished(
            step=session.state.step,
            seconds=session.seconds(),
            selected_step=ended.selected_step,
            early=ended.early,
        )
    )
    if config.hooks.on_finish is not None:
        _run_hook(session, config.hooks.on_finish)
    return EXIT_DONE


def guarded(session: Session, work: Callable[[], object], *, evaluate_only: bool) -> int | None:
    """Carries out work of an attempt.

    Returns:
        The exit status where it failed or a person had it end, with the last word in the log; None: it was done.
    """
    former = session.state.former_phase
    status = EXIT_DONE
    try:
        with data_warnings_told(session):
            work()
        return None
    except (LostRun, RankLost):
        raise
    except Leave as leave:
        if not evaluate_only:
            ended = events.RunPaused if leave.final == "paused" else events.RunStopped
            session.end(ended(step=session.state.step, saved=leave.saved))
            return EXIT_LEFT
    except Exception as error:
        traceback.print_exc()
        if not evaluate_only:
            session.end(_failure(error.__cause__ or error if isinstance(error, Fatal) else error))
            return EXIT_FAILED
        session.end(events.Warning(message=f"the evaluation failed: {_one_line(error)}"))
        status = EXIT_FAILED
    _restore(session, former)
    return status


def announce(session: Session, config: RunConfig, *, evaluate_only: bool) -> None:
    """The first event of an attempt."""
    host, pid = socket.gethostname(), os.getpid()
    if session.state.name:
        purpose: Literal["train", "evaluate"] = "evaluate" if evaluate_only else "train"
        step = newest_step(session.folder.checkpoints) or 0
        session.emit(events.RunResumed(from_step=step, host=host, pid=pid, purpose=purpose))
        return
    trains = config.kind == "training"
    session.emit(
        events.RunStarted(
            name=config.name,
            mode=config.batch.mode if trains else "",
            mono_share=config.batch.mono_share if trains and config.batch.mode == "hybrid" else None,
            mono_share_schedule=schedule_text(config.batch) if trains else "",
            max_steps=config.optimizer.max_steps if trains else 0,
            batch_size=config.batch.size if trains else 0,
            seed=config.seed,
            host=host,
            pid=pid,
            kind=config.kind,
            system="" if trains else system_name(config),
        )
    )


def _restore(session: Session, former: Phase | None) -> None:
    """An attempt that only evaluated ends in the state that the run had before; a crashed one stays crashed."""
    step, state = session.state.step, session.state
    final: AnyEvent | None = None
    if former == "paused":
        final = events.RunPaused(step=step)
    elif former == "stopped":
        final = events.RunStopped(step=step)
    elif former == "finished":
        final = events.RunFinished(
            step=step, seconds=session.seconds(), selected_step=state.selected_step, early=state.finished_early
        )
    elif former == "failed":
        final = events.RunFailed(error=state.error or "", last_lines=state.last_lines, hint=state.hint)
    session.end(final)


def _failure(error: BaseException) -> events.RunFailed:
    lines = traceback.format_exception(error)
    last_lines = "".join(lines).splitlines()[-_TRACEBACK_LINES:]
    return events.RunFailed(
        error=_one_line(error), last_lines=last_lines, hint=_hint(error), refused=isinstance(error, ConfigError)
    )


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ConfigError) else f"{type(error).__name__}: {text}"


def _hint(error: BaseException) -> str:
    """What to do about failures that users meet often; empty when nothing better than the error is known."""
    if type(error).__name__ == "OutOfMemoryError":
        return "the device has no memory for one text at a time: free it, or lower model.max_passage_tokens"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = "the disk is full" if error.errno == errno.ENOSPC else "your quota of the disk is used up"
        return f"{full}: free space, then resume"
    if isinstance(error, NonFiniteError):
        return (
            "lower optimizer.learning_rate or optimizer.clip, warm up for longer, or set runtime.precision to "
            '"float32"; then start a new run, with --from RUN@STEP from a checkpoint of before'
        )
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
