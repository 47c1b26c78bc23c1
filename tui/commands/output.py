"""What commands share in printing."""

from __future__ import annotations

import io
import sys
from typing import Any, TextIO

import msgspec

from engine.runs.text import visible, writable_document
from tui.terminal.abilities import environment_at_start, has_braille
from tui.terminal.direction import isolated

_EXIT_BY_STATE = {"failed": 1, "crashed": 1, "paused": 3, "stopped": 3}
_KEPT = {ord("\n"), ord("\t")}


class Shown:
    """A terminal's stream that shows what would drive the terminal; line breaks and tabs pass.

    Right-to-left text is closed in itself, so that columns stay where they are. Everything else is the stream's own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._close = isolated if is_utf8(stream) else str

    def write(self, text: str) -> int:
        if text.isprintable():
            self._stream.write(self._close(text))
        else:
            lines = (line.split("\t") for line in text.split("\n"))
            self._stream.write(self._close("\n".join("\t".join(map(visible, line)) for line in lines)))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def unguarded(stream: TextIO) -> TextIO:
    """The stream beneath the guard, for what a command itself draws; what others wrote has to be made visible first."""
    return stream._stream if isinstance(stream, Shown) else stream


def guard_terminal() -> None:
    """From here on nothing that a command prints can drive the terminal; files and pipes get every character.

    What an encoding does not have is written as an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # of UTF-8 too: names of files need not be
    if sys.stdout.isatty():
        sys.stdout = Shown(sys.stdout)
    if sys.stderr.isatty():
        sys.stderr = Shown(sys.stderr)


def is_utf8(stream: TextIO) -> bool:
    """Whether every character can be written to it."""
    return (stream.encoding or "utf-8").replace("-", "").replace("_", "").lower() == "utf8"


def can_draw(stream: TextIO) -> bool:
    """Whether what reads the stream shows more than ASCII."""
    return is_utf8(stream) and (not stream.isatty() or has_braille(environment_at_start()))


def print_json(document: Any) -> None:
    """One JSON document and a newline on stdout; what a terminal might obey is written as an escape of JSON's own.

    So is everything beyond ASCII where stdout is not UTF-8.
    """
    text = msgspec.json.format(json_of(document), indent=2).decode()
    if not text.isascii():
        plain = is_utf8(sys.stdout)
        text = "".join(
            character if (plain or character.isascii()) and _harmless(character) else _escaped(character)
            for character in text
        )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def json_of(document: Any) -> bytes:
    """The document; a name in it that is not UTF-8 is written with escapes."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(writable_document(msgspec.to_builtins(document)))


def exit_status(*states: str) -> int:
    """0 all done, 1 any failed, else 3: a scheduler that resumes what was paused must not miss a failure."""
    statuses = {_EXIT_BY_STATE.get(state, 0) for state in states}
    return 1 if 1 in statuses else max(statuses, default=0)


def _harmless(character: str) -> bool:
    return character.isprintable() or ord(character) in _KEPT or visible(character) == character


def _escaped(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"
