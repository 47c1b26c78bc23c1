"""Follows the log of one run and passes it on to one tracker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import msgspec

from engine.events import AnyEvent
from engine.export.mirror.ledger import Ledger, Record
from engine.export.mirror.quantities import Quantities
from engine.export.mirror.timeline import Timeline
from engine.export.mirror.tracker import Description, Opened, Row, Tracker, TrackerError
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.lock import probe
from engine.runs.log import EventCursor
from engine.runs.state import FINAL_PHASES
from engine.runs.status import shown_state
from engine.runs.text import writable

_BATCH = 500  # rows that are handed over at once
_PRIVATE = frozenset({"alerts", "hooks"})  # of the config: who is told, and how, is nobody's business elsewhere
OVER = frozenset({"finished", "failed"})  # what a run that goes on over a pause ends with


class Mirror:
    """One run, written to one tracker; ``look`` passes on what is new."""

    def __init__(self, folder: RunFolder, name: str, tracker: Tracker) -> None:
        """
        Raises:
            ConfigError: there is no spec, another process mirrors the run to the same place, or the user's state folder
                cannot be written to.
        """
        self.folder = folder
        self.state = ""  # of the run, as status has it
        self.rows = 0  # passed on by this mirror
        self.opened: Opened | None = None
        self._description = describe(folder, read_spec(folder))
        self._tracker = tracker
        run = f"{folder.id} {self._description.created}"
        self._ledger = Ledger(name, tracker.destination, run, folder.id)
        self._timeline = Timeline()
        self._cursor = EventCursor(folder.events)
        self._quantities = Quantities(self._timeline)
        self._count = 0  # rows of this generation that were read
        self._is_torn = False

    def look(self, across_pauses: bool = False) -> bool:
        """Passes on what is new; True once the run has ended and its process is gone.

        Args:
            across_pauses: a run that may go on later has not ended.

        Raises:
            TrackerError: the tracker takes nothing more, or the run's log is gone or was replaced.
        """
        # Asked before reading: a worker that ends between the two has written all that is then read.
        liveness = probe(self.folder)
        self._read_on()
        self.state = shown_state(self._timeline.state, liveness, time.time())
        self._tell()
        ended = OVER if across_pauses else FINAL_PHASES | {"crashed"}
        return not liveness.alive and self.state in ended

    def close(self) -> None:
        """Ends the tracker's run, as far as the run itself has ended, and lets go of the record."""
        try:
            if self.opened is not None:
                self._tracker.close(self.state, self._timeline.state.updated)
                self._confirm()
        finally:
            self._ledger.close()

    def _read_on(self) -> None:
        if self.opened is None:
            for events in self._chunks(self._cursor):
                self._timeline.take(events)
            self._begin()
            return
        for events in self._chunks(self._cursor):
            generation = self._timeline.generation
            self._timeline.take(events)
            if self._timeline.generation != generation:
                self._begin()
            else:
                self._pass_on(events)

    def _begin(self) -> None:
        """Passes on the whole timeline as it stands, but for what the tracker has."""
        skipped = self._open()
        self._quantities, self._count = Quantities(self._timeline), 0
        last = self._timeline.state.seq
        for events in self._chunks(EventCursor(self.folder.events)):
            self._pass_on([event for event in events if event.seq <= last], skipped)
            if events and events[-1].seq >= last:
                break

    def _open(self) -> int:
        """Opens the tracker's run for this generation; returns how many rows it has."""
        record, generation = self._ledger.record, self._timeline.generation
        if self.opened is not None:
            self._tracker.close(self.state, self._timeline.state.updated)
        if record.id and record.generation != generation:
            record = self._replace(record)
        elif not record.id:
            record = Record(number=generation + 1, generation=generation)
        opened = self._tracker.open(self._description, self._name(record), record.id)
        if opened.rows is None and opened.id == record.id and record.under_way > record.rows:
            # A mirror was killed while it handed rows over: nobody knows how many arrived.
            self._tracker.close(self.state, self._timeline.state.updated)
            record = self._replace(record)
            opened = self._tracker.open(self._description, self._name(record), "")
        rows = opened.rows if opened.rows is not None else record.rows if opened.id == record.id else 0
        noted, told = (record.noted, record.state) if rows else (0, "")
        record = msgspec.structs.replace(
            record, generation=generation, id=opened.id, rows=rows, under_way=rows, noted=noted, state=told
        )
        self._ledger.write(record)
        self.opened = opened
        return rows

    def _replace(self, record: Record) -> Record:
        self._tracker.discard(record.id)
        generation = self._timeline.generation
        return Record(number=max(record.number, generation) + 1, generation=generation)

    def _name(self, record: Record) -> str:
        return self.folder.id if record.number == 1 else f"{self.folder.id}-{record.number}"

    def _pass_on(self, events: list[AnyEvent], skipped: int = 0) -> None:
        rows = (row for event in events for row in self._quantities.rows(event))
        while batch := list(islice(rows, _BATCH)):
            first = self._count
            self._count += len(batch)
            if self._count > skipped:
                new = batch[max(0, skipped - first) :]
                self._write(new, self._count - len(new))

    def _write(self, rows: list[Row], first: int) -> None:
        self._ledger.write(msgspec.structs.replace(self._ledger.record, under_way=first + len(rows)))
        self._is_torn = True  # until the tracker returns: an error or a signal leaves it anywhere
        self._tracker.write(rows, first)
        self._is_torn = False
        self.rows += len(rows)

    def _tell(self) -> None:
        """Hands over new lines of the history and the state, where either has changed."""
        record, state = self._ledger.record, self._timeline.state
        noted = state.notes[-1].seq if state.notes else 0
        if (noted, self.state) != (record.noted, record.state):
            self._tracker.tell(state.notes, record.noted, state.step, self.state)
            self._ledger.write(msgspec.structs.replace(record, noted=noted, state=self.state))
        if self._tracker.flush():
            self._confirm()

    def _confirm(self) -> None:
        """What was handed over has arrived."""
        record = self._ledger.record
        if record.rows != record.under_way and not self._is_torn:
            self._ledger.write(msgspec.structs.replace(record, rows=record.under_way))

    def _chunks(self, cursor: EventCursor) -> Iterator[list[AnyEvent]]:
        """Events up to the present end of the log."""
        while True:
            offset = cursor.offset
            events = cursor.poll()
            if cursor.restarts:
                raise TrackerError(f"{self.folder.events}: replaced while it was read; mirror it again")
            if cursor.offset == offset:
                break
            yield events
        if not self.folder.path.is_dir():
            raise TrackerError(f"{self.folder.path}: the run is not there any more")


def describe(folder: RunFolder, spec: Spec) -> Description:
    config, origin, study = spec.config, spec.provenance, spec.study
    facts = {
        "run": folder.id,
        "name": config.name,
        "kind": config.kind,
        "folder": writable(str(folder.path)),
        "host": origin.host,
        "commit": f"{origin.git_commit or ''}{' with changes' if origin.changed else ''}",
        "parent": spec.parent or "",
        "study": study.name if study is not None else "",
        "condition": study.condition if study is not None else "",
    }
    return Description(
        id=folder.id,
        created=spec.created,
        study=study.name if study is not None else "",
        config={key: value for key, value in msgspec.to_builtins(config).items() if key not in _PRIVATE},
        facts={name: text for name, text in facts.items() if text},
    )
