"""``mirror``: passes what runs log on to an experiment tracker, while they run or afterwards."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import TextIO

import msgspec

from engine.export.mirror.follower import Mirror
from engine.export.mirror.tracker import TrackerError
from engine.export.mirror.trackers import make_tracker
from engine.runs.folder import runs_home
from engine.runs.registry import find_run
from engine.runs.text import visible
from tui.commands.output import print_json

_POLL_SECONDS = 1.0


class MirroredRun(msgspec.Struct, frozen=True, kw_only=True):
    """What ``mirror --json`` says of one run."""

    run: str
    tracker: str
    place: str  # a folder or an address
    rows: int  # written by this command
    state: str  # of the run


def mirror(options: argparse.Namespace) -> int:
    """Writes every run until it has ended; with --once what there is now."""
    home = runs_home(options.runs)
    folders = {folder.path: folder for folder in (find_run(home, text) for text in options.run)}
    mirrors: list[Mirror] = []
    failures: list[str] = []
    stdout = sys.stdout
    # What a tracker prints itself goes to stderr: the document is alone on stdout.
    with _ended_by_signal(), redirect_stdout(sys.stderr):
        try:
            for folder in folders.values():
                tracker = make_tracker(options.to, options.out, options.project)
                mirrors.append(Mirror(folder, options.to, tracker))
            failures += _follow(mirrors, options, sys.stderr if options.json else stdout)
        except TrackerError as error:
            failures.append(str(error))
        finally:
            failures += _close(mirrors)
    for failure in dict.fromkeys(failures):
        print(f"hybrid-tui: {visible(failure)}", file=sys.stderr)
    if failures:
        return 1
    if options.json:
        print_json({"mirrored": [_document(mirrored, options.to) for mirrored in mirrors]})
    return 0


def _follow(mirrors: list[Mirror], options: argparse.Namespace, stream: TextIO) -> list[str]:
    """Until all have ended; a failure of one leaves the others, and is returned at the end."""
    going, began, failures = list(mirrors), set[Mirror](), []
    while going:
        for mirrored in list(going):
            try:
                ended = mirrored.look(options.across_pauses)
            except TrackerError as error:
                failures.append(str(error))
                going.remove(mirrored)
                continue
            if ended or mirrored not in began:
                began.add(mirrored)
                _say(mirrored, stream)
            if ended or options.once:
                going.remove(mirrored)
        if going:
            time.sleep(_POLL_SECONDS)
    return failures


def _say(mirrored: Mirror, stream: TextIO) -> None:
    place = mirrored.opened.place if mirrored.opened is not None else ""
    text = f"{mirrored.folder.id}: {mirrored.state}, {mirrored.rows:,} rows to {place}"
    print(visible(text), file=stream, flush=True)


def _close(mirrors: list[Mirror]) -> list[str]:
    """Ends all of them, whatever becomes of one."""
    failures = []
    for mirrored in mirrors:
        try:
            mirrored.close()
        except TrackerError as error:
            failures.append(str(error))
    return failures


def _document(mirrored: Mirror, tracker: str) -> MirroredRun:
    place = mirrored.opened.place if mirrored.opened is not None else ""
    return MirroredRun(run=mirrored.folder.id, tracker=tracker, place=place, rows=mirrored.rows, state=mirrored.state)


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM leaves as Ctrl-C does: what was read is written, and the tracker's run is closed."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
