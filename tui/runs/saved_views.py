"""How a person has set the table of runs: kept between starts for each runs folder, and as views with names.

One file, ``$XDG_STATE_HOME/hybrid-tui/runs-table.json``. All functions read or write it and belong in a thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from engine import flock
from engine.files import write_file
from engine.paths import state_folder
from tui.numbers import short_path
from tui.runs import fields
from tui.runs.filter_language import FilterError, parse
from tui.runs.listing import STARTED, STUDY
from tui.runs.table import column

_HOMES = 50  # runs folders whose table is remembered
_WAIT = 2.0  # seconds for another dashboard that writes


class TableView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Columns, order, groups and filter. ``columns`` None: the usual ones."""

    columns: tuple[str, ...] | None = None
    sort: str = STARTED
    backwards: bool = False
    group: tuple[str, ...] = (STUDY,)
    filter: str = ""


USUAL_VIEW = TableView()


class SavedViews(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file; ``homes`` by their absolute paths, the one that was used last at the end."""

    homes: dict[str, TableView] = {}
    named: dict[str, TableView] = {}


def path() -> Path:
    return state_folder() / "runs-table.json"


def load(home: Path) -> tuple[TableView, dict[str, TableView], str]:
    """The table of that runs folder, the views with names, and one line where the file is wrong: then the defaults
    stand in."""
    try:
        saved, problem = _read(), ""
    except (msgspec.MsgspecError, OSError) as error:
        wrong = error.strerror if isinstance(error, OSError) else str(error)
        return USUAL_VIEW, {}, f"{short_path(path())}: {wrong}; the table has its usual columns and order"
    view, wrong = checked(saved.homes.get(str(home), USUAL_VIEW))
    if wrong:
        problem = f"{short_path(path())}: {wrong}; that is left out"
    return view, {name: checked(each)[0] for name, each in saved.named.items()}, problem


def keep(home: Path, view: TableView) -> None:
    """The table of that runs folder, as it is from now on."""

    def change(saved: SavedViews) -> SavedViews:
        homes = {name: each for name, each in saved.homes.items() if name != str(home)}
        return msgspec.structs.replace(saved, homes=dict([*homes.items(), (str(home), view)][-_HOMES:]))

    _change(change)


def keep_named(name: str, view: TableView | None) -> dict[str, TableView]:
    """A view under a name, or none any more; returns all that have one."""

    def change(saved: SavedViews) -> SavedViews:
        named = {key: each for key, each in saved.named.items() if key != name}
        return msgspec.structs.replace(saved, named=named if view is None else {**named, name: view})

    return _change(change).named


def checked(view: TableView) -> tuple[TableView, str]:
    """The view without what this release does not know, and one line about the first of that."""
    wrong = []
    columns = view.columns
    if columns is not None:
        columns = tuple(key for key in columns if _is_column(key))
        wrong += [f"no column {key!r}" for key in view.columns or () if key not in columns]
    group = tuple(key for key in view.group if fields.is_key(key))
    wrong += [f"no key {key!r}" for key in view.group if key not in group]
    sort = view.sort if view.sort == STARTED or fields.is_key(view.sort) else STARTED
    wrong += [f"no key {view.sort!r}"] if sort != view.sort else []
    text = view.filter
    try:
        parse(text)
    except FilterError as error:
        text = ""
        wrong.append(f"filter: {error}")
    return TableView(columns=columns, sort=sort, backwards=view.backwards, group=group, filter=text), "".join(wrong[:1])


def _is_column(key: str) -> bool:
    try:
        column(key)
    except fields.UnknownFieldError:
        return False
    return True


def _read() -> SavedViews:
    try:
        return msgspec.json.decode(path().read_bytes(), type=SavedViews)
    except FileNotFoundError:
        return SavedViews()


def _change(change: Callable[[SavedViews], SavedViews]) -> SavedViews:
    """Of two dashboards that write at once the second one waits. A file that cannot be read is replaced."""
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone():
        try:
            saved = _read()
        except msgspec.MsgspecError:
            saved = SavedViews()
        saved = change(saved)
        write_file(path(), msgspec.json.format(msgspec.json.encode(saved), indent=2) + b"\n", 0o600)
    return saved


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    fd = flock.open_lock_file(path().with_name(".runs-table.lock"), 0o600)
    flock.hold(fd)
    try:
        with contextlib.suppress(OSError):  # no locks on this file system: the last one wins
            flock.wait_exclusive(fd, _WAIT)
        yield
    finally:
        flock.drop(fd)
