"""Where an export goes: ``--out``, checked before anything is computed, and its errors in one line."""

from __future__ import annotations

from pathlib import Path

from engine import files
from engine.export.run_results import ExportError


def check_target(out: Path) -> None:
    """Raises ExportError unless ``out`` can be a file."""
    if out.is_dir():
        raise ExportError(f"--out: {out} is a folder, expected a file")
    if out.exists() and not out.is_file():
        raise ExportError(f"--out: {out} is not an ordinary file")
    if not out.parent.is_dir():
        raise ExportError(f"--out: no folder {out.parent}")


def write_file(out: Path, content: bytes) -> None:
    """Writes a file whole or not at all; an older one of that name is replaced.

    Raises:
        ExportError: no space, or no permission; the older file is untouched.
    """
    try:
        files.write_file(out, content, durable=True)
    except OSError as error:
        raise ExportError(f"--out: cannot write {out}: {error.strerror}") from None
