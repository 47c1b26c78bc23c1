"""One ruler for text: characters that Textual would measure differently are replaced until they reach the terminal.

The dashboard counts cells character by character, as tmux, xterm and VTE do (``tui.draw.text``). Textual cuts and
pads with rich, which counts the vowel signs of Indic scripts with their letter and joins emoji. So each of these
characters travels through Textual as one that rich counts in the same way: a private one of one cell, or an invisible
one of none.
"""

from __future__ import annotations

import re

from tui.draw.text import is_spacing_mark

_JOINERS = {"\u200d": "\U000e0001", "\ufe0f": "\U000e007f"}  # tags never come from outside: ``visible`` writes them out
_JOINED = {stand_in: joiner for joiner, stand_in in _JOINERS.items()}
_TO_PRIVATE = {0x0: 0x10_0000, 0x1: 0xE_0000}  # by plane of the mark: what to add to reach planes 16 and 15
_STAND_INS = re.compile("[\U000e0001\U000e007f\U000f0000-\U0010ffff]")


def measurable(text: str) -> str:
    """``text`` as Textual is to get it: rich counts as many cells as ``tui.draw.text.width`` does."""
    if text.isascii():
        return text
    return "".join(map(_stand_in, text))


def restored(text: str) -> str:
    """``text`` as the terminal is to get it."""
    if text.isascii():
        return text
    return _STAND_INS.sub(lambda match: _original(match[0]), text)


def _stand_in(character: str) -> str:
    if is_spacing_mark(character):
        code = ord(character)
        return chr(code + _TO_PRIVATE[code >> 16])
    return _JOINERS.get(character, character)


def _original(character: str) -> str:
    """A private character that stands for nothing is a text's own, and stays: it could be anything else otherwise."""
    if character in _JOINED:
        return _JOINED[character]
    code = ord(character)
    mark = chr(code - (0x10_0000 if code >= 0x10_0000 else 0xE_0000))
    return mark if is_spacing_mark(mark) else character
