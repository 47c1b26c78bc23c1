"""What arrows and page keys do where a cursor moves over rows and columns."""

from __future__ import annotations


class Arrows:
    """A part of a screen or widget, which says where ``_move`` goes."""

    def action_move_up(self) -> None:
        self._move(-1, 0)

    def action_move_down(self) -> None:
        self._move(1, 0)

    def action_move_left(self) -> None:
        self._move(0, -1)

    def action_move_right(self) -> None:
        self._move(0, 1)

    def _move(self, rows: int, columns: int) -> None:
        raise NotImplementedError


class CellCursor(Arrows):
    """Page keys and home as well; the widget says how far a page is, and goes as near to a place as it has cells."""

    def action_page_up(self) -> None:
        self._move(-self._page(), 0)

    def action_page_down(self) -> None:
        self._move(self._page(), 0)

    def action_first(self) -> None:
        self.move_to(0, 0)

    def move_to(self, row: int, column: int) -> None:
        raise NotImplementedError

    def _page(self) -> int:
        raise NotImplementedError
