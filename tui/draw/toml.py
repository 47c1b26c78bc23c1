"""TOML as rows of styled text."""

from __future__ import annotations

from tui.draw.text import Row, row_width, wrap
from tui.numbers import visible

_INDENT = 4


def toml_rows(text: str, width: int) -> list[Row]:
    """TOML with its sections and values told apart; long values go on below, indented."""
    rows: list[Row] = []
    for line in text.splitlines():
        safe = visible(line)
        first, *more = [safe] if row_width(((safe, ""),)) <= width else wrap(safe, max(10, width - _INDENT))
        if safe.startswith("["):
            rows.append(((first, "title"),))
        elif " = " in first:
            key, _, value = first.partition(" = ")
            rows.append(((f"{key} = ", "dim"), (value, "")))
        else:
            rows.append(((first, ""),))
        rows += [((" " * _INDENT + part, ""),) for part in more]
    return rows
