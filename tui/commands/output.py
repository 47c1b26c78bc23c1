"""What commands share in printing."""

from __future__ import annotations

import sys
from typing import Any, TextIO

import msgspec

from engine.runs.text import visible

_EXIT_BY_STATE = {"failed": 1, "crashed": 1, "paused": 3, "stopped": 3}
_KEPT = {ord("\n"), ord("\t")}


class Shown:
    """A terminal's stream that shows what would drive the terminal; line breaks and tabs pass.

    Everything else about it is the stream's own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if text.isprintable():
            self._stream.write(text)
        else:
            lines = (line.split("\t") for line in text.split("\n"))
            self._stream.write("\n".join("\t".join(map(visible, line)) for line in lines))
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
    """From here on nothing that a command prints can drive the terminal; files and pipes get every character."""
    if sys.stdout.isatty():
        sys.stdout = Shown(sys.stdout)
    if sys.stderr.isatty():
        sys.stderr = Shown(sys.stderr)


def print_json(document: Any) -> None:
    """One JSON document and a newline on stdout; what a terminal might obey is written as an escape of JSON's own."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    if not text.isascii():
        text = "".join(character if _harmless(character) else _escaped(character) for character in text)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def exit_status(*states: str) -> int:
    """0 all done, 1 any failed, else 3: a scheduler that resumes what was paused must not miss a failure."""
    found = {_EXIT_BY_STATE.get(state, 0) for state in states}
    return 1 if 1 in found else max(found, default=0)


def _harmless(character: str) -> bool:
    return character.isprintable() or ord(character) in _KEPT or visible(character) == character


def _escaped(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"
