"""Rows of other programs' training files, read by a mapping of their fields to ours.

A path such as ``positive_passages.docid`` reaches into objects and lists: in a list of objects it means the field of
each, and a number means one entry (``set.0``). ``negative_*`` means every field of that form. A passage that is an
object with ``text`` is read as title, space, text. Of several positives the first with a text counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from engine.config import ConfigError
from engine.data.store.passages import titled

OUR_COLUMNS = ("group", "language", "question", "passage", "passage_id", "cluster", "negatives")
_TEXTS = ("question", "passage", "negatives")  # the others may be whole numbers


def check_columns(columns: Mapping[str, str], label: str) -> None:
    """
    Raises:
        ConfigError: a column of ours that there is not.
    """
    for column in columns:
        if column not in OUR_COLUMNS:
            raise ConfigError(f"{label}: columns.{column}: unknown column, expected one of {', '.join(OUR_COLUMNS)}")


def mapped(row: Any, columns: Mapping[str, str], where: str) -> dict[str, Any]:
    """Our column -> its value in ``row``: a text ("" where there is none), of "negatives" a list of texts.

    Raises:
        ConfigError: ``WHERE: columns.OURS: ...``: a field that is not there, or that holds no text.
    """
    values = {ours: list(_reach(row, path, f"{where}: columns.{ours}")) for ours, path in columns.items()}
    texts = {ours: [_text(value, ours, columns[ours], where) for value in entries] for ours, entries in values.items()}
    result: dict[str, Any] = {ours: next(filter(str.strip, entries), "") for ours, entries in texts.items()}
    first = next((place for place, text in enumerate(texts.get("passage", ())) if text.strip()), 0)
    if len(texts.get("passage_id", ())) == len(texts.get("passage", ())) and texts.get("passage_id"):
        result["passage_id"] = texts["passage_id"][first]
    if "negatives" in texts:
        result["negatives"] = [text for text in texts["negatives"] if text.strip()]
    return result


def _reach(value: Any, path: str, where: str) -> Iterator[Any]:
    """What ``path`` leads to, the entries of lists one by one; null is nothing."""
    if isinstance(value, Mapping) and path in value:
        yield from _entries(value[path])
        return
    step, _, rest = path.partition(".")
    if isinstance(value, Mapping):
        names = [name for name in value if fnmatchcase(name, step)] if "*" in step else [step]
        if not names or any(name not in value for name in names):
            raise ConfigError(f"{where}: no field {step!r}, the row has {', '.join(map(str, value))}")
        for name in names:
            yield from _further(value[name], rest, where)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if not step.isdigit():
            for entry in value:
                yield from _reach(entry, path, where)
        elif int(step) < len(value):
            yield from _further(value[int(step)], rest, where)
    elif value is not None:
        raise ConfigError(f"{where}: expected an object or a list to find {path!r} in, got {type(value).__name__}")


def _further(value: Any, path: str, where: str) -> Iterator[Any]:
    if path:
        yield from _reach(value, path, where)
    else:
        yield from _entries(value)


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        for entry in value:
            yield from _entries(entry)
    elif value is not None:
        yield value


def _text(value: Any, ours: str, path: str, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and ours not in _TEXTS:
        return str(value)
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        title = value.get("title")
        return titled(title if isinstance(title, str) else None, value["text"])
    expected = "texts or lists of texts" if ours == "negatives" else "texts"
    kind = f"an object with {', '.join(map(str, value))}" if isinstance(value, Mapping) else type(value).__name__
    raise ConfigError(f"{where}: columns.{ours}: expected {expected} in {path!r}, got {kind}")
