"""What the four arrows do where a cursor moves over rows and columns."""

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
