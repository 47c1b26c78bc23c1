"""Choosing what a run is held against, and reading it: again whenever it has been evaluated anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tui.background import Owner
from tui.follow.detail import RunDetail
from tui.follow.rows import RunRow
from tui.host import Host
from tui.run.contrast import Contrast, Opponent, Other, opponents_of, read_other
from tui.run.selection import Selection


class OpponentReader:
    """Sets ``selection.contrast``, and calls ``turned`` with what is to be said of it."""

    def __init__(self, owner: Owner, host: Callable[[], Host], turned: Callable[[str, str], None]) -> None:
        self._owner, self._host, self._turned = owner, host, turned
        self._asked: object = None  # what was read last, or is being read

    def choose(self, detail: RunDetail, selection: Selection, rows: Sequence[RunRow], with_steps: bool) -> None:
        """``with_steps``: the run's own evaluations are among the choices."""
        point = selection.point(detail)
        steps = [each.step for each in selection.points(detail) if each is not point] if with_steps else []
        opponents = opponents_of(detail, steps, rows)

        def chosen(index: int | None) -> None:
            if index is not None:
                self._take(opponents[index], detail, selection, with_steps)

        names = [(opponent.name, opponent.about) for opponent in opponents]
        self._host().pick(names, _present(opponents, selection.contrast), "difference to", chosen)

    def refresh(self, selection: Selection, rows: Sequence[RunRow]) -> None:
        """Reads the other run again once it has been evaluated anew."""
        other = selection.contrast.other if selection.contrast is not None else None
        if other is None:
            return
        row = next((row for row in rows if row.folder == other.folder), None)
        if row is not None and row.evaluated not in (other.evaluated, self._asked):
            self._asked = row.evaluated

            def take(fresh: Other) -> None:
                contrast = selection.contrast
                if contrast is not None and contrast.other is not None and contrast.other.folder == fresh.folder:
                    selection.contrast = Contrast(other=fresh)
                    self._turned("", "")

            self._host().background.run(self._owner, partial(read_other, row, other.name), take)

    def _take(self, opponent: Opponent, detail: RunDetail, selection: Selection, needs_evaluation: bool) -> None:
        if opponent.row is None:
            selection.contrast = Contrast(step=opponent.step) if opponent.step is not None else None
            self._turned(f"against {opponent.name}" if opponent.step is not None else "no difference", "dim")
            return

        def take(other: Other) -> None:
            selection.contrast = Contrast(other=other)
            if needs_evaluation and selection.against(detail) is None:
                self._turned(f"{other.name} has no evaluation on this benchmark", "warning")
            else:
                self._turned(f"against {other.name}", "dim")

        self._host().tell(f"reading {opponent.name}", "dim")
        self._asked = opponent.row.evaluated
        self._host().background.run(self._owner, partial(read_other, opponent.row, opponent.name), take)


def _present(opponents: Sequence[Opponent], contrast: Contrast | None) -> int:
    """Where the present one stands among them."""
    if contrast is None:
        return 0
    for index, opponent in enumerate(opponents):
        if contrast.other is not None and opponent.row is not None and opponent.row.folder == contrast.other.folder:
            return index
        if contrast.other is None and opponent.step is not None and opponent.step == contrast.step:
            return index
    return 0
