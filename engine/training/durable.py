"""Folders that are either whole or not there, whatever kills the process or the machine."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Makes ``target`` from what ``fill(folder)`` writes: beside its place, synced, then renamed.

    An existing target is moved aside first, never merged, and removed when the new one is safe. A process killed
    between the two renames leaves the old one aside, where ``present`` finds it.

    Raises:
        OSError: nothing changed, apart from a temporary folder that ``remove_leftovers`` takes away.
    """
    token = secrets.token_hex(4)
    temporary = target.with_name(f".{target.name}.{token}.tmp")
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        _sync_tree(temporary)
        if target.exists():
            target.rename(target.with_name(f".{target.name}.{token}.old"))
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync(target.parent)
    remove_leftovers(target.parent)


def present(parent: Path, prefix: str) -> dict[str, Path]:
    """The folders named ``prefix...`` in ``parent``: name -> where it is, be it aside."""
    aside = {path.name.split(".")[1]: path for path in parent.glob(f".{prefix}*.old")}
    return aside | {path.name: path for path in parent.glob(f"{prefix}*")}


def remove_leftovers(parent: Path) -> None:
    """Takes away what killed processes left: unfinished folders, and old ones that have been replaced."""
    for path in parent.glob(".*.tmp"):
        shutil.rmtree(path, ignore_errors=True)
    for path in parent.glob(".*.old"):
        if (parent / path.name.split(".")[1]).exists():
            shutil.rmtree(path, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            _sync(Path(root) / name)
        _sync(Path(root))


def _sync(path: Path) -> None:
    """fsync of a file or a folder: renames are durable when the folder is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
