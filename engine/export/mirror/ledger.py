"""What mirrors have passed on, in the user's state folder, so that none passes it on twice."""

from __future__ import annotations

import hashlib
import os

import msgspec

from engine import flock
from engine.config_error import ConfigError
from engine.files import write_file
from engine.paths import state_folder, why_not_writable


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run has come in one place of a tracker."""

    number: int = 1  # of the tracker's run for this run: it rises wherever points were taken back
    generation: int = 0  # of the timeline
    id: str = ""  # of the tracker's run; empty: not opened yet
    rows: int = 0  # that are passed on for certain
    under_way: int = 0  # rows that were handed over, or about to be
    noted: int = 0  # the last event whose note is passed on
    state: str = ""  # of the run, as last passed on


class Ledger:
    """One record and the right to change it, held until ``close`` or the end of the process."""

    def __init__(self, tracker: str, destination: str, run: str, shown: str) -> None:
        """
        Raises:
            ConfigError: another process mirrors the run to this place, or the state folder cannot be written to.
        """
        folder = state_folder() / "mirrors"
        if (wrong := why_not_writable(folder)) is not None:
            raise ConfigError(wrong)
        key = hashlib.sha256("\0".join((tracker, destination, run)).encode()).hexdigest()[:20]
        self._path = folder / f"{key}.json"
        self._lock = flock.open_lock_file(folder / f"{key}.lock", 0o600)
        if not flock.wait_exclusive(self._lock, 0.5):
            os.close(self._lock)
            raise ConfigError(f"{shown} is being mirrored to {destination} by another process")
        flock.hold(self._lock)
        self.record = self._read()

    def write(self, record: Record) -> None:
        write_file(self._path, msgspec.json.encode(record), 0o600)
        self.record = record

    def close(self) -> None:
        flock.drop(self._lock)

    def _read(self) -> Record:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Record)
        except (OSError, msgspec.MsgspecError):
            return Record()
