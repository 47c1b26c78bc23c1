"""The runs in a home folder: list, find, archive, delete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.paths import absolute
from engine.runs.annotations import read_annotations
from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder
from engine.runs.lock import RunLock
from engine.runs.ownership import liveness_of
from engine.runs.watching import unmark

__all__ = [
    "RunBusy",
    "RunError",
    "archive_run",
    "delete_run",
    "find_put_away",
    "find_run",
    "list_put_away",
    "list_runs",
    "restore_run",
    "trash_run",
]

ARCHIVE, TRASH = ".archive", ".trash"
_DONE = {ARCHIVE: "archived", TRASH: "deleted"}
_CANDIDATES_SHOWN = 5


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _Head(msgspec.Struct, frozen=True):
    """The part of spec.json that the list needs; whatever else another release wrote is not read."""

    created: float = 0.0
    config: _Named = _Named()


def list_runs(home: Path) -> list[RunFolder]:
    """Runs of a home, newest first; archived runs and folders without spec.json are left out."""
    runs: list[tuple[float, str, RunFolder]] = []
    try:
        with os.scandir(home) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []
    for name in names:
        folder = RunFolder(home / name)
        try:
            runs.append((_head(folder).created, folder.id, folder))
        except OSError:
            continue
    return [folder for _, _, folder in sorted(runs, key=lambda item: item[:2], reverse=True)]


def require_readable(home: Path) -> None:
    """For who is to say that there are no runs. A home that is not there is empty.

    Raises:
        RunError: it is there, and is no folder or may not be read.
    """
    try:
        os.scandir(home).close()
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{home}: the runs folder cannot be read: {error.strerror}") from None


def unreadable_runs(home: Path) -> list[str]:
    """Names of folders that may be runs and whose spec may not be read, as those of another user."""
    unreadable = []
    try:
        paths = sorted(home.iterdir())
    except OSError:
        return []
    for path in paths:
        try:
            (path / "spec.json").open("rb").close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            unreadable.append(path.name)
    return unreadable


def find_run(home: Path, text: str) -> RunFolder:
    """A run by id, unique name, unique prefix of its id, ``last``, or path.

    Raises:
        RunError: none or several fit, or it is another user's; the message names candidates.
    """
    if os.sep in text or text in (".", ".."):
        return _at_path(absolute(text))
    require_readable(home)
    runs = list_runs(home)
    for folder in runs:
        if folder.id == text:
            return folder
    if text == "last":
        if not runs:
            raise RunError(f"no runs in {home}")
        return runs[0]
    fitting = [folder for folder in runs if _name(folder) == text]
    fitting = fitting or [folder for folder in runs if text and folder.id.startswith(text)]
    if len(fitting) > 1:
        raise RunError(f"{text!r} fits {len(fitting)} runs: {_candidates(fitting)}")
    if fitting:
        return fitting[0]
    if text and (path := absolute(text) / "spec.json").is_file():
        return RunFolder(path.parent)
    if text in unreadable_runs(home):
        raise RunError(f"run {text} cannot be read: it belongs to another user, or its disk does not answer")
    raise RunError(f"no run {text!r} in {home}" + (f", it has {_candidates(runs)}" if runs else ""))


def archive_run(folder: RunFolder) -> RunFolder:
    """Moves a run that nobody works on out of the list, to HOME/.archive/, and returns where it is now.

    Raises:
        RunBusy: it has a live worker.
        RunError: it is no run folder, or belongs to another machine's worker.
    """
    return _put_away(folder, ARCHIVE)


def trash_run(folder: RunFolder) -> RunFolder:
    """Moves a run that nobody works on to HOME/.trash/, from where ``restore_run`` brings it back.

    Raises:
        RunBusy: it has a live worker.
        RunError: it is no run folder, or belongs to another machine's worker.
    """
    return _put_away(folder, TRASH)


def list_put_away(home: Path) -> list[RunFolder]:
    """Runs in HOME/.archive and HOME/.trash, the archived ones first, each newest first."""
    return [folder for name in (ARCHIVE, TRASH) if not (home / name).is_symlink() for folder in list_runs(home / name)]


def find_put_away(home: Path, text: str) -> RunFolder:
    """An archived or deleted run by id, unique name or prefix.

    Raises:
        RunError: none or several fit; one line.
    """
    runs = list_put_away(home)
    fitting = [folder for folder in runs if folder.id == text]
    fitting = fitting or [folder for folder in runs if text and _name(folder) == text]
    fitting = fitting or [folder for folder in runs if text and folder.id.startswith(text)]
    if len(fitting) != 1:
        candidates = f"; there are {_candidates(fitting or runs)}" if runs else ""
        raise RunError(f"{text!r} fits {len(fitting) or 'no'} archived or deleted runs{candidates}")
    return fitting[0]


def restore_run(home: Path, text: str) -> RunFolder:
    """Moves an archived or deleted run back into the list, by id, unique name or prefix, and returns where it is now.

    Raises:
        RunError: none or several fit, or it cannot be moved; one line.
    """
    folder = find_put_away(home, text)
    target = _free_name(home, folder.id)
    try:
        folder.path.rename(target)
    except OSError as error:
        raise RunError(f"{folder.path}: cannot be brought back: {error.strerror}") from None
    return RunFolder(target)


def delete_run(folder: RunFolder) -> None:
    """Deletes the folder of a run that nobody works on; links in it are removed, never followed.

    Raises:
        RunBusy: it has a live worker.
        RunError: it is no run folder, belongs to another machine's worker, or cannot be deleted.
    """
    lock = _lock_idle(folder)
    try:
        unmark(folder)
        # Renamed first: a half-deleted run must not be listed.
        doomed = folder.path.with_name(f".deleting-{folder.id}-{os.urandom(4).hex()}")
        folder.path.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise RunError(f"{folder.path}: cannot be deleted: {error.strerror}") from None
    finally:
        lock.release()


def _put_away(folder: RunFolder, name: str) -> RunFolder:
    lock = _lock_idle(folder)
    try:
        place = folder.path.parent / name
        if folder.path.parent.name in (ARCHIVE, TRASH):
            raise RunError(f"{folder.path}: already {_DONE[folder.path.parent.name]}")
        if place.is_symlink():
            raise RunError(f"{place}: a link, expected a folder")
        place.mkdir(mode=0o700, exist_ok=True)
        target = _free_name(place, folder.id)
        folder.path.rename(target)
    except OSError as error:
        raise RunError(f"{folder.path}: cannot be moved to {name}: {error.strerror}") from None
    finally:
        lock.release()
    return RunFolder(target)


def _lock_idle(folder: RunFolder) -> RunLock:
    if folder.path.is_symlink() or not folder.path.is_dir() or not folder.spec.is_file():
        raise RunError(f"{folder.path}: not a run folder")
    liveness = liveness_of(folder)
    if liveness.alive is None and liveness.owner is not None:
        raise RunError(f"run {folder.id} was last worked on by {liveness.owner.host}; whether it lives is unknown here")
    return RunLock.acquire(folder, wait=0.2)


def _free_name(parent: Path, name: str) -> Path:
    target, number = parent / name, 1
    while target.exists():
        number += 1
        target = parent / f"{name}-{number}"
    return target


def _head(folder: RunFolder) -> _Head:
    try:
        return msgspec.json.decode(folder.spec.read_bytes(), type=_Head)
    except msgspec.MsgspecError:
        return _Head()  # listed last; whoever opens it gets the reason from read_spec


def _name(folder: RunFolder) -> str:
    """What a person has called the run, else the name of its config."""
    return read_annotations(folder).name or _head(folder).config.name


def _at_path(path: Path) -> RunFolder:
    folder = RunFolder(path.resolve())
    if not folder.spec.is_file():
        raise RunError(f"{path}: not a run folder (no spec.json)")
    return folder


def _candidates(runs: Iterable[RunFolder]) -> str:
    ids = [folder.id for folder in runs]
    more = f" and {len(ids) - _CANDIDATES_SHOWN} more" if len(ids) > _CANDIDATES_SHOWN else ""
    return ", ".join(ids[:_CANDIDATES_SHOWN]) + more
