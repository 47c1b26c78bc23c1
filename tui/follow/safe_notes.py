"""The notes of a run, safe to show; only those that are new or have grown are looked at again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.runs.state import Note
from tui.numbers import visible


class SafeNotes:
    """Owned by the reader thread."""

    def __init__(self) -> None:
        self._notes: Sequence[Note] = ()
        self._safe: tuple[Note, ...] = ()

    def of(self, notes: Sequence[Note]) -> tuple[Note, ...]:
        """Each as one line of text, which says how often what repeats itself came."""
        known = dict(zip(map(id, self._notes), self._safe, strict=True))
        safe = tuple(known.get(id(note)) or msgspec.structs.replace(note, text=visible(note.line())) for note in notes)
        self._notes, self._safe = tuple(notes), safe  # the notes are kept: no other gets the identity of one of them
        return safe
