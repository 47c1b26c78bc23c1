"""The views of the table that have names: show one, save the present one, delete one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui import keymap
from tui.dialogs.choose import Chooser
from tui.draw.text import Row, fit
from tui.numbers import visible
from tui.runs import fields
from tui.runs.saved_views import TableView

SAVE = ""  # in place of a name: the present view is to get one


class ViewsScreen(Chooser[str]):
    """Dismissed with a name, SAVE, or None."""

    BINDINGS = keymap.bindings("views")
    name_in_keymap = "views"

    def __init__(self, named: Mapping[str, TableView], delete: Callable[[str], None]) -> None:
        super().__init__("views of the table")
        self._named = dict(named)
        self._names = [*self._named, SAVE]
        self._delete = delete

    @property
    def count(self) -> int:
        return len(self._names)

    def text(self, index: int) -> str:
        name = self._names[index]
        return f"{name} {_about(self._named[name])}" if name else "save the present view"

    def item(self, index: int, width: int) -> Row:
        name = self._names[index]
        if not name:
            return (("save the present view under a name", "title"),)
        shown = fit(visible(name), min(24, width), ellipsis=self.host.glyphs.ellipsis)
        return (shown, "bold"), (f"  {_about(self._named[name])}", "dim")

    def chosen(self, index: int) -> None:
        self.dismiss(self._names[index])

    def action_delete(self) -> None:
        if self.at is not None and (name := self._names[self.at]):
            self._delete(name)
            self._names.remove(name)
            self.refilter()


def _about(view: TableView) -> str:
    parts = [visible(view.filter)] if view.filter else []
    parts.append(f"by {fields.title(view.sort)}")
    if view.group:
        parts.append(f"groups {', '.join(map(fields.title, view.group))}")
    if view.columns is not None:
        parts.append(f"{len(view.columns)} columns")
    return ", ".join(parts)
