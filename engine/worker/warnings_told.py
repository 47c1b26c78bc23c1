"""What readers of data warn of becomes part of the run's log, where commands and the dashboard show it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine import events

if TYPE_CHECKING:
    from engine.worker.session import Session


@contextmanager
def data_warnings_told(session: Session) -> Iterator[None]:
    """In this context every warning of ``engine.data`` is an event, said once in the life of a run."""
    handler = _ToSession(session)
    logger = logging.getLogger("engine.data")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _ToSession(logging.Handler):
    def __init__(self, session: Session) -> None:
        super().__init__(logging.WARNING)
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not any(note.text == message for note in self._session.state.notes):
            self._session.emit(events.Warning(message=message))
