"""What one line of a form asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One line of a form."""

    key: str
    label: str
    meaning: str
    choices: tuple[str, ...] = ()
    picks: bool = False  # enter opens a list that its screen makes
    short: str = ""  # the meaning in a few words, shown beside the value
    empty: str = ""  # what an empty value means
    gap: bool = False  # begins a group


@dataclass(frozen=True)
class Note:
    """What was found about a field; ``checked``: it was looked at, and it is right."""

    text: str
    checked: bool = False
