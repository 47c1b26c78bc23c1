"""What the keys ask of a run. Every function talks to the disk and is called in a worker thread.

Each returns what was asked, never what will come of it: that is told by the run itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.config import RunConfig
from engine.events import CommandName
from engine.progress import Tick
from engine.runs.commands import pending_commands, send_command, stop_without_worker
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.ownership import liveness_of
from engine.runs.registry import archive_run, restore_run, trash_run
from tui.numbers import age

if TYPE_CHECKING:
    from engine.runs.study import Study

_ENDING = ("pause", "stop")  # each ends the process: the second of them would come too late
RESUMABLE = frozenset({"paused", "stopped", "crashed", "failed"})


class Answer(msgspec.Struct, frozen=True):
    """What was asked of a run. ``is_pending``: how far it is, the run's row tells from here on."""

    text: str
    is_pending: bool = False


def pause_or_resume(folder: RunFolder, state: str) -> Answer:
    """Pauses what lives, resumes what does not.

    Raises:
        RunError: neither is possible; the message is one line.
    """
    if state in RESUMABLE:
        return resume_run(folder)
    if state == "finished":
        raise RunError("the run is finished: there is nothing to pause or resume")
    return send(folder, "pause")


def send(folder: RunFolder, command: CommandName) -> Answer:
    """Leaves a command for the live worker.

    Raises:
        RunError: there is none, or such a command still waits for its answer.
    """
    for waiting in pending_commands(folder):
        if waiting.command == command or (waiting.command in _ENDING and command in _ENDING):
            asked = age(time.time() - waiting.t)
            raise RunError(
                f"run {folder.id}: {waiting.command} was requested {asked} ago and is under way; {command} is not sent"
            )
    send_command(folder, command)
    return Answer(f"{command}: requested", is_pending=True)


def resume_run(folder: RunFolder) -> Answer:
    """Starts a new process from the newest whole checkpoint.

    Raises:
        RunBusy, RunError: somebody else has the run, or it is finished.
    """
    from engine.runs.launch import resume

    return Answer(f"resume: a worker is starting (attempt {resume(folder)})")


def stop(folder: RunFolder) -> Answer:
    """Asks the live worker, or records the stop where there is none.

    Raises:
        RunError: it is finished, or belongs to another machine.
    """
    if liveness_of(folder).alive is False:
        stop_without_worker(folder)
        return Answer("stop: recorded, no worker was running")
    return send(folder, "stop")


def evaluate(folder: RunFolder) -> Answer:
    """Asks the live worker, or starts a process that only evaluates.

    Raises:
        RunError: neither is possible.
    """
    if liveness_of(folder).alive is False:
        from engine.runs.launch import resume

        return Answer(f"evaluate: a process is starting (attempt {resume(folder, evaluate=True)})")
    return send(folder, "evaluate")


def start(
    home: Path, config: RunConfig, command_line: Sequence[str], parent: str | None, tick: Tick | None = None
) -> RunFolder:
    """Launches a new run, detached from this terminal.

    ``tick`` is called while its files are looked at; it may raise to give the start up, before there is a run.

    Raises:
        ConfigError, RunError: one line; nothing half-made is left behind.
    """
    from engine.runs.launch import launch
    from engine.runs.preflight import preflight

    preflight(config, tick)
    if tick is not None:
        tick("starting the worker", 0, None)  # the last moment to give it up
    return launch(home, config, command_line=tuple(command_line), parent=parent)


def start_all(home: Path, study: Study, command_line: Sequence[str], tick: Tick | None = None) -> str:
    """Launches the runs of a sweep, which queue for the devices; those that are there already are taken up.

    Raises:
        ConfigError, RunError: one line.
    """
    from engine.runs.study_start import start_study

    started = start_study(home, study, command_line=tuple(command_line), tick=tick)
    fates = Counter(run.fate for run in started)
    return f"{study.name}: {len(started)} runs, {', '.join(f'{count} {fate}' for fate, count in fates.items())}"


def archive(folders: Sequence[RunFolder]) -> str:
    """Moves idle runs to .archive; u brings them back.

    Raises:
        RunError: one of them could not be moved; those before it were.
    """
    return _move_all(folders, archive_run, "archived")


def delete(folders: Sequence[RunFolder]) -> str:
    """Moves idle runs to .trash; u brings them back.

    Raises:
        RunError: one of them could not be moved; those before it were.
    """
    return _move_all(folders, trash_run, "deleted")


def restore(home: Path, run_id: str) -> str:
    """Brings an archived or deleted run back into the list.

    Raises:
        RunError: it is gone, or cannot be moved.
    """
    return f"{restore_run(home, run_id).id} is back"


def _move_all(folders: Sequence[RunFolder], move: Callable[[RunFolder], RunFolder], done: str) -> str:
    for number, folder in enumerate(folders):
        try:
            move(folder)
        except RunError as error:
            raise RunError(f"{number} of {len(folders)} {done}; {error}") from None
    what = folders[0].id if len(folders) == 1 else f"{len(folders)} runs"
    return f"{what} {done}: u brings back"
