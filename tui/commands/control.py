"""Commands that steer a run (``pause``, ``resume``, ...), and those that put runs away."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from engine.alerts.catching_up import catch_up
from engine.alerts.targets import targets_of
from engine.config import ConfigError
from engine.events import CommandName, EvalFinished, Warning
from engine.runs import launch, registry
from engine.runs.commands import send_command, stop_without_worker, wait_for_command
from engine.runs.folder import RunFolder, read_spec, runs_home
from engine.runs.lock import probe
from engine.runs.log import EventCursor
from engine.runs.nodes import joins
from engine.runs.ownership import liveness_of
from engine.runs.reader import RunReader
from engine.runs.status import status_of
from engine.runs.text import visible
from tui.commands.output import exit_status
from tui.commands.plain import follow

_POLL_SECONDS = 0.05
_WORDS = {"discard": "stop without a checkpoint"}
_FREE_SPACE = "it goes on; free space and ask again, or `stop --discard` ends it without a checkpoint"


def command(options: argparse.Namespace) -> int:
    """Asks the worker; without a live one, stop is recorded and evaluate starts a process."""
    folder = registry.find_run(runs_home(options.runs), options.run)
    name: CommandName = "discard" if options.discard else options.command
    if name == "evaluate":
        launch.require_benchmarks(folder)
    if liveness_of(folder).alive is False:
        if name in ("stop", "discard"):
            stop_without_worker(folder)
            catch_up([folder])
            print(f"{folder.id} is stopped")
            return 0
        if name == "evaluate":
            attempt = launch.resume(folder, evaluate=True)
            is_evaluation = read_spec(folder).config.kind == "evaluation"
            print(
                f"{folder.id}: a process {'measures it again' if is_evaluation else 'evaluates its newest checkpoint'}"
            )
            return _wait_for_evaluation(folder, attempt) if options.wait else 0
    uuid = send_command(folder, name)
    if not options.wait:
        print(f"{folder.id}: {_WORDS.get(name, name)} requested")
        return 0
    return _wait_for_answer(folder, name, uuid)


def resume(options: argparse.Namespace) -> int:
    folder = registry.find_run(runs_home(options.runs), options.run)
    config = read_spec(folder).config
    if joins(config):
        launch.join(folder.path.parent)
    attempt = launch.resume(folder, take_over=options.take_over, wait=options.wait)
    print(f"{folder.id} resumes, attempt {attempt}", flush=True)
    for problem in targets_of(config.alerts, os.environ)[1]:  # of this terminal: the watcher has its environment
        print(f"hybrid-tui: {visible(problem)}", file=sys.stderr)
    if not options.wait:
        return 0
    launch.run_foreground([folder], lambda: follow(folder, lambda text: print(text, flush=True)))
    reader = RunReader(folder)
    return exit_status(status_of(reader).state)


def archive(options: argparse.Namespace) -> int:
    home = runs_home(options.runs)
    for folder in [registry.find_run(home, text) for text in options.run]:
        registry.archive_run(folder)
        print(f"{folder.id} is archived")
    return 0


def delete(options: argparse.Namespace) -> int:
    """Into the trash, as the dashboard does; ``--purge``: for good."""
    home = runs_home(options.runs)
    folders = [_find_anywhere(home, text) if options.purge else registry.find_run(home, text) for text in options.run]
    names = ", ".join(folder.id for folder in folders)
    question = f"Delete {names} for good?" if options.purge else f"Move {names} to {home / registry.TRASH}?"
    if not _agreed(question, options.yes):
        return 1
    for folder in folders:
        if options.purge:
            registry.delete_run(folder)
            print(f"{folder.id} is deleted for good")
        else:
            registry.trash_run(folder)
            print(f"{folder.id} is deleted; 'hybrid-tui restore {folder.id}' brings it back")
    return 0


def empty_trash(options: argparse.Namespace) -> int:
    home = runs_home(options.runs)
    doomed = [folder for folder in registry.list_put_away(home) if folder.path.parent.name == registry.TRASH]
    if not doomed:
        print(f"there is no run in {home / registry.TRASH}")
        return 0
    names = ", ".join(folder.id for folder in doomed)
    if not _agreed(f"Delete {names} for good?", options.yes):
        return 1
    for folder in doomed:
        registry.delete_run(folder)
    print(f"{len(doomed)} {'run is' if len(doomed) == 1 else 'runs are'} deleted for good")
    return 0


def _find_anywhere(home: Path, text: str) -> RunFolder:
    """In the list, else among what was archived or deleted."""
    try:
        return registry.find_run(home, text)
    except registry.RunError as error:
        try:
            return registry.find_put_away(home, text)
        except registry.RunError:
            raise error from None


def _agreed(question: str, yes: bool, otherwise: str = "nothing was deleted") -> bool:
    """Asks on a terminal. A script has to say --yes.

    Raises:
        ConfigError: nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError(f"{question[:-1]}: nobody can be asked here, so say --yes")
    print(f"{visible(question)} [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print(f"hybrid-tui: {otherwise}", file=sys.stderr)
    return False


def restore(options: argparse.Namespace) -> int:
    folder = registry.restore_run(runs_home(options.runs), options.run)
    print(f"{folder.id} is back")
    return 0


def _wait_for_answer(folder: RunFolder, name: CommandName, uuid: str) -> int:
    """Until the command is answered and, for pause and stop, the process is gone."""
    reader = RunReader(folder)
    stage = wait_for_command(reader, uuid)
    if stage == "done":
        at = "" if reader.state.kind == "evaluation" else f" at step {reader.state.step:,}"
        told = f"{name} done{at}" if name != "discard" else reader.state.notes[-1].text
        print(f"{folder.id}: {told}")
        return 0
    if stage in ("requested", "acknowledged"):
        answer = f"not done: the run is {status_of(reader).state}"
    else:
        detail = next((known.detail for known in reader.state.commands if known.uuid == uuid), "")
        answer = f"{stage}: {visible(detail)}" if detail else stage
    print(f"hybrid-tui: {folder.id}: {_WORDS.get(name, name)} {answer}", file=sys.stderr)
    if stage == "failed" and name == "stop":
        return _stop_all_the_same(folder, reader)
    if stage == "failed" and name == "pause":
        print(_FREE_SPACE, file=sys.stderr)
    return 1


def _stop_all_the_same(folder: RunFolder, reader: RunReader) -> int:
    """Asks once whether to stop a run that could not be saved; where nobody can be asked, says how."""
    if not sys.stdin.isatty():
        print(_FREE_SPACE, file=sys.stderr)
        return 1
    if not _agreed(f"Stop {folder.id} without a checkpoint, and lose step {reader.state.step:,}?", False, "it goes on"):
        return 1
    return _wait_for_answer(folder, "discard", send_command(folder, "discard"))


def _wait_for_evaluation(folder: RunFolder, attempt: int) -> int:
    while probe(folder).alive:
        time.sleep(_POLL_SECONDS)
    cursor = EventCursor(folder.events)
    evaluated, failure = False, "its process died"
    while found := cursor.poll():
        for event in found:
            if event.attempt == attempt:
                evaluated |= isinstance(event, EvalFinished)
                failure = event.message if isinstance(event, Warning) else failure
    if not evaluated:
        print(f"hybrid-tui: {folder.id}: evaluate failed: {visible(failure)}", file=sys.stderr)
    return 0 if evaluated else 1
