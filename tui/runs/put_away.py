"""Archive, delete and bring back: asked first, and never for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from engine.runs.folder import RunFolder
from engine.runs.registry import ARCHIVE, TRASH, list_put_away
from tui import steer
from tui.follow.rows import RunRow
from tui.numbers import short_path, visible
from tui.widgets.view import View


def ask_to_archive(view: View, rows: Sequence[RunRow], hidden: Sequence[RunRow] = ()) -> None:
    """Moves the runs out of sight once that was confirmed; ``hidden``: those of them that the filter hides."""
    if rows := _idle(view, rows, "archived"):
        _ask(view, "Archive", rows, hidden, ARCHIVE, "", steer.archive)


def ask_to_delete(view: View, rows: Sequence[RunRow], hidden: Sequence[RunRow] = ()) -> None:
    """The same, into the trash."""
    if rows := _idle(view, rows, "deleted"):
        freed = " The disk space is free after 'hybrid-tui empty-trash'."
        _ask(view, "Delete", rows, hidden, TRASH, freed, steer.delete)


def _ask(
    view: View,
    verb: str,
    rows: Sequence[RunRow],
    hidden: Sequence[RunRow],
    place: str,
    more: str,
    move: Callable[[Sequence[RunFolder]], str],
) -> None:
    question = [
        f"{verb} {_names(rows)}?",
        *_all_names(rows, hidden),
        f"{_they_move(rows)} to {short_path(view.host.home)}/{place} and can be brought back with u, or with "
        f"'hybrid-tui restore'.{more}",
    ]
    view.host.ask(question, lambda: view.steer(partial(move, [row.folder for row in rows])))


def offer_to_restore(view: View) -> None:
    """Lists what was archived or deleted; enter brings it back."""
    home = view.host.home

    def offer(found: list[RunFolder]) -> None:
        if not found:
            view.say("no run was archived or deleted here", "dim")
            return
        choices = [(folder.id, "deleted" if folder.path.parent.name == TRASH else "archived") for folder in found]

        def bring_back(index: int | None) -> None:
            if index is not None:
                view.steer(partial(steer.restore, home, found[index].id))

        view.host.pick(choices, 0, "bring back", bring_back)

    view.host.background.run(view, lambda: list_put_away(home), offer)


def _idle(view: View, rows: Sequence[RunRow], done: str) -> list[RunRow]:
    """Runs that live are left alone, and named."""
    idle = [row for row in rows if not row.live]
    if len(idle) < len(rows):
        name = next(row.name for row in rows if row.live)
        view.say(f"{visible(name)} is still at work: pause or stop it first; nothing was {done}", "warning")
        return []
    return idle


def _they_move(rows: Sequence[RunRow]) -> str:
    return "They move" if len(rows) > 1 else "It moves"


def _names(rows: Sequence[RunRow]) -> str:
    """In the first line of a question: as many as can be taken in at a glance."""
    return f"{len(rows)} runs" if len(rows) > 3 else ", ".join(visible(row.id) for row in rows)


def _all_names(rows: Sequence[RunRow], hidden: Sequence[RunRow]) -> list[str]:
    """Every run by its id where the first line does not say them; and those that nobody sees on the table now."""
    named = [", ".join(visible(row.id) for row in rows)] if len(rows) > 3 else []
    if unseen := [visible(row.id) for row in hidden if row in rows]:
        named.append(f"The filter hides {', '.join(unseen)}.")
    return named
