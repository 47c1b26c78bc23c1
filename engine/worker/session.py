"""The worker's side of a run folder: one attempt that emits events and obeys commands.

Training and evaluation call ``boundary`` between their units of work. Whatever a person asked for is
acknowledged there and carried out at once; leaving is an exception (``Leave``) that unwinds to the worker.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engine import events
from engine.events import AnyEvent, CommandName
from engine.runs.commands import Command, answer, pending_commands
from engine.runs.errors import EndOfAttempt, RunError
from engine.runs.fold import fold
from engine.runs.folder import RunFolder
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.reader import write_snapshot
from engine.runs.state import RunState
from engine.worker.step_records import ReportedStep, step_event

HEARTBEAT_SECONDS = 5.0
STEP_EVENT_SECONDS = 0.1  # at most ten step events a second
COMMAND_POLL_SECONDS = 0.05
SNAPSHOT_SECONDS = 30.0
# Terminals and batch schedulers signal a whole process group, and `run --wait` passes the signal on: that is one.
SAME_SIGNAL_SECONDS = 0.5

PAUSE_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Leave(EndOfAttempt):
    """Unwinds to the worker, which ends the run as paused or stopped; not ``saved``: its last step is lost."""

    def __init__(self, final: Literal["paused", "stopped"], *, saved: bool = True) -> None:
        super().__init__(final)
        self.final, self.saved = final, saved


class LostRun(EndOfAttempt):
    """Another worker owns the run now; this one must leave without writing."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How the work of a run came to its end."""

    selected_step: int | None = None  # whose weights are in model/, where validation chose them
    early: bool = False  # before max_steps


