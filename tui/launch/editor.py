"""The whole config in a person's own editor, while the dashboard waits."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported


@dataclass(frozen=True)
class Edited:
    """A text as the editor left it, and the file that still holds it."""

    text: str
    path: Path

    def remove(self) -> None:
        """Takes the file away, once its text is safe elsewhere."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


def command_of(environment: Mapping[str, str]) -> list[str] | None:
    """The editor in words; None where none is set."""
    set_to = environment.get("VISUAL") or environment.get("EDITOR")
    return shlex.split(set_to) if set_to and set_to.strip() else None


def edit(app: App[Any], command: list[str], text: str, before: Edited | None) -> Edited | str:
    """Opens the editor on ``text``, or on what ``before`` could not be taken over; or one line why there was none."""
    try:
        path = before.path if before is not None else Path(tempfile.mkdtemp(prefix="hybrid-tui-")) / "config.toml"
        if before is None:
            path.write_text(text, encoding="utf-8")
        with app.suspend():
            status = subprocess.run([*command, str(path)], check=False).returncode
        edited = Edited(path.read_text(encoding="utf-8"), path)
    except SuspendNotSupported:
        return "no editor here: this terminal cannot be handed over"
    except UnicodeDecodeError:
        return f"{path}: not UTF-8 text"
    except OSError as error:
        return f"{command[0]}: {error.strerror or error}"
    if status:
        return f"{command[0]} ended with status {status}: nothing was taken over; its text is in {path}"
    return edited
