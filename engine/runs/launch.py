"""Starts workers: new runs, resumed runs, runs in the foreground.

The launcher takes the run's lock and hands the descriptor to the worker, so there is no moment in which a new
run has no owner; the launcher's own copy is closed once the worker has its own.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from engine.benchmark_names import parse_benchmark
from engine.config import (
    AlertsConfig,
    ConfigError,
    ModelConfig,
    RunConfig,
    SourceConfig,
    SystemConfig,
    is_watched,
    problems,
    texts_that_are_none,
)
from engine.files import write_file
from engine.paths import expanded, require_own_folders, require_working_folder
from engine.runs import spawn
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.lock import RunLock, read_owner
from engine.runs.logout import scope_command
from engine.runs.nodes import joins
from engine.runs.ownership import liveness_of
from engine.runs.provenance import provenance
from engine.runs.reader import RunReader
from engine.runs.study_record import StudyRecord
from engine.runs.watching import make_watched, start_watcher, wait_for_watcher

# -P: the current directory is the user's and may hold an "engine" or a "random.py" of its own.
WORKER = ("-P", "-m", "engine.worker")
_JOINER = ("-P", "-m", "engine.worker.join")
_LAST_ALERTS_SECONDS = 60.0  # that a run in the foreground waits for what is told of its end
_LAST_ALERTS_SECONDS_AFTER_A_SIGNAL = 5.0  # a batch system gives some 30 s in all before it kills
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

# Locks of runs that launch or resume prepared with ``wait``, and that run_foreground has not started yet.
_prepared: dict[Path, RunLock] = {}


def launch(
    home: Path,
    config: RunConfig,
    *,
    command_line: Sequence[str] = (),
    parent: str | None = None,
    study: StudyRecord | None = None,
    wait: bool = False,
) -> RunFolder:
    """Creates a run under ``home`` and starts its worker, which outlives this process and its terminal.

    Relative paths of the config are taken from the current directory and recorded as absolute ones.
    ``study`` is kept in the spec. With ``wait`` the worker is not started: ``run_foreground`` does that; until then
    this process owns the run.

    Raises:
        ConfigError: the config cannot be run, or the folder cannot be made; nothing is left behind.
    """
    for field, wrong in problems(config):
        raise ConfigError(f"{field}: {wrong}")
    _refuse_to_join(config)
    require_working_folder()
    require_own_folders()
    config = with_absolute_paths(config)
    for field, wrong in texts_that_are_none(config):  # the working folder's name is in it now
        raise ConfigError(f"{field}: {wrong}")
    spec = Spec(
        config=config, created=time.time(), provenance=provenance(config, command_line), parent=parent, study=study
    )
    folder = _create(home, config)
    try:
        with contextlib.ExitStack() as undo:
            lock = RunLock.acquire(folder)
            undo.callback(lock.release)
            lock.announce(attempt=1)
            folder.control.mkdir(mode=0o700)
            if is_watched(config):
                make_watched(folder)
            data = msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n"
            write_file(folder.spec, data, folder.file_mode() & 0o444)  # from here on the run is listed
            if wait:
                undo.pop_all()
                _prepared[folder.path] = lock
            else:
                _detach(folder, lock, attempt=1)
                start_watcher(folder)
    except BaseException as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise RunError(f"{folder.path}: the run cannot be created: {error.strerror}") from None
        raise
    return folder


def resume(folder: RunFolder, *, take_over: bool = False, evaluate: bool = False, wait: bool = False) -> int:
    """Starts a new worker from the newest whole checkpoint; returns its attempt.

    A run whose last worker has left it as paused, stopped, finished or failed resumes on any machine.

    ``evaluate``: the worker only evaluates that checkpoint, and the run returns to the state it was in.
    ``take_over``: the run's last worker was on another machine, and the caller knows that it is gone.
    ``wait``: the worker is not started: ``run_foreground`` does that; until then this process owns the run.

    Raises:
        RunBusy: a worker has the run; nothing was written.
        RunError: it is finished, its spec cannot be read, or it belongs to another machine or user.
    """
    config = read_spec(folder).config
    _refuse_to_join(config)
    require_working_folder()
    require_own_folders()
    liveness = liveness_of(folder)
    if liveness.alive is None and liveness.owner is not None and not take_over:
        raise RunError(
            f"run {folder.id} was last worked on by {liveness.owner.host}, and whether it lives cannot be seen from "
            "here: `resume --take-over` when you know that it does not"
        )
    lock = RunLock.take_over(folder) if take_over else RunLock.acquire(folder)
    is_handed_over = False
    try:
        reader = RunReader(folder)
        reader.poll()
        state = reader.state
        if "finished" in (state.phase, state.former_phase) and not evaluate:
            raise RunError(f"run {folder.id} is finished")
        # A worker may have died before its first event: then its attempt is in the lock only.
        owners = [owner for owner in (liveness.owner, read_owner(folder)) if owner is not None]
        attempt = max(state.attempt, *(owner.attempt for owner in owners), 0) + 1
        lock.announce(attempt)
        if is_watched(config):
            make_watched(folder)
        if wait:
            _prepared[folder.path] = lock
            is_handed_over = True
        else:
            _detach(folder, lock, attempt, evaluate=evaluate)
            start_watcher(folder)
    except OSError as error:
        raise RunError(f"{folder.path}: the run cannot be resumed: {error.strerror}") from None
    finally:
        if not is_handed_over:
            lock.release()
    return attempt


def run_foreground(folders: Sequence[RunFolder], meanwhile: Callable[[], object] | None = None) -> list[int]:
    """Runs the workers of runs that ``launch`` or ``resume`` prepared with ``wait`` as children in this session, all at
    once.

    ``meanwhile`` is called once while they run; it may block until the runs have ended. Interrupts and termination
    signals are passed on to the workers, which pause; this process then leaves after them.

    Returns:
        The exit status of each (negative: the signal that killed it).

    Raises:
        RunError: a run was not prepared that way.
        OSError: no process can be made.
    """
    children: list[subprocess.Popen[bytes]] = []
    with _forwarding(children) as signals:
        with _held_back():
            children += [_child(folder) for folder in folders]
        if meanwhile is not None:
            meanwhile()
        statuses = [child.wait() for child in children]
    # A batch system ends whatever is left of a job when this process leaves.
    deadline = time.monotonic() + (_LAST_ALERTS_SECONDS_AFTER_A_SIGNAL if signals else _LAST_ALERTS_SECONDS)
    for folder in folders:
        wait_for_watcher(folder, deadline - time.monotonic())
    return statuses


def _child(folder: RunFolder) -> subprocess.Popen[bytes]:
    lock = _prepared.pop(folder.path, None)
    if lock is None:
        raise RunError(f"run {folder.id} was not launched to run in the foreground")
    owner = read_owner(folder)
    command = _command("foreground", folder, lock, attempt=1 if owner is None else owner.attempt)
    try:
        child = subprocess.Popen(command, pass_fds=[lock.fd])
        start_watcher(folder)
        return child
    finally:
        lock.release()


def join(home: Path) -> NoReturn:
    """Becomes the process of this machine in a run of several that another one makes or resumes under ``home``."""
    os.execv(sys.executable, [sys.executable, *_JOINER, str(home)])


def _refuse_to_join(config: RunConfig) -> None:
    if joins(config):
        raise ConfigError("runtime.nodes: the first machine starts this run, and this is not the first")


def require_benchmarks(folder: RunFolder) -> None:
    """
    Raises:
        RunError: the run's config names nothing that it could be evaluated on.
    """
    if not read_spec(folder).config.evaluation.benchmarks:
        raise RunError(
            f"{folder.id}: its config has no evaluation.benchmarks to evaluate it on: `hybrid-tui eval run:{folder.id} "
            "--benchmark KEY` measures it"
        )


def _detach(folder: RunFolder, lock: RunLock, attempt: int, *, evaluate: bool = False) -> None:
    """Starts the worker in a session of its own, with a copy of the lock's descriptor.

    Raises:
        OSError: no process can be made.
        RunError: the worker cannot be started.
    """
    command = _command("detach", folder, lock, attempt, evaluate=evaluate)
    if (scope := scope_command()) and _spawn([*scope, *command], lock) is None:
        return
    failure = _spawn(command, lock)
    if failure is not None:
        raise RunError(f"run {folder.id}: its worker cannot be started: {failure}")


def _spawn(command: Sequence[str], lock: RunLock) -> str | None:
    """What went wrong, in one line; None: nothing did."""
    started = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[lock.fd],
        start_new_session=True,
        check=False,
    )
    if started.returncode == 0:
        return None
    lines = started.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"status {started.returncode}"


def _command(how: str, folder: RunFolder, lock: RunLock, attempt: int, *, evaluate: bool = False) -> list[str]:
    umask = 0o777 & ~stat.S_IMODE(folder.path.stat().st_mode)
    worker = [sys.executable, *WORKER, str(folder.path), "--lock-fd", str(lock.fd), "--attempt", str(attempt)]
    if evaluate:
        worker.append("--evaluate")
    return [sys.executable, "-I", "-S", str(spawn.__file__), how, str(folder.log), f"{umask:o}", *worker]


@contextlib.contextmanager
def _forwarding(children: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Yields the signals that have come so far."""
    signals: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield signals  # only the main thread can handle signals
        return

    def forward(number: int, _frame: object) -> None:
        signals.append(number)
        for child in children:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Signals to pass on wait: in this process until all children are there, in these until they can pause."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _create(home: Path, config: RunConfig) -> RunFolder:
    """A new folder ``<name>-<YYYYMMDD-HHMMSS>``, with ``-2``, ``-3``, ... where that exists."""
    mode = 0o755 if config.share == "read" else 0o700
    base = f"{config.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        home.mkdir(mode=mode, parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = home.absolute() / (base if number == 1 else f"{base}-{number}")
            try:
                path.mkdir(mode=mode)
            except FileExistsError:
                continue
            path.chmod(mode)  # whatever the umask took away
            return RunFolder(path)
    except OSError as error:
        raise RunError(f"{home}: no run folder can be made here: {error.strerror}") from None
    raise AssertionError("unreachable: count() does not end")


