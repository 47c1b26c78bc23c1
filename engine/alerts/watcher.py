"""The process beside a run's worker that tells people how it goes: ``python -m engine.alerts.watcher FOLDER``.

It follows the log as every viewer does. It neither writes to it nor speaks with the worker, so no step waits for a
message. It outlives the worker: somebody has to tell that this was killed. Its standard output is ``alerts.log``.
A lock keeps it the only one of its run; it leaves when the run has ended and everything is told.

engine.runs.launch starts it with each attempt, and ``catch_up`` where a viewer finds that nobody told an end.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine import flock
from engine.alerts.end_hook import start_end_hook
from engine.alerts.record import claim
from engine.alerts.rules import Alert, Ending, Rules, ending_before, ending_now
from engine.alerts.sending import Message, send
from engine.alerts.targets import Target, targets_of
from engine.config import RunConfig
from engine.events import Outline, RunResumed, StepColumns, StepOutline
from engine.runs.errors import RunError
from engine.runs.fold import fold, fold_steps
from engine.runs.folder import RunFolder, read_spec
from engine.runs.last_words import last_words
from engine.runs.lock import Liveness, probe
from engine.runs.log import EventCursor
from engine.runs.state import RunState
from engine.runs.text import visible
from engine.runs.watching import unmark, watcher_lock

POLL_SECONDS = 1.0
RETRY_SECONDS = (2.0, 10.0)  # after the first failure, and after the second; then a target is given up
_LOCK_SECONDS = 0.3  # a viewer that looks whether there is a watcher holds the lock for some microseconds


@dataclass(slots=True)
class _Delivery:
    """A message that some targets have not taken yet."""

    message: Message
    targets: list[Target]
    due: float  # monotonic
    waits: list[float] = field(default_factory=lambda: list(RETRY_SECONDS))


class Watcher:
    """Follows one run; ``look`` tells what is new."""

    def __init__(self, folder: RunFolder, config: RunConfig) -> None:
        self._folder, self._config = folder, config
        self._cursor = EventCursor(folder.events)
        self._restarts = 0
        self._state, self._rules = RunState(), Rules(config)
        self._read_at = time.monotonic()
        self._targets, problems = targets_of(config.alerts, os.environ)
        self._ending: str | None = None  # key of the last one that was told
        self._suspected: str | None = None  # key of a crash that was seen once
        self._deliveries: list[_Delivery] = []
        self._endings: list[Ending] = []  # whose hook waits for the one before it
        self._hook: subprocess.Popen[bytes] | None = None
        for problem in problems:
            _say(problem)

    def look(self) -> bool:
        """Tells what is new; False once there is nothing more to wait for.

        Raises:
            OSError: the folder cannot be read just now.
        """
        # Before the log: a worker that ends in between has then written all that is read.
        liveness = probe(self._folder)
        if liveness.alive is None or not self._folder.spec.exists():
            return False  # at work on another machine, or put away or deleted
        self._read()
        goes_on = self._look_at_the_living() if liveness.alive else self._look_at_the_end(liveness)
        self._deliver()
        self._run_hooks()
        if goes_on or self._deliveries or self._hook or self._endings:
            return True
        if self._state.phase == "finished":
            unmark(self._folder)
        return False

    def _read(self) -> None:
        while batch := self._cursor.poll_outlines():
            self._read_at = time.monotonic()
            if self._cursor.restarts != self._restarts:
                self._restarts, self._state = self._cursor.restarts, RunState()
            for are_steps, stretch in itertools.groupby(batch, lambda event: isinstance(event, StepColumns)):
                if are_steps:
                    self._take_steps([event for event in stretch if isinstance(event, StepOutline)])
                else:
                    for event in stretch:
                        self._take(event)

    def _take_steps(self, stretch: list[StepOutline]) -> None:
        fold_steps(self._state, stretch)
        for event in stretch:
            for alert in self._rules.after(event, self._state):
                self._tell(alert)

    def _take(self, event: Outline) -> None:
        if isinstance(event, RunResumed) and (ending := ending_before(event, self._state)):
            self._tell_end(ending)
        fold(self._state, event)
        for alert in self._rules.after(event, self._state):
            self._tell(alert)

    def _look_at_the_living(self) -> bool:
        self._suspected = None
        for alert in self._rules.without_progress(self._state, time.monotonic() - self._read_at):
            self._tell(alert)
        return True

    def _look_at_the_end(self, liveness: Liveness) -> bool:
        """True where it has to be looked at once more."""
        ending = ending_now(self._state, liveness, time.time(), last_words(self._folder, self._state.updated))
        if ending is None:
            return False
        key = ending.alert().key
        if ending.state == "crashed" and key not in (self._ending, self._suspected):
            self._suspected = key  # a disk that fails for a moment hides the lock, and a live worker seems dead
            return True
        if key != self._ending:
            self._ending = key
            self._tell_end(ending)
        return False

    def _tell_end(self, ending: Ending) -> None:
        alert = ending.alert()
        if not claim(self._folder, alert, time.time()):
            return
        _say(alert.text)
        if ending.state in self._config.alerts.ends:
            self._post(alert)
        if self._config.hooks.on_end is not None:
            self._endings.append(ending)
            self._run_hooks()

    def _tell(self, alert: Alert) -> None:
        if claim(self._folder, alert, time.time()):
            _say(alert.text)
            self._post(alert)

    def _post(self, alert: Alert) -> None:
        if self._targets:
            message = Message(self._folder.id, alert.text)
            self._deliveries.append(_Delivery(message, list(self._targets), due=time.monotonic()))

    def _deliver(self) -> None:
        for delivery in self._deliveries:
            if delivery.due > time.monotonic():
                continue
            outcomes = send(delivery.targets, delivery.message)
            for outcome in outcomes:
                done = f"not sent: {outcome.error}" if outcome.error else "sent"
                _say(f"{outcome.target} ({outcome.origin}): {done}: {delivery.message.body}")
            failed = [target for target, outcome in zip(delivery.targets, outcomes, strict=True) if outcome.error]
            delivery.targets = failed if delivery.waits else []
            if delivery.targets:
                delivery.due = time.monotonic() + delivery.waits.pop(0)
        self._deliveries = [delivery for delivery in self._deliveries if delivery.targets]

    def _run_hooks(self) -> None:
        """One at a time, in the order of the ends."""
        command = self._config.hooks.on_end
        if self._hook is not None:
            if self._hook.poll() is None:
                return
            if self._hook.returncode:
                _say(f"hooks.on_end ended with status {self._hook.returncode}: {command}")
            self._hook = None
        if self._endings and command is not None:
            try:
                self._hook = start_end_hook(self._folder, command, self._endings.pop(0))
            except (OSError, ValueError) as error:
                _say(f"hooks.on_end cannot be run: {error}: {command}")


def watch(folder: RunFolder) -> None:
    """Watches a run to its end, unless somebody does already.

    Raises:
        OSError, RunError: its folder cannot be read or written.
    """
    resumed = True
    while resumed:
        fd = flock.open_lock_file(watcher_lock(folder), folder.file_mode())
        if not flock.wait_exclusive(fd, _LOCK_SECONDS):
            os.close(fd)
            return
        flock.hold(fd)
        watcher = Watcher(folder, read_spec(folder).config)
        while _looks(watcher):
            time.sleep(POLL_SECONDS)
        flock.drop(fd)
        # A watcher that came with a resume while the lock was still held has left for our sake.
        resumed = probe(folder).alive is True


def _looks(watcher: Watcher) -> bool:
    try:
        return watcher.look()
    except OSError:
        return True  # a shared disk that is away comes back


def _say(line: str) -> None:
    """A line of ``alerts.log``; whether it can be written changes nothing."""
    stamped = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {visible(line)}\n"
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), stamped.encode(errors="backslashreplace"))  # in any locale


def main() -> int:
    try:
        watch(RunFolder(Path(sys.argv[1])))
    except (OSError, RunError) as error:
        _say(f"the run cannot be watched: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
