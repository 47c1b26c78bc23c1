"""Any key of the config, found by a few letters of its name or meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from engine.config_keys import ConfigKey
from tui.dialogs.choose import Chooser
from tui.draw.text import Row, fit, fit_middle
from tui.numbers import visible

_CELLS = 110
_NAME, _VALUE, _DEFAULT = 32, 18, 12  # cells


class EveryKeyScreen(Chooser[str]):
    """Dismissed with the name of the key that is to be set."""

    cells: ClassVar[int] = _CELLS

    def __init__(self, keys: Sequence[tuple[str, ConfigKey]], values: Mapping[str, str]) -> None:
        super().__init__("any key: its value, its default, its meaning", "a few letters of its name or meaning")
        self.keys, self.values = keys, values

    @property
    def count(self) -> int:
        return len(self.keys)

    def text(self, index: int) -> str:
        name, key = self.keys[index]
        return f"{name} {key.meaning}"

    def item(self, index: int, width: int) -> Row:
        name, key = self.keys[index]
        ellipsis = self.host.glyphs.ellipsis
        value, default = visible(self.values.get(name, "")), key.default.strip('"')
        row: Row = (
            (fit_middle(name, min(_NAME, width), ellipsis) + " ", "bold"),
            (fit(value, _VALUE, ellipsis=ellipsis) + " ", "" if value != default else "dim"),
        )
        if width >= _NAME + _VALUE + _DEFAULT + 20:
            row += ((fit(default, _DEFAULT, ellipsis=ellipsis) + " ", "dim"),)
        return (*row, (key.meaning, "dim"))

    def chosen(self, index: int) -> None:
        self.dismiss(self.keys[index][0])
