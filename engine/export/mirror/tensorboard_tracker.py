"""TensorBoard: event files, one folder a run.

A mirror writes the run from its beginning to a file of its own, and then empties the files of mirrors before it. A
TensorBoard that is open meanwhile forgets the older points where the new file begins. It reads one file after another
by name, and stops for ever at one that is removed while it reads: empty files stay for an hour.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.export.mirror.tracker import Description, Opened, Row, TrackerError
from engine.runs.state import Note

_SUFFIX = ".hybrid-tui"  # of our files: others in the folder stay
_KEPT_EMPTY = 3600.0  # seconds


class TensorBoardTracker:
    def __init__(self, out: Path) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.hparams import summary_v2 as hparams
        from tensorboard.plugins.text import summary_v2 as text
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = event_pb2, summary_pb2
        self._hparams_pb, self._text_pb = hparams.hparams_pb, text.text_pb
        self._record_writer = RecordWriter
        self._out = out
        self._file: Any = None
        self._older: list[Path] = []
        self._created = 0.0

    @property
    def destination(self) -> str:
        return str(self._out)

    def open(self, run: Description, name: str, opened_before: str) -> Opened:
        folder = self._out / run.id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._older = _older_files(folder)
            # TensorBoard sorts by name: the time is longer than whole seconds, and always of one length.
            path = folder / f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}{_SUFFIX}"
            self._file = self._record_writer(path.open("wb"))
        except OSError as error:
            raise TrackerError(f"{folder}: {error.strerror}") from None
        self._created = run.created
        start = self._event.SessionLog(status=self._event.SessionLog.START)
        self._put(self._event.Event(wall_time=run.created, file_version="brain.Event:2"))
        self._put(self._event.Event(wall_time=run.created, step=0, session_log=start))
        self._add(run.created, 0, self._hparams_pb(run.settings(), trial_id=run.id, start_time_secs=run.created))
        self._add(run.created, 0, self._text_pb("config", _table(run.settings())))
        self._add(run.created, 0, self._text_pb("run", _table(run.facts)))
        return Opened(str(folder), 0, str(folder))

    def write(self, rows: Sequence[Row], first: int) -> None:
        for row in rows:
            values = [self._summary.Summary.Value(tag=name, simple_value=value) for name, value in row.values.items()]
            self._add(row.t, row.step, self._summary.Summary(value=values))

    def tell(self, notes: Sequence[Note], noted: int, step: int, state: str) -> None:
        t = notes[-1].t if notes else self._created
        for note in notes:
            if note.seq > noted:
                self._add(note.t, note.seq, self._text_pb("notes", _literal(f"{note.level}: {note.text}")))
        self._add(t, step, self._text_pb("state", state))

    def flush(self) -> bool:
        try:
            self._file.flush()
            while self._older:
                os.truncate(self._older.pop(), 0)
        except OSError as error:
            raise TrackerError(f"{self._out}: {error.strerror}") from None
        return True

    def close(self, state: str, ended: float) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise TrackerError(f"{self._out}: {error.strerror}") from None

    def discard(self, opened_before: str) -> None:
        """The files are replaced by whoever opens the folder anew."""

    def _add(self, t: float, step: int, summary: Any) -> None:
        self._put(self._event.Event(wall_time=t, step=step, summary=summary))

    def _put(self, event: Any) -> None:
        try:
            self._file.write(event.SerializeToString())
        except OSError as error:
            raise TrackerError(f"{self._out}: {error.strerror}") from None


def _older_files(folder: Path) -> list[Path]:
    """Of earlier mirrors, those with anything in them; empty ones that no TensorBoard can still wait at are removed."""
    older = []
    for path in sorted(folder.glob(f"events.out.tfevents.*{_SUFFIX}")):
        status = path.stat()
        if status.st_size:
            older.append(path)
        elif time.time() - status.st_mtime > _KEPT_EMPTY:
            path.unlink(missing_ok=True)
    return older


def _literal(text: str) -> str:
    """TensorBoard renders text as Markdown: what a log says stays as it is."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _table(settings: Mapping[str, object]) -> str:
    """A Markdown table of names and values."""
    rows = (f"| {name} | `{_cell(value)}` |" for name, value in settings.items())
    return "\n".join(("| | |", "|---|---|", *rows))


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("`", "'")
