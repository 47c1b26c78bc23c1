"""Files that exports leave: whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from engine.export.found import ExportError


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
    temporary = out.with_name(f".{out.name}.tmp-{uuid4().hex[:12]}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    except OSError as error:
        raise ExportError(f"--out: cannot write {out}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
