"""What was told of a run: a file for each alert in its folder, made by whoever tells it first."""

from __future__ import annotations

import os

import msgspec

from engine.alerts.rules import Alert
from engine.files import read_small
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder

_MAX_BYTES = 1 << 16


class ToldAlert(msgspec.Struct, frozen=True, kw_only=True):
    """``alerts/KEY.json``."""

    key: str
    t: float  # unix seconds at which it was claimed
    text: str
    attempt: int
    step: int


def claim(folder: RunFolder, alert: Alert, now: float) -> bool:
    """Takes it on to tell ``alert``; False where somebody has, or where that cannot be written down.

    What is claimed is told once at most: whoever is killed between claim and message leaves it untold.
    """
    record = ToldAlert(key=alert.key, t=now, text=alert.text, attempt=alert.attempt, step=alert.step)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(folder.alerts / f"{alert.key}.json", flags, folder.file_mode())
    except (OSError, RunError):
        return False
    try:
        os.write(fd, msgspec.json.encode(record))
    except OSError:
        pass  # a full disk: the name alone is the claim
    finally:
        os.close(fd)
    return True


def is_claimed(folder: RunFolder, alert: Alert) -> bool:
    return (folder.alerts / f"{alert.key}.json").exists()


def told_alerts(folder: RunFolder) -> list[ToldAlert]:
    """What was told, oldest first; a file that cannot be read is left out."""
    told = []
    for path in folder.alerts.glob("*.json"):
        try:
            told.append(msgspec.json.decode(read_small(path, _MAX_BYTES), type=ToldAlert))
        except (OSError, msgspec.MsgspecError):
            continue
    return sorted(told, key=lambda alert: (alert.t, alert.key))
