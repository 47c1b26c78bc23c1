"""A frame as CSV, Parquet, JSON, Markdown or LaTeX.

CSV, Parquet and JSON keep every digit; Markdown and LaTeX are for reading and round.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.events import to_number
from engine.export.markdown import markdown_table, plain_text
from engine.export.out_file import check_target, write_file
from engine.export.run_results import ExportError
from engine.export.tables.latex import to_latex
from engine.export.tables.rounding import rounded

if TYPE_CHECKING:
    from polars import DataFrame as Frame


def write(frame: Frame, format: str, out: Path | None = None) -> str | bytes:
    """The frame in ``format``, and in the file ``out`` where one is given, which appears whole or not at all.

    Raises:
        ExportError: no such format, one that needs a file, or a path that is not a file's; one line.
    """
    writer = FORMATS.get(format)
    if writer is None:
        raise ExportError(f"unknown format {format!r}, expected one of {', '.join(FORMATS)}")
    if format in BINARY_FORMATS and out is None:
        raise ExportError(f"{format} is binary: name a file with --out")
    if out is not None:
        check_target(out)
    written = writer(frame)
    if out is not None:
        write_file(out, written if isinstance(written, bytes) else written.encode())
    return written


def _csv(frame: Frame) -> str:
    return frame.write_csv()


def _parquet(frame: Frame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _json(frame: Frame) -> str:
    """A list of rows; numbers that JSON has no word for are "NaN", "Infinity" and "-Infinity"."""
    rows = [
        {name: to_number(value) if isinstance(value, float) else value for name, value in row.items()}
        for row in frame.iter_rows(named=True)
    ]
    return msgspec.json.encode(rows).decode() + "\n"


def _markdown(frame: Frame) -> str:
    rows = (
        [plain_text(rounded(name, value, row)) for name, value in row.items()] for row in frame.iter_rows(named=True)
    )
    right = [dtype.is_numeric() for dtype in frame.dtypes]
    return markdown_table([plain_text(name) for name in frame.columns], rows, right) + "\n"


FORMATS: dict[str, Callable[[Frame], str | bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
    "markdown": _markdown,
    "latex": to_latex,
}
BINARY_FORMATS = frozenset({"parquet"})
