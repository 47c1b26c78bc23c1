"""What stands in the table's place while it is empty: what is missing, why, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.runs.registry import ARCHIVE, TRASH, list_put_away
from tui.draw.text import Row


def reading(home: str) -> list[Row]:
    """Before the disk has answered."""
    return [(), (("   reading the runs in ", "dim"), (home, "text"))]


def nothing(home: str, filtered: bool, unread: int, says: Sequence[str]) -> list[Row]:
    """``unread``: runs still to be read; ``says``: what ``describe`` found out."""
    if unread and not filtered:
        return [(), ((f"   reading {unread} runs in ", "dim"), (home, "text"))]
    if filtered:
        return [
            (),
            (("   no run fits the filter", "dim"),),
            (("   ctrl+g", "key"), (" shows all again", "dim")),
        ]
    return [
        (),
        (("   no runs in ", "dim"), (home, "text")),
        *(((f"   {line}", "dim"),) for line in says),
        (),
        (("   n", "key"), (" launches one from a sample config", "dim")),
        (("   ", ""), ("hybrid-tui demo", "text"), (" trains the built-in example", "dim")),
        (("   u", "key"), (" brings back a run that was archived or deleted", "dim")),
        (("   ", ""), ("--runs DIR", "text"), (" or ", "dim"), ("HYBRID_TUI_RUNS", "text"),
         (" names another folder", "dim")),
    ]  # fmt: skip


def describe(home: Path) -> list[str]:
    """Why a folder has no runs, in a line or two. It asks the disk."""
    try:
        names = [path.name for path in home.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return ["the folder is not there: the first run makes it"]
    except OSError as error:
        return [f"the folder cannot be read: {error.strerror}"]
    says = []
    if names:
        says.append(f"{len(names)} {'thing lies' if len(names) == 1 else 'things lie'} there, none with a spec.json")
    else:
        says.append("the folder is empty")
    if away := list_put_away(home):
        deleted = sum(folder.path.parent.name == TRASH for folder in away)
        says.append(f"{len(away) - deleted} runs lie in {ARCHIVE}, {deleted} in {TRASH}")
    return says
