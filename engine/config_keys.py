"""Every key of a config: its type, its default and what it means, read from ``engine.config``.

The comment of a field, beside it or in the lines above it, is its documentation: there is no second place for it.
``python -m engine.config_keys`` prints all of them as docs/config.md.
"""

from __future__ import annotations

import ast
import functools
import inspect
import io
import json
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from engine import config as config_module
from engine.config import RunConfig, type_parts


@dataclass(frozen=True)
class ConfigKey:
    """One key; ``name`` is dotted, and of a list of tables it is as ``sources[].path``.

    ``choices``: the words that it may be, where these are few. ``kind``: text, number, switch, list or table.
    ``default`` is in TOML; empty where there is none ("null"), or where the key must be given.
    """

    name: str
    kind: str
    default: str
    meaning: str
    choices: tuple[str, ...] = ()
    nullable: bool = False


@functools.cache
def config_keys() -> tuple[ConfigKey, ...]:
    """All of them, in the order of the file."""
    return tuple(_keys_of(RunConfig, "", _comments()))


def as_toml(value: object) -> str:
    """A value as TOML writes it; empty for None."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _keys_of(section: type[msgspec.Struct], prefix: str, comments: dict[tuple[str, str], str]) -> Iterator[ConfigKey]:
    hints = get_type_hints(section, include_extras=True)
    for field in msgspec.structs.fields(section):
        name, parts = f"{prefix}{field.name}", list(type_parts(hints[field.name]))
        inner = next((part for part in parts if isinstance(part, type) and issubclass(part, msgspec.Struct)), None)
        if inner is not None:
            yield from _keys_of(inner, f"{name}[]." if tuple in map(_origin, parts) else f"{name}.", comments)
            continue
        default = None if field.default is msgspec.NODEFAULT else field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        kind = _kind(parts)
        words = tuple(part for part in parts if isinstance(part, str))
        choices = ("true", "false") if kind == "switch" else words if kind == "text" else ()
        meaning = comments.get((section.__name__, field.name), "")
        yield ConfigKey(name, kind, as_toml(default), meaning, choices, type(None) in parts)


def _kind(parts: list[Any]) -> str:
    origins = set(map(_origin, parts))
    if dict in origins:
        return "table"
    if tuple in origins:
        return "list"
    if bool in parts:
        return "switch"
    return "number" if {int, float} & {part for part in parts if isinstance(part, type)} else "text"


def _origin(part: Any) -> Any:
    return getattr(part, "__origin__", part)


def _comments() -> dict[tuple[str, str], str]:
    """By section and field: the comment beside the field, and that above it."""
    source = inspect.getsource(config_module)
    own_line: dict[int, str] = {}
    beside: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            (own_line if alone else beside)[token.start[0]] = token.string.lstrip("# ")
    meanings = {}
    for section in ast.parse(source).body:
        if not isinstance(section, ast.ClassDef):
            continue
        for statement in section.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                first, above = statement.lineno, list[str]()
                while first - 1 in own_line:
                    first -= 1
                    above.insert(0, own_line[first])
                meanings[section.name, statement.target.id] = " ".join(
                    [*above, beside.get(statement.lineno, "")]
                ).strip()
    return meanings


def _documentation() -> Iterator[str]:
    yield "# Every key of a config"
    yield ""
    yield "Written by `python -m engine.config_keys` from the comments in `engine/config.py`."
    yield "A key without a default is left out where it is not needed."
    table = None
    for key in sorted(config_keys(), key=lambda key: "." in key.name):  # those of the top first, as TOML wants them
        section, _, name = key.name.rpartition(".")
        if section != table:
            table = section
            title = (
                f"[[{section[:-2]}]]" if section.endswith("[]") else f"[{section}]" if section else "Above all tables"
            )
            yield from ("", f"## {title}", "", "| key | default | meaning |", "|---|---|---|")
        default = f"`{key.default}`" if key.default else ""
        cells = [f"`{name}`", default, " ".join([key.meaning, _words(key)]).strip()]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _words(key: ConfigKey) -> str:
    return f"({', '.join(key.choices)})" if key.choices and key.kind == "text" else ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(_documentation()) + "\n")
