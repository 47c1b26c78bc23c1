"""A form: label, value, and beside it what is wrong with it."""

from __future__ import annotations

import itertools

from textual.content import Content

from tui.draw.text import Row, fit, fit_row
from tui.numbers import visible
from tui.widgets.edit import Form
from tui.widgets.lists import Cursor, hidden_mark
from tui.widgets.panel import Panel, selected

_VALUE = 24  # cells of a value that has a note beside it


class FormPanel(Panel):
    """Shows a form; keys are handled by the screen (tui.widgets.form_keys)."""

    def __init__(self, title: str, form: Form, *, id: str | None = None) -> None:
        super().__init__(title, id=id)
        self.form = form
        self._cursor = Cursor()
        self._told = ""

    def rows(self, width: int, height: int) -> list[Row]:
        rows: list[Row] = [()] * height
        for index, y in self.places():
            rows[y] = self._field(index, width)
        return rows

    def redraw(self) -> None:
        """In its lower border stands how many fields are out of sight."""
        super().redraw()
        shown = self.places() if self.size.height > 0 else []
        above = shown[0][0] if shown else 0
        below = len(self.form.fields) - shown[-1][0] - 1 if shown else 0
        mark = hidden_mark(above, below, self.glyphs)
        if mark != self._told:
            self._told = mark
            self.border_subtitle = Content(mark) if mark else None

    def places(self) -> list[tuple[int, int]]:
        """(field, line) of the fields in sight; with gaps between groups where there is room."""
        fields, height = self.form.fields, self.size.height
        if len(fields) + sum(field.gap for field in fields) <= height:
            gaps = itertools.accumulate(int(field.gap) for field in fields)
            return [(index, index + before) for index, before in enumerate(gaps)]
        self._cursor.index = self.form.index
        self._cursor.reveal([1] * len(fields), height)
        shown = range(self._cursor.top, min(len(fields), self._cursor.top + height))
        return [(index, index - self._cursor.top) for index in shown]

    def _field(self, index: int, width: int) -> Row:
        form, glyphs = self.form, self.glyphs
        one = form.fields[index]
        label_width = max(len(found.label) for found in form.fields) + 2
        error = visible(form.errors.get(one.key, ""))
        room = max(8, width - 2 - label_width)
        found = visible(form.notes.get(one.key, ""))
        noted = error or ((found or one.short) and width >= 70)
        value_width = max(8, min(_VALUE, room // 2)) if noted else room
        at_cursor = index == form.index
        label = ((glyphs.cursor if at_cursor else " ", "key"), (" " + fit(one.label, label_width), "dim"))
        note: Row = ()
        if error:
            note = ((f" {glyphs.bad} {error}", "error"),)
        elif noted:
            note = ((f" {glyphs.good} ", "good"), (found, "dim")) if found else ((f" {one.short}", "dim"),)
        if at_cursor and form.edit is not None:
            return (*label, *form.edit.row(value_width, glyphs.ellipsis), *note)
        text, style = visible(form.values.get(one.key, "")), "error" if error else ""
        if not text:
            text, style = one.empty, "dim"
        if one.choices and at_cursor:
            text = f"< {text} >"
        row: Row = (*label, (fit(text, value_width, ellipsis=glyphs.ellipsis), style), *note)
        return selected(fit_row(row, width, glyphs.ellipsis)) if at_cursor else row
