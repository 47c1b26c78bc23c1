"""In which settings two runs differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from engine.config import RunConfig
from tui.numbers import visible

NONE = "-"
AS_MODEL = "as the model says"
# Null in one of these is no absence.
_AS_MODEL = frozenset(
    f"model.{key}"
    for key in ("pooling", "query_prefix", "passage_prefix", "max_query_tokens", "max_passage_tokens", "similarity")
)


@dataclass(frozen=True)
class Difference:
    """One key with both values as TOML would write them; NONE or AS_MODEL where a run has none. Safe to show."""

    key: str
    here: str
    there: str


def config_differences(here: RunConfig, there: RunConfig) -> list[Difference]:
    """In the order of the config."""
    ours, theirs = dict(_flat(msgspec.to_builtins(here))), dict(_flat(msgspec.to_builtins(there)))
    keys = dict.fromkeys([*ours, *theirs])
    return [
        Difference(visible(key), _shown(key, ours.get(key)), _shown(key, theirs.get(key)))
        for key in keys
        if ours.get(key) != theirs.get(key)
    ]


def _flat(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        for index, part in enumerate(value):
            yield from _flat(part, f"{prefix}[{index}]")
    else:
        yield prefix, value


def _shown(key: str, value: object) -> str:
    if value is None:
        return AS_MODEL if key in _AS_MODEL else NONE
    if isinstance(value, str) and value == value.strip() != "":
        return visible(value)
    return visible(msgspec.json.encode(value).decode())  # a text whose blanks would not be seen stands in quotes