def with_absolute_paths(config: RunConfig) -> RunConfig:
    """The config as a run records it, so that a resume from another directory finds the same files."""
    evaluation = config.evaluation
    return msgspec.structs.replace(
        config,
        model=_absolute_model(config.model),
        system=_absolute_system(config.system),
        sources=tuple(_absolute_source(source) for source in config.sources),
        evaluation=msgspec.structs.replace(
            evaluation, benchmarks=tuple(_absolute_benchmark(spec) for spec in evaluation.benchmarks)
        ),
        alerts=_absolute_alerts(config.alerts),
    )


def _absolute_model(model: ModelConfig) -> ModelConfig:
    path = expanded(model.name)
    if model.name == "tiny" or not path.is_dir():
        return model
    return msgspec.structs.replace(model, name=str(path.resolve()))


def _absolute_system(system: SystemConfig) -> SystemConfig:
    if system.path is None:
        return system
    return msgspec.structs.replace(system, path=str(expanded(system.path).resolve()))


def _absolute_source(source: SourceConfig) -> SourceConfig:
    if source.path is None or not (path := expanded(source.path)).exists():
        return source
    return msgspec.structs.replace(source, path=str(path.resolve()))


def _absolute_alerts(alerts: AlertsConfig) -> AlertsConfig:
    file = alerts.targets_file
    return msgspec.structs.replace(
        alerts,
        targets=tuple(_absolute_target(target) for target in alerts.targets),
        targets_file=None if file is None else str(expanded(file).resolve()),
    )


def _absolute_target(target: str) -> str:
    scheme, is_file, path = target.partition("file://")
    return f"file://{expanded(path).absolute()}" if is_file and not scheme else target


def _absolute_benchmark(spec: str) -> str:
    key, folder = parse_benchmark(spec)
    return key if folder is None else f"{key}={folder}"
