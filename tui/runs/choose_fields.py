"""Which fields, and in what order: the columns of the table, or what runs are grouped by."""

from __future__ import annotations

from collections.abc import Sequence

from tui import keymap
from tui.dialogs.choose import Chooser
from tui.draw.text import Row, fit
from tui.runs import fields


class FieldsScreen(Chooser[tuple[str, ...]]):
    """Dismissed with the keys that are chosen. They stand first, in their order; the others follow."""

    BINDINGS = keymap.bindings("fields")
    name_in_keymap = "fields"

    def __init__(self, title: str, chosen: Sequence[str], usual: Sequence[str], keys: Sequence[str]) -> None:
        super().__init__(title, "a few letters of a key, such as lr or map")
        self.keys = list(chosen)
        self._usual, self._others = list(usual), list(dict.fromkeys((*usual, *keys)))
        self._all: list[str] = []
        self._order()

    @property
    def count(self) -> int:
        return len(self._all)

    def text(self, index: int) -> str:
        key = self._all[index]
        return f"{key} {fields.title(key)} {_about(key)}"

    def item(self, index: int, width: int) -> Row:
        key, glyphs = self._all[index], self.host.glyphs
        chosen = key in self.keys
        mark = (f"{glyphs.good} " if chosen else "  ", "good")
        name = (fit(key, min(40, max(1, width - 4)), ellipsis=glyphs.ellipsis), "bold" if chosen else "")
        return mark, name, (f"  {_about(key)}", "dim")

    def chosen(self, index: int) -> None:
        """Adds the field behind the others, or takes it out."""
        key = self._all[index]
        if key in self.keys:
            self.keys.remove(key)
        else:
            self.keys.append(key)
        self._changed(key)

    def action_show_or_hide(self) -> None:
        self.action_choose()

    def action_earlier(self) -> None:
        self._shift(-1)

    def action_later(self) -> None:
        self._shift(1)

    def action_usual(self) -> None:
        self.keys = list(self._usual)
        self._changed(self.keys[0] if self.keys else "")

    def action_close(self) -> None:
        self.dismiss(tuple(self.keys))

    def _shift(self, by: int) -> None:
        if self.at is None or (key := self._all[self.at]) not in self.keys:
            return
        at = self.keys.index(key)
        to = max(0, min(len(self.keys) - 1, at + by))
        self.keys.insert(to, self.keys.pop(at))
        self._changed(key)

    def _changed(self, key: str) -> None:
        self._order()
        self.refilter(self._all.index(key) if key in self._all else 0)

    def _order(self) -> None:
        self._all = [*self.keys, *(key for key in self._others if key not in self.keys)]


def _about(key: str) -> str:
    return "losses of the last stretch" if key == "spark" else fields.field(key).about
