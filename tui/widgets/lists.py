"""Lists with a cursor and texts that scroll; both measure in lines and draw only what is in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events

from tui import keymap
from tui.draw.glyphs import Glyphs
from tui.draw.text import Row, fit, fit_row
from tui.widgets.panel import Drawn, Panel, selected


class Moving:
    """Keys that move over lines or items; mixed into a widget that can have the focus.

    The widget has ``BINDINGS`` of its scope in the keymap, and ``move``, ``move_page``, ``move_to`` and ``count``.
    """

    count: int

    def move(self, by: int) -> None:
        raise NotImplementedError

    def move_page(self, pages: int) -> None:
        raise NotImplementedError

    def move_to(self, index: int) -> None:
        raise NotImplementedError

    def action_move_up(self) -> None:
        self.move(-1)

    def action_move_down(self) -> None:
        self.move(1)

    def action_page_up(self) -> None:
        self.move_page(-1)

    def action_page_down(self) -> None:
        self.move_page(1)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.count)


class Cursor:
    """Position in a list and the part of it that is in sight."""

    def __init__(self) -> None:
        self.index = 0
        self.top = 0

    def clamp(self, count: int) -> None:
        self.index = max(0, min(count - 1, self.index))

    def reveal(self, heights: Sequence[int], height: int) -> None:
        """Moves the window so that the item under the cursor is in sight; ``heights`` are lines per item."""
        self.top = min(self.top, self.index)
        while self.top < self.index and sum(heights[self.top : self.index + 1]) > height:
            self.top += 1
        while self.top > 0 and sum(heights[self.top - 1 :]) <= height:
            self.top -= 1  # no empty space below while something is hidden above


def hidden_mark(above: int, below: int, glyphs: Glyphs) -> str:
    """How many are out of sight: ``▲ 3  ▼ 2``; empty where there are none."""
    counts = ((glyphs.scroll[0], above), (glyphs.scroll[1], below))
    return "  ".join(f"{arrow} {count:,}" for arrow, count in counts if count)


class Items(Moving, Drawn, can_focus=True):
    """A list of items, one or more lines each. ``draw(index, width)`` gives the lines of one.

    Where not all fit, the last line counts those out of sight, unless ``tells_hidden`` is off.
    """

    BINDINGS = keymap.bindings("list")
    tells_hidden = True

    def __init__(self, draw: Callable[[int, int], list[Row]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.draw_item = draw
        self.count = 0
        self.cursor = Cursor()
        self.empty: list[Row] = []
        self.moved: Callable[[], object] | None = None  # told when the cursor went elsewhere, by key, click or jump
        self._was_at = 0

    def show(self, count: int) -> None:
        self.count = count
        self.cursor.clamp(count)
        self.redraw()
        if self.cursor.index != self._was_at:
            self._was_at = self.cursor.index
            if self.moved is not None:
                self.moved()

    def move(self, by: int) -> None:
        self.cursor.index += by
        self.show(self.count)

    def move_page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 1))

    def move_to(self, index: int) -> None:
        self.cursor.index = index
        self.show(self.count)

    def rows(self, width: int, height: int) -> list[Row]:
        if not self.count:
            return self.empty
        self.cursor.clamp(self.count)
        # Only items that can be in sight are drawn: 500 cost as much as 30. Each takes a line at least.
        self.cursor.top = max(min(self.cursor.top, self.cursor.index), self.cursor.index - height + 1)
        last = min(self.count, self.cursor.index + height + 1)
        drawn = {index: self.draw_item(index, width) for index in range(max(0, self.cursor.top - height), last)}
        heights = [len(drawn[index]) if index in drawn else 1 for index in range(self.count)]
        told = self.tells_hidden and height > 2 and sum(heights) > height
        height -= told
        self.cursor.reveal(heights, height)
        rows: list[Row] = []
        whole = self.cursor.top  # the first item that does not stand there to its last line
        for index in range(self.cursor.top, min(last, self.count)):
            lines = drawn.get(index) or self.draw_item(index, width)
            at_cursor = index == self.cursor.index
            rows += [selected(fit_row(line, width, self.glyphs.ellipsis)) for line in lines] if at_cursor else lines
            whole += len(rows) <= height
            if len(rows) >= height:
                break
        if told:
            mark = hidden_mark(self.cursor.top, self.count - whole, self.glyphs)
            rows = [*rows[:height], ((fit(f"{mark} ", width, "right"), "dim"),)]
        return rows

    def on_click(self, event: events.Click) -> None:
        y = 0
        for index in range(self.cursor.top, self.count):
            y += len(self.draw_item(index, self.size.width))
            if event.y < y:
                self.move_to(index)
                return

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-1)


class HeadedItems(Items, Panel):
    """A bordered list below lines that stay; in front of the others, its title has a mark."""

    # Textual hands styles down along the first base alone, which is the list: the panel's are said again.
    DEFAULT_CSS = """
    HeadedItems { border: solid $line; border-title-color: $titles; padding: 0 1; }
    HeadedItems.-plain { border: ascii $line; }
    HeadedItems.-front { border: solid $accent; }
    HeadedItems.-front.-plain { border: ascii $accent; }
    """

    tells_hidden = False  # an item grows under the cursor: the counts would jump with every key

    def __init__(self, draw: Callable[[int, int], list[Row]], *, id: str) -> None:
        super().__init__(draw, id=id)
        self._pressed: int | None = None  # the item that the mouse was pressed on

    def on_mount(self) -> None:
        self.set_class(self.glyphs.name == "ascii", "-plain")

    def head(self, width: int) -> list[Row]:
        """The lines that stay."""
        return []

    def entitle(self, title: str, front: bool) -> None:
        self.set_class(front, "-front")
        self.retitle(f"{self.glyphs.cursor} {title}" if front else title)

    def rows(self, width: int, height: int) -> list[Row]:
        head = self.head(width)[: max(0, height - 1)]
        return head + super().rows(width, height - len(head))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """What is under the mouse now: in front, where the click brings it, an item may have more lines."""
        self._pressed = None
        y = event.y - 1 - len(self.head(self.size.width))
        for index in range(self.cursor.top, self.count if y >= 0 else 0):
            y -= len(self.draw_item(index, self.size.width))
            if y < 0:
                self._pressed = index
                return

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()  # the list's own handler knows neither border nor head
        if self._pressed is not None:
            self.move_to(self._pressed)


class Lines(Moving, Panel, can_focus=True):
    """Text that scrolls; at its end it follows what is added. ``layout(width)`` gives all lines."""

    BINDINGS = keymap.bindings("text")

    def __init__(
        self, layout: Callable[[int], list[Row]], title: str = "", *, follow: bool = False, id: str | None = None,
        classes: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(title, id=id, classes=classes)
        self._layout_lines = layout
        self._follow = follow
        self.follows = follow
        self.top = 0
        self.count = 0  # lines
        self.moved: Callable[[], object] | None = None  # told when it was scrolled

    def move(self, by: int) -> None:
        bottom = max(0, self.count - self.size.height)
        self.top = max(0, min(bottom, self.top + by))
        self.follows = self._follow and self.top >= bottom
        self.redraw()
        if self.moved is not None:
            self.moved()

    def move_page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 1))

    def move_to(self, index: int) -> None:
        self.move(index - self.top)

    def rows(self, width: int, height: int) -> list[Row]:
        lines = self._layout_lines(width)
        self.count = len(lines)
        bottom = max(0, len(lines) - height)
        self.top = bottom if self.follows else min(self.top, bottom)
        return lines[self.top : self.top + height]

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-3)
