"""Name, note, tags and pin of runs: asked for on the table, written in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from engine.runs.annotations import Annotations, annotate, noted, pinned, renamed, tagged
from engine.runs.errors import RunError
from tui.dialogs.enter import EnterScreen
from tui.follow.rows import RunRow
from tui.numbers import visible
from tui.widgets.view import View

Change = Callable[[Annotations], Annotations]


def ask_for_note(view: View, rows: Sequence[RunRow]) -> None:
    if rows:
        text = rows[0].note if len(rows) == 1 else ""
        screen = EnterScreen(f"a note on {_named(rows)}", text, "an empty one takes it away", _wrong_with(noted))
        view.app.push_screen(screen, lambda text: None if text is None else _write(view, rows, noted(text), "noted"))


def ask_for_tags(view: View, rows: Sequence[RunRow]) -> None:
    """Of one run the line has its tags, and what is taken out of it goes. Of several it has those to add."""
    if not rows:
        return
    before = rows[0].tags if len(rows) == 1 else ()

    def change(text: str) -> Change:
        words = text.split()
        removed = tuple(word[1:] for word in words if word[0] == "-")
        added = tuple(word.removeprefix("+") for word in words if word[0] != "-")
        return tagged(added, (*removed, *(tag for tag in before if tag not in added)))

    screen = EnterScreen(
        f"tags of {_named(rows)}", " ".join(before), "words with blanks between them; -word takes one away",
        _wrong_with(change),
    )  # fmt: skip
    view.app.push_screen(screen, lambda text: None if text is None else _write(view, rows, change(text), "tagged"))


def ask_for_name(view: View, row: RunRow) -> None:
    """The id of the run stays; an empty name gives back that of the config."""
    screen = EnterScreen(
        f"another name for {visible(row.id)}", row.name, "an empty one: the name of its config", _wrong_with(renamed)
    )
    view.app.push_screen(screen, lambda name: None if name is None else _write(view, [row], renamed(name), "renamed"))


def pin(view: View, rows: Sequence[RunRow]) -> None:
    """Pins the runs, or where all of them are pinned takes the pins away."""
    if rows:
        on = not all(row.pinned for row in rows)
        first = "it stands first" if len(rows) == 1 else "they stand first"
        _write(view, rows, pinned(on), f"pinned: {first}" if on else "no longer pinned")


def _wrong_with(change: Callable[[str], Change]) -> Callable[[str], str]:
    """One line about a text that cannot be, or nothing."""

    def wrong(text: str) -> str:
        try:
            change(text)
        except RunError as error:
            return visible(str(error))
        return ""

    return wrong


def _write(view: View, rows: Sequence[RunRow], change: Change, done: str) -> None:
    view.steer(partial(_annotate, rows, change, done))


def _annotate(rows: Sequence[RunRow], change: Change, done: str) -> str:
    for row in rows:
        annotate(row.folder, change)
    return f"{_named(rows)} {done}"


def _named(rows: Sequence[RunRow]) -> str:
    return rows[0].name if len(rows) == 1 else f"{len(rows)} runs"
