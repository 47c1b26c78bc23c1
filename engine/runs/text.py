"""Text from outside (data sets, logs, model names) made safe to show: it can never control the terminal."""

from __future__ import annotations

from typing import Any

_SPACES = "\t\n\v\f\r\x85\u2028\u2029"
_BIDI_CONTROLS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_INVISIBLE = (0x00AD, 0xFEFF, *range(0x2060, 0x2066), *range(0xFFF9, 0xFFFC))


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_SURROGATES: dict[int, str] = {code: _escape(code) for code in range(0xD800, 0xE000)}  # UTF-8 cannot have them alone
_TABLE: dict[int, str] = {
    **{code: _escape(code) for code in (*range(0x20), *range(0x7F, 0xA0), *_BIDI_CONTROLS, *_INVISIBLE)},
    **_SURROGATES,
    **{code: _escape(code) for code in range(0xE0000, 0xE0080)},  # tags: text that no reader sees
    **{ord(space): " " for space in _SPACES},
    0x1B: "␛",
}


def visible(text: str) -> str:
    """One line of ``text`` with what a terminal would obey or hide written out.

    Escape becomes ``␛``; other C0 and C1 controls, DEL, bidirectional embeddings, overrides and isolates, lone
    surrogates, tags and invisible formatting become ``\\x..`` or ``\\u....``; tabs and line breaks become spaces.
    Joiners and direction marks stay: Arabic, Hindi and Thai text needs them.
    """
    return text.translate(_TABLE)


def writable(text: str) -> str:
    """The text with lone surrogates, bytes of a name that is not UTF-8, as ``\\u....``: UTF-8 cannot have them."""
    return text if text.isascii() else text.translate(_SURROGATES)


def writable_document(value: Any) -> Any:
    """The same for all texts in what ``msgspec.to_builtins`` makes."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {writable_document(name): writable_document(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [writable_document(each) for each in value]
    return value
