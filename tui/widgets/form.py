"""A form: label, value, and beside it what is wrong with it."""

from __future__ import annotations

from tui.drawing.cells import Row, fit
from tui.format import visible
from tui.model.edit import Form
from tui.widgets.base import Panel, selected
from tui.widgets.lists import Cursor


class FormPanel(Panel):
    """Shows a form; keys are handled by the screen (tui.screens.forms)."""

    def __init__(self, title: str, form: Form, *, id: str | None = None) -> None:
        super().__init__(title, id=id)
        self.form = form
        self._cursor = Cursor()

    def rows(self, width: int, height: int) -> list[Row]:
        self._cursor.index = self.form.index
        self._cursor.reveal([1] * len(self.form.fields), height)
        shown = range(self._cursor.top, min(len(self.form.fields), self._cursor.top + height))
        return [self._field(index, width) for index in shown]

    def _field(self, index: int, width: int) -> Row:
        form, glyphs = self.form, self.glyphs
        one = form.fields[index]
        label_width = max(len(found.label) for found in form.fields) + 2
        error = visible(form.errors.get(one.key, ""))
        room = max(8, width - 2 - label_width)
        value_width = max(8, min(room, width // 2 - label_width)) if error else room
        at_cursor = index == form.index
        label = ((glyphs.cursor if at_cursor else " ", "key"), (" " + fit(one.label, label_width), "dim"))
        note: Row = ((f" {glyphs.bad} {error}", "error"),) if error else ()
        if at_cursor and form.edit is not None:
            return (*label, *form.edit.row(value_width, glyphs.ellipsis), *note)
        text = visible(form.values.get(one.key, ""))
        if one.choices and at_cursor:
            text = f"< {text} >"
        value = fit(text, value_width, ellipsis=glyphs.ellipsis)
        row: Row = (*label, (value, "error" if error else ""), *note)
        return selected(row) if at_cursor else row