class Session:
    """One attempt at a run: owns the event log while the run lock is held."""

    def __init__(self, folder: RunFolder, lock: RunLock, log: EventLog, state: RunState, attempt: int) -> None:
        self.folder = folder
        self.attempt = attempt
        self.state = state  # the fold so far, this attempt's events included
        # Set by the worker once there is something to save, and something to evaluate.
        self.checkpoint: Callable[[], object] | None = None
        self.evaluate: Callable[[], object] | None = None
        self.telemetry: Callable[[], events.Device] | None = None  # asked at each heartbeat, by its thread
        self._began: float | None = None
        self._lock = lock
        self._log = log
        self._records: list[ReportedStep] = []
        self._records_since = time.monotonic()
        self._progress = time.monotonic()
        self._polled = 0.0
        self._snapshot = time.monotonic()
        self._signal: int | None = None
        self._signalled = 0.0
        self._could_not_pause = False  # after a signal: nothing could be saved, and the run goes on
        self._writing = threading.RLock()
        self._closing = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Catches signals and starts the heartbeat."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal never stops a run
        for number in PAUSE_SIGNALS:
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PAUSE_SIGNALS)  # see engine.runs.spawn
        self._heart.start()

    def begin(self) -> None:
        """The device is ours: from now on, and not in the queue before, time is the run's."""
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Since ``begin``, by the monotonic clock; 0 before."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def end(self, final: AnyEvent | None) -> None:
        """The last word of this attempt; whatever is still asked for is answered before it, never left open."""
        with contextlib.suppress(Exception):
            # After a fault of the device the values of buffered steps are lost with it; the last word is not.
            self.flush()
        self._records = []
        self._answer_the_rest()
        if final is not None:
            self.emit(final)

    def close(self) -> None:
        """Answers what came too late, syncs and writes the snapshot; the lock is the caller's to release.

        Nothing happens after ``hand_over``.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        with self._writing:
            self._answer_the_rest()
            self._log.sync()
            self._write_snapshot()
            self._log.close()

    def hand_over(self) -> int | None:
        """Ends this process's part without a last word: another process goes on with the attempt.

        Returns:
            A signal that came and was not obeyed.
        """
        self._closing.set()
        with self._writing:
            self.flush()
            self._log.sync()
            self._log.close()
        return self._signal

    def emit(self, event: AnyEvent) -> None:
        """Writes one event after the steps that came before it."""
        with self._writing:
            self.flush()
            if not isinstance(event, events.Heartbeat):
                self._progress = time.monotonic()
            self._append(event)
            if isinstance(event, events.EvalFinished | events.CheckpointSaved):
                self._log.sync()
                self._write_snapshot()

    def record(self, record: ReportedStep) -> None:
        """Takes one update; written with its neighbours, every number of it, at most ten times a second."""
        with self._writing:
            self._records.append(record)
            self._progress = time.monotonic()
            if self._progress - self._records_since >= STEP_EVENT_SECONDS:
                # The newest steps are still computed by a GPU: they wait for the next event, and not we for them.
                arrived = itertools.takewhile(lambda record: record.has_arrived(), self._records)
                self._write_steps(len(list(arrived)))

    def flush(self) -> None:
        """Writes all buffered steps as one event; waits for the device."""
        with self._writing:
            self._write_steps(len(self._records))

    def _write_steps(self, count: int) -> None:
        records, self._records = self._records[:count], self._records[count:]
        self._records_since = time.monotonic()
        if records:
            self._append(step_event(records))

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Reports long work at most ten times a second, and obeys commands between its parts."""
        now = time.monotonic()
        if now - self._progress >= STEP_EVENT_SECONDS or done == total:
            self.emit(events.Progress(what=what, done=done, total=total))
        self.boundary(within="work")

    def boundary(self, *, within: Literal["steps", "work"] = "steps") -> None:
        """Obeys what was asked for since the last call.

        ``within="work"`` is the inside of an evaluation or of preparation: a further ``evaluate`` waits there.

        Raises:
            Leave: after a pause or stop was carried out.
            LostRun: the run was taken over.
        """
        if self._signal is not None:
            self._obey_signal(self._signal)
        now = time.monotonic()
        if now - self._polled < COMMAND_POLL_SECONDS:
            return
        self._polled = now
        for command in pending_commands(self.folder):
            if not command.path.exists():
                continue  # answered inside an evaluation that an earlier one of these asked for
            if command.attempt != self.attempt:
                self._answer(command, "stale", f"meant for attempt {command.attempt}, this is {self.attempt}")
            elif command.command != "evaluate" or (within == "steps" and self.evaluate is not None):
                self._obey(command)

    def verify_ownership(self) -> None:
        """Asked before each checkpoint: a run that was taken over from another machine is not ours to write.

        Raises:
            LostRun: it was.
        """
        if not self._lock.still_held():
            raise LostRun

    def _obey(self, command: Command) -> None:
        self.emit(events.CommandReceived(uuid=command.uuid, command=command.command))
        if command.command == "discard":
            self._answer(command, "done", "")
            raise Leave("stopped", saved=self._is_saved())
        action = self.evaluate if command.command == "evaluate" else self.checkpoint
        failure = self._attempt(action) if action is not None else None
        if failure is not None:
            self._answer(command, "failed", failure)
            return
        self._answer(command, "done", "" if action is not None else "nothing to save yet")
        self._leave_if_asked(command.command)

    def _attempt(self, action: Callable[[], object]) -> str | None:
        """Carries a command out; its failure is an answer to whoever asked, not the end of the run.

        Whatever is raised counts, errors of CUDA and of libraries too. One that broke the device for good is met again
        at the next step and ends the run there.
        """
        try:
            action()
        except EndOfAttempt:
            raise
        except Exception as error:
            traceback.print_exc()  # into worker.log: the answer has room for one line only
            return f"{type(error).__name__}: {' '.join(str(error).split())}"
        return None

    def _answer(self, command: Command, outcome: events.Outcome, detail: str) -> None:
        with self._writing:
            self.flush()
            for written in answer(self._log, command, outcome, detail):
                fold(self.state, written)

    def _answer_the_rest(self) -> None:
        for command in pending_commands(self.folder):
            self._answer(command, "stale", "the run's process was ending")

    def _obey_signal(self, number: int) -> None:
        uuid = f"signal-{signal.Signals(number).name}-{self.attempt}-{self.state.seq + 1}"
        self.emit(events.CommandReceived(uuid=uuid, command="pause"))
        failure = self._attempt(self.checkpoint) if self.checkpoint is not None else None
        # There may be room again when the next one comes. Then whoever sends it wants the process gone: a batch system
        # sends one more right before it kills.
        leaves = failure is None or self._could_not_pause
        outcome: events.Outcome = "done" if leaves else "failed"
        self.emit(events.CommandDone(uuid=uuid, command="pause", outcome=outcome, detail=failure or ""))
        self._signal, self._could_not_pause = None, failure is not None
        if leaves:
            raise Leave("paused", saved=failure is None or self._is_saved())

    def _is_saved(self) -> bool:
        """Whether nothing is lost if the process ends now; steps that wait to be written are."""
        state = self.state
        return state.kind == "evaluation" or state.step in (0, state.checkpoint_step)

    def _leave_if_asked(self, command: CommandName) -> None:
        if command == "pause":
            raise Leave("paused")
        if command == "stop":
            raise Leave("stopped")

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._signal is None:
            self._signal, self._signalled = number, time.monotonic()
        elif time.monotonic() - self._signalled > SAME_SIGNAL_SECONDS:
            os._exit(128 + number)  # the second signal leaves at once; the run reads as crashed, and resumes

    def _append(self, event: AnyEvent) -> None:
        for written in self._log.append(event):
            fold(self.state, written)

    def _beat(self) -> None:
        while not self._closing.wait(HEARTBEAT_SECONDS):
            sample = self._sample()  # before the lock: no step waits for a driver
            with self._writing:
                if self._closing.is_set():
                    return
                if sample is not None:
                    self._append(sample)
                self._append(events.Heartbeat(progress_age=time.monotonic() - self._progress))
                if time.monotonic() - self._snapshot >= SNAPSHOT_SECONDS:
                    self._write_snapshot()

    def _sample(self) -> events.Device | None:
        telemetry = self.telemetry
        if telemetry is None:
            return None
        try:
            return telemetry()
        except Exception:  # a driver that fails is no reason for the heart to stop
            self.telemetry = None
            return None

    def _write_snapshot(self) -> None:
        self._snapshot = time.monotonic()
        # A cache of the log, which alone is the truth: a full disk must not end a run for want of it.
        with contextlib.suppress(OSError, RunError):
            write_snapshot(self.folder, self.state, self._log.offset, self._log.inode)
