"""What the export dialog asks, and the writing itself, which is done in a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.runs.folder import RunFolder
from tui.model.edit import Field

TABLES = ("summary", "heatmap", "ranks")
FORMATS = ("csv", "parquet", "json", "markdown", "latex")
SUFFIXES = {"csv": "csv", "parquet": "parquet", "json": "json", "markdown": "md", "latex": "tex"}

FIELDS = (
    Field("table", "table", "summary: a line a run; heatmap: mAP per language pair; ranks: every relevant passage",
          choices=TABLES),
    Field("format", "format", "csv, parquet and json keep every digit; markdown and latex are for reading",
          choices=FORMATS),
    Field("file", "file", "where it is written; folders that are missing are made"),
)  # fmt: skip


def suggest(names: Sequence[str], table: str, format: str) -> str:
    """A file name in the current folder."""
    stem = names[0] if len(names) == 1 else f"{len(names)}-runs"
    safe = "".join(character if character.isalnum() or character in "._-" else "-" for character in stem)
    return f"{safe}-{table}.{SUFFIXES[format]}"


def export(
    runs: Sequence[RunFolder], table: str, format: str, file: str, benchmark: str | None, step: int | None
) -> Path:
    """Builds the table and writes it; returns the absolute path.

    Raises:
        ConfigError, OSError: one line.
    """
    from engine.export.tables import build_table, write  # heavy: polars; never before it is asked for

    out = Path(file).expanduser().absolute()
    frame = build_table(table, [run.path for run in runs], benchmark if table != "summary" else None, step)
    out.parent.mkdir(parents=True, exist_ok=True)
    write(frame, format, out)
    return out
