"""``python -m engine.alerts.deliver``: sends one message to addresses of Apprise.

Reads a ``Parcel`` as JSON on stdin, prints a JSON list on stdout: for each address what went wrong, or "".
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

import msgspec

from engine.alerts.sending import Message, Parcel

NOT_INSTALLED = "Apprise is not installed: pip install 'hybrid-tui[alerts]'"
UNKNOWN = "not an address that Apprise knows"


def problem_of(address: str) -> str:
    """What is wrong with an address, without sending anything; empty: nothing."""
    try:
        import apprise
    except ModuleNotFoundError:
        return NOT_INSTALLED
    with _records():
        return "" if apprise.Apprise.instantiate(address) is not None else UNKNOWN


def deliver(address: str, message: Message) -> str:
    """Sends ``message``; what went wrong, or "". The text may quote the address: scrub it."""
    if problem := problem_of(address):
        return problem
    import apprise

    with _records() as records:
        service = apprise.Apprise()
        service.add(address)
        if service.notify(title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT):
            return ""
    return " ".join(record.getMessage() for record in records) or "it was not taken"


class _Keeping(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.WARNING)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@contextlib.contextmanager
def _records() -> Iterator[list[logging.LogRecord]]:
    """What Apprise logs of warnings and errors, kept from stderr."""
    records: list[logging.LogRecord] = []
    handler = _Keeping(records)
    logger = logging.getLogger("apprise")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield records
    finally:
        logger.removeHandler(handler)


def main() -> int:
    parcel = msgspec.json.decode(sys.stdin.buffer.read(), type=Parcel)
    with contextlib.redirect_stdout(io.StringIO()):  # of a plugin that prints
        errors = [deliver(address, parcel.message) for address in parcel.addresses]
    sys.stdout.buffer.write(msgspec.json.encode(errors))
    return 0


if __name__ == "__main__":
    sys.exit(main())
