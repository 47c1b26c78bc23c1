"""Finding a text in a longer one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.draw.text import Piece, Row


@dataclass
class Search:
    """``text`` is looked for without regard to case."""

    text: str = ""
    at: int | None = None  # which of the matches is in front

    def matches(self, texts: Sequence[str]) -> list[int]:
        """Indices of the texts that hold what is looked for."""
        needle = self.text.casefold()
        return [index for index, text in enumerate(texts) if needle in text.casefold()] if needle else []

    def step(self, count: int, by: int) -> int | None:
        """The match after or before the present one, around the end; at first the last one. None without any."""
        if not count:
            self.at = None
        elif self.at is None:
            self.at = count - 1
        else:
            self.at = (min(self.at, count - 1) + by) % count
        return self.at


def highlighted(row: Row, needle: str) -> Row:
    """The row with every place that has ``needle`` marked."""
    runs: list[Piece] = []
    for text, style in row:
        lowered, start = text.lower(), 0
        while needle and len(lowered) == len(text) and (at := lowered.find(needle.lower(), start)) >= 0:
            runs += [(text[start:at], style), (text[at : at + len(needle)], f"{style} found".strip())]
            start = at + len(needle)
        runs.append((text[start:], style))
    return tuple(run for run in runs if run[0])
