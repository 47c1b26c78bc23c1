"""What a person has set for all dashboards: one TOML file, read once at the start.

theme = "light"            # auto, dark or light
colours = "256"            # auto, truecolor, 256, 16 or none
charset = "block"          # auto, braille, block or ascii
mouse = false
output = "textual"         # auto sends changed cells alone, textual whatever Textual would send
notify = "bell"            # when a run ends: osc (bell and a notification of the terminal's), bell or off

[rates]                    # seconds between two looks at the disk
live = 1.25                # at live runs and the open one; charts are redrawn as often
others = 3.0               # at all others

[keys]                     # an action's name, in all screens that have it, or in one
stop = "K"
runs.new = ["n", "f4"]
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from engine.config import ConfigError
from engine.paths import expanded
from tui import keymap
from tui.numbers import short_path

Theme = Literal["auto", "dark", "light"]
Colours = Literal["auto", "truecolor", "256", "16", "none"]
Keys = str | list[str]

COLOUR_SYSTEMS = {"truecolor": "truecolor", "256": "256", "16": "standard"}


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds between two looks at the disk; at these a live run is watched for less than 2 % of an old core."""

    live: Annotated[float, msgspec.Meta(ge=0.5, le=60)] = 1.25
    others: Annotated[float, msgspec.Meta(ge=0.5, le=600)] = 3.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The defaults are what a dashboard does without a file."""

    theme: Theme = "auto"
    colours: Colours = "auto"
    charset: Literal["auto", "braille", "block", "ascii"] = "auto"
    mouse: bool = True
    output: Literal["auto", "textual"] = "auto"
    notify: Literal["off", "bell", "osc"] = "osc"
    rates: Rates = Rates()
    keys: dict[str, Keys | dict[str, Keys]] = {}

    def bound(self) -> dict[str, tuple[str, ...]]:
        """Keys by action name, or by ``screen.action``."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in self.keys.items():
            for full, keys in _flat(name, value):
                found[full] = (keys,) if isinstance(keys, str) else tuple(keys)
        return found


def settings_path(environment: Mapping[str, str] = os.environ) -> Path:
    """$XDG_CONFIG_HOME/hybrid-tui/settings.toml, by default in ~/.config."""
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return expanded(base) / "hybrid-tui" / "settings.toml"


def load_settings(path: Path) -> Settings:
    """Reads and checks a settings file.

    Raises:
        ConfigError: one line that names file, line, field and what was expected.
    """
    import tomllib

    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    try:
        settings = msgspec.convert(tomllib.loads(text), Settings)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        table, field, wrong = _explain(str(error))
        name = f"{table}.{field}" if table else field
        raise ConfigError(f"{path}, line {_line_of(text, table, field)}: {name}: {wrong}") from None
    try:
        keymap.rebound(settings.bound())
    except keymap.KeymapError as error:
        screen, _, action = error.name.rpartition(".")
        line = _line_of(text, "keys", error.name) if not screen else _line_of(text, f"keys.{screen}", action)
        raise ConfigError(f"{path}, line {line}: keys.{error.name}: {error}") from None
    return settings


def find_settings(named: Path | None) -> tuple[Settings, str]:
    """The settings, and one line about what is wrong with the usual file, for which the defaults then stand in.

    Raises:
        ConfigError: a file that was ``named`` is missing or wrong.
    """
    if named is not None:
        return load_settings(expanded(named)), ""
    path = settings_path()
    if not path.is_file():
        return Settings(), ""
    try:
        return load_settings(path), ""
    except ConfigError as error:
        told = str(error).replace(str(path), short_path(path), 1)
        return Settings(), f"{told}; the defaults are used"


def _flat(name: str, value: Keys | dict[str, Keys]) -> Iterator[tuple[str, Keys]]:
    if isinstance(value, dict):
        for action, keys in value.items():
            yield f"{name}.{action}", keys
    else:
        yield name, value


def _explain(message: str) -> tuple[str, str, str]:
    """(table, field, what is wrong) of a message of msgspec's."""
    wrong, _, path = message.partition(" - at `$")
    place = path.strip("`").lstrip(".").split("[")[0]
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", wrong):
        known = Rates if place == "rates" else Settings
        return place, unknown[1], f"unknown, expected one of {', '.join(known.__struct_fields__)}"
    table, _, field = place.rpartition(".")
    if wrong.startswith("Invalid enum value") and not table:
        known_fields = {one.name: one.type for one in msgspec.structs.fields(Settings)}
        wrong += f", expected one of {', '.join(get_args(known_fields[field]))}"
    return table, field, wrong[:1].lower() + wrong[1:]


def _line_of(text: str, table: str, field: str) -> int:
    """The line that sets ``field`` in ``table``; where none is found, that of the table, else the first."""
    current, best = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header[1]
            best = number if current == table or (not table and current == field) else best
            continue
        if not (setting := re.match(r"\s*([^=#]+?)\s*=", line)):
            continue
        name = setting[1].replace('"', "").replace("'", "").replace(" ", "")
        full = f"{current}.{name}" if current else name
        if full == (f"{table}.{field}" if table else field):
            return number
        if full == table:
            best = number  # an inline table
    return best
