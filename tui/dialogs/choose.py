"""One of a list, found by a few letters: what all choices, the palette and the charts are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui import keymap
from tui.draw.text import Row, fit, fit_row, width
from tui.numbers import visible
from tui.widgets.dialog import Dialog
from tui.widgets.panel import content_of

Result = TypeVar("Result")
_CELLS = 76
_LINES = 20  # of the list; more is scrolled or found by another letter
_NAMES = (34, 58)  # cells of the names: at least and at most


class Chooser(Dialog[Result]):
    """A list below a line of text: what has all its words stays. Subclasses draw the items and take the chosen one."""

    BINDINGS = keymap.bindings("choose")
    DEFAULT_CSS = """
    Chooser Input { border: none; height: 1; padding: 0; background: $panel; margin-bottom: 1; }
    Chooser Input:focus { border: none; background-tint: $foreground 0%; }
    Chooser OptionList { border: none; height: 1fr; padding: 0; background: $panel; scrollbar-size-vertical: 1; }
    Chooser OptionList > .option-list--option { padding: 0; }
    Chooser OptionList > .option-list--option-highlighted { background: $selected; color: $foreground; }
    Chooser OptionList > .option-list--option-hover { background: $panel; }
    """
    name_in_keymap = "choose"
    cells: ClassVar[int] = _CELLS

    def __init__(self, title: str, placeholder: str = "a few letters find one") -> None:
        super().__init__(title)
        self.search_line = Input(placeholder=placeholder)
        self.options = OptionList(markup=False)
        self.options.can_focus = False  # letters always go to the line above; a click chooses all the same
        self.listed: list[int] = []  # of the items, those that fit what is typed
        self.first = 0  # the item that the cursor is on at the beginning
        self._words: list[str] = []
        self._marked = 0  # place in the list that has the mark

    @property
    def count(self) -> int:
        """How many items there are in all."""
        raise NotImplementedError

    def text(self, index: int) -> str:
        """What of an item is searched."""
        raise NotImplementedError

    def item(self, index: int, width: int) -> Row:
        """The line of an item."""
        raise NotImplementedError

    def chosen(self, index: int) -> None:
        """Enter, or a click."""
        raise NotImplementedError

    @property
    def at(self) -> int | None:
        """The item under the cursor."""
        highlighted = self.options.highlighted
        return self.listed[highlighted] if highlighted is not None and highlighted < len(self.listed) else None

    def body(self) -> ComposeResult:
        yield self.search_line
        yield self.options

    def wanted(self) -> tuple[int, int]:
        return self.cells, min(self.count, _LINES) + 2

    def on_mount(self) -> None:
        self.refilter(self.first)

    def on_resize(self) -> None:
        self.redraw_items()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value.lower().split() != self._words:  # a line that is mounted tells so, too
            self.refilter()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_choose()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self.listed):
            self.chosen(self.listed[event.option_index])

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.redraw_items(self._marked, event.option_index)

    def refilter(self, at: int | None = None) -> None:
        """Lists what fits the words; the cursor goes to the item ``at``, or to the first."""
        self._words = words = self.search_line.value.lower().split()
        self.listed = [index for index in range(self.count) if all(word in self.text(index).lower() for word in words)]
        self.options.clear_options()
        self.options.add_options([Option("") for _ in self.listed])
        if self.listed:
            self.options.highlighted = self.listed.index(at) if at in self.listed else 0
        self.redraw_items()

    def redraw_items(self, *places: int) -> None:
        """Of the list, those at ``places``, or all. Colour alone would not say where the cursor is: a mark does."""
        cells = self.inner_width(self.cells) - 1  # the scroll bar takes one
        self._marked = self.options.highlighted or 0
        for place in places or range(len(self.listed)):
            if not place < min(self.options.option_count, len(self.listed)):
                continue
            index = self.listed[place]
            mark = f"{self.host.glyphs.cursor} " if place == self.options.highlighted else "  "
            row = fit_row(((mark, "key"), *self.item(index, cells - 2)), cells, self.host.glyphs.ellipsis)
            self.options.replace_option_prompt_at_index(place, content_of(row, self.host.palette))

    def action_choose(self) -> None:
        if self.at is not None:
            self.chosen(self.at)

    def action_move_up(self) -> None:
        self.options.action_cursor_up()

    def action_move_down(self) -> None:
        self.options.action_cursor_down()

    def action_page_up(self) -> None:
        self.options.action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        self.options.action_page_down()  # type: ignore[no-untyped-call]

    def action_first(self) -> None:
        self.options.action_first()

    def action_last(self) -> None:
        self.options.action_last()

    def action_close(self) -> None:
        self.dismiss(None)


class ChooseScreen(Chooser[int]):
    """Dismissed with the index of what was chosen, or None."""

    def __init__(self, choices: Sequence[tuple[str, str]], at: int, title: str) -> None:
        super().__init__(title)
        self.choices = choices
        least, most = _NAMES
        longest = max((width(visible(name)) for name, _ in choices), default=0)
        self._names = max(least, min(most, 2 + longest))
        self.first = at

    @property
    def count(self) -> int:
        return len(self.choices)

    def text(self, index: int) -> str:
        return " ".join(self.choices[index])

    def item(self, index: int, width: int) -> Row:
        name, about = self.choices[index]
        shown = fit(visible(name), min(self._names, width), ellipsis=self.host.glyphs.ellipsis)
        return (shown, "bold"), (visible(about), "dim")

    def chosen(self, index: int) -> None:
        self.dismiss(index)
