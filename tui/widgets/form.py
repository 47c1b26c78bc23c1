"""A form: a line for each field, with a label, what is typed or chosen, and what was found about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tui import keymap
from tui.draw.text import Row, fit
from tui.host import host_of
from tui.numbers import visible
from tui.widgets.field import Field, Note
from tui.widgets.lists import hidden_mark
from tui.widgets.panel import Drawn, Spot, content_of

_VALUE = 24  # cells of a value that has a note beside it
_WITH_NOTES = 70  # cells of a form from which fields have notes; errors always have a place
_PAGE = 8  # fields


class _BetweenFields:
    """Keys that go from one field of a form to another; mixed into what a field is typed or chosen in."""

    post_message: Callable[[Message], bool]

    def action_next_field(self) -> None:
        self.post_message(Form.Left(1))

    def action_previous_field(self) -> None:
        self.post_message(Form.Left(-1))

    def action_fields_down(self) -> None:
        self.post_message(Form.Left(_PAGE))

    def action_fields_up(self) -> None:
        self.post_message(Form.Left(-_PAGE))


class FieldInput(_BetweenFields, Input):
    """A text: whatever is typed goes into it."""

    BINDINGS = keymap.bindings("field")

    def __init__(self, field: Field, value: str) -> None:
        super().__init__(value=value, placeholder=field.empty, select_on_focus=False)

    def insert_text_at_cursor(self, text: str) -> None:
        """What is pasted, without what would drive the terminal."""
        super().insert_text_at_cursor("".join(character for character in text if character.isprintable()))

    def show(self, value: str) -> None:
        """Sets the text without telling the form that it was changed."""
        if value != self.value:
            with self.prevent(Input.Changed):
                self.value = value


class FieldChoice(_BetweenFields, Drawn, can_focus=True):
    """One of several words, or what a list is opened for."""

    BINDINGS: ClassVar = [*keymap.bindings("field"), *keymap.bindings("choice")]

    def __init__(self, field: Field, value: str) -> None:
        super().__init__()
        self.field, self.value = field, value

    def show(self, value: str) -> None:
        self.value = value
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        text, style = visible(self.value), "" if self.value else "dim"
        text = text or self.field.empty
        if self.has_focus:
            text = text if self.field.picks else f"< {text} >"
            style = f"{style} selected".strip()
        return [((fit(text, width, ellipsis=self.glyphs.ellipsis), style),)]

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

    def on_click(self) -> None:
        self.action_list()

    def action_choice_before(self) -> None:
        self._turn(-1)

    def action_choice_after(self) -> None:
        self._turn(1)

    def action_list(self) -> None:
        if self.field.picks:
            self.post_message(Form.Picking(self.field.key))
            return
        choices = self.field.choices
        named = [(choice or self.field.empty, "") for choice in choices]
        at = choices.index(self.value) if self.value in choices else 0
        self.host.pick(named, at, self.field.label, self._chosen)

    def _chosen(self, index: int | None) -> None:
        if index is not None:
            self._take(self.field.choices[index])

    def _turn(self, by: int) -> None:
        if choices := self.field.choices:
            at = choices.index(self.value) + by if self.value in choices else 0
            self._take(choices[at % len(choices)])

    def _take(self, value: str) -> None:
        self.show(value)
        self.post_message(Form.Changed())


class FieldLabel(Drawn):
    """Its name; a mark says that the keys are for this field."""

    def __init__(self, line: FieldLine) -> None:
        super().__init__()
        self._line = line

    def rows(self, width: int, height: int) -> list[Row]:
        mark = self.glyphs.cursor if self._line.control.has_focus else " "
        label = fit(self._line.field.label, max(0, width - 2), ellipsis=self.glyphs.ellipsis)
        return [((mark, "key"), (f" {label}", "dim"))]

    def spots(self) -> Iterable[Spot]:
        yield 0, 0, self._line.control.focus

    def on_click(self) -> None:
        self._line.control.focus()


class FieldNote(Drawn):
    """What is wrong with the field, what was found about it, or what it means in a few words."""

    def __init__(self) -> None:
        super().__init__()
        self.row: Row = ()

    def rows(self, width: int, height: int) -> list[Row]:
        return [self.row]


class FieldLine(Horizontal):
    """One field."""

    def __init__(self, field: Field, value: str) -> None:
        super().__init__()
        self.field = field
        chosen = bool(field.choices) or field.picks
        self.control = FieldChoice(field, value) if chosen else FieldInput(field, value)
        self.label, self.note = FieldLabel(self), FieldNote()
        self.set_class(field.gap, "-gap")

    def compose(self) -> ComposeResult:
        yield self.label
        yield self.control
        yield self.note

    def lay_out(self, cells: int, label_cells: int, error: str, note: Note | None) -> None:
        """Gives label, value and note their cells of so many."""
        room = max(8, cells - 2 - label_cells)
        glyphs = host_of(self).glyphs
        row: Row = ()
        if error:
            row = ((f" {glyphs.bad} {visible(error)}", "error"),)
        elif cells >= _WITH_NOTES and note is not None:
            row = ((f" {glyphs.good} ", "good"), (visible(note.text), "dim")) if note.checked else ()
            row = row or ((f" {visible(note.text)}", "dim"),)
        elif cells >= _WITH_NOTES and self.field.short:
            row = ((f" {self.field.short}", "dim"),)
        self.label.styles.width = label_cells + 2
        self.control.styles.width = max(8, min(_VALUE, room // 2)) if row else "1fr"
        self.note.display = bool(row)
        self.note.row = row
        self.note.redraw()


class Form(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Fields with their texts. Keys belong to the field that has the focus."""

    DEFAULT_CSS = """
    Form { border: solid $line; border-title-color: $titles; padding: 0 1; scrollbar-size: 0 0; height: 1fr; }
    FieldLine { height: 1; width: 1fr; }
    Form.-roomy FieldLine.-gap { margin-top: 1; }
    FieldInput, FieldInput:focus { border: none; height: 1; padding: 0; background: transparent; }
    FieldInput:focus { background: $selected; background-tint: $foreground 0%; }
    FieldChoice, FieldLabel, FieldNote { height: 1; }
    """

    class Changed(Message):
        """A text is another one now."""

    class Moved(Message):
        """Another field has the focus."""

    class Picking(Message):
        """The list of a field that its screen makes is asked for."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Left(Message):
        """From a field to the one that many below it."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(
        self, title: str, fields: Sequence[Field], values: Mapping[str, str], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.lines = [FieldLine(field, values.get(field.key, "")) for field in fields]
        self.errors: Mapping[str, str] = {}
        self.notes: Mapping[str, Note] = {}
        self._title = title
        self._hidden = ""

    def compose(self) -> ComposeResult:
        yield from self.lines

    @property
    def fields(self) -> list[Field]:
        return [line.field for line in self.lines]

    @property
    def values(self) -> dict[str, str]:
        """What every field says now, by its key."""
        return {line.field.key: line.control.value for line in self.lines}

    @property
    def index(self) -> int:
        """Of the field that has the focus, else of the first."""
        return next((index for index, line in enumerate(self.lines) if line.control.has_focus), 0)

    @property
    def field(self) -> Field:
        return self.lines[self.index].field

    def line(self, key: str) -> FieldLine | None:
        """The line of a field, where the form has it."""
        return next((line for line in self.lines if line.field.key == key), None)

    def show(self, values: Mapping[str, str]) -> None:
        """Sets these texts, without telling that they have changed."""
        for line in self.lines:
            if line.field.key in values:
                line.control.show(values[line.field.key])

    def tell(self, errors: Mapping[str, str], notes: Mapping[str, Note]) -> None:
        """What is wrong with fields, and what was found about them, by their keys."""
        self.errors, self.notes = errors, notes
        self.lay_out()

    def replace_field(self, field: Field) -> None:
        """Another meaning or other choices for a field that is there."""
        line = self.line(field.key)
        if line is not None:
            line.field = field
            if isinstance(line.control, FieldChoice):
                line.control.field = field
                line.control.redraw()

    def add_field(self, field: Field, value: str) -> FieldLine:
        """Puts a field behind the others."""
        line = FieldLine(field, value)
        self.lines.append(line)
        if self.is_mounted:
            self.mount(line)
            self.call_after_refresh(self.lay_out)
        return line

    def drop_fields(self, keys: Iterable[str]) -> None:
        """Takes fields away."""
        for line in [line for line in self.lines if line.field.key in set(keys)]:
            self.lines.remove(line)
            line.remove()

    def focus_field(self, key: str) -> None:
        if line := self.line(key):
            line.control.focus()

    def retitle(self, title: str) -> None:
        self._title = title
        self._show_title()

    def lay_out(self) -> None:
        """Cells for labels, values and notes; gaps between groups where there is room."""
        cells, height = self.content_size.width, self.content_size.height
        if cells <= 0:
            return
        gaps = sum(line.field.gap for line in self.lines)
        self.set_class(len(self.lines) + gaps <= height, "-roomy")
        label_cells = min(max(len(line.field.label) for line in self.lines) + 2, max(12, cells // 2))
        for line in self.lines:
            key = line.field.key
            line.lay_out(cells, label_cells, self.errors.get(key, ""), self.notes.get(key))
        self.call_after_refresh(self._count_hidden)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._count_hidden()

    def _count_hidden(self) -> None:
        """In its lower border stands how many lines are out of sight."""
        if not self.is_mounted:
            return
        below = int(self.max_scroll_y - self.scroll_y)
        mark = hidden_mark(int(self.scroll_y), below, host_of(self).glyphs)
        if mark != self._hidden:
            self._hidden = mark
            self.border_subtitle = Content(mark) if mark else None

    def _show_title(self) -> None:
        room = self.outer_size.width - 6
        if not self._title or room <= 0:
            self.border_title = None
            return
        host = host_of(self)
        cut = fit(self._title, room, ellipsis=host.glyphs.ellipsis).rstrip()
        self.border_title = content_of(((cut, ""),), host.palette)

    def on_resize(self, event: events.Resize) -> None:
        self._show_title()
        self.lay_out()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._go(1)

    def on_form_left(self, message: Form.Left) -> None:
        message.stop()
        self._go(message.by)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._mark()
        self.post_message(self.Moved())

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._mark()

    def _mark(self) -> None:
        for line in self.lines:
            line.label.redraw()

    def _go(self, by: int) -> None:
        self.lines[max(0, min(len(self.lines) - 1, self.index + by))].control.focus()
