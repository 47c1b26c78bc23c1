"""A frame as CSV, Parquet, JSON, Markdown or LaTeX.

CSV, Parquet and JSON keep every digit; Markdown and LaTeX are for reading and round.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from engine.events import to_number
from engine.export.found import ExportError
from engine.runs.text import visible

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after a line's end, a bracket or a star would be read as its argument
    "*": "{*}",
}


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
        _check_target(out)
    written = writer(frame)
    if out is not None:
        _write_file(out, written if isinstance(written, bytes) else written.encode())
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
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    def escaped(text: str) -> str:
        return visible(text).replace("\\", "\\\\").replace("|", "\\|")

    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    lines = [
        line([escaped(name) for name in frame.columns]),
        line(["---:" if right else "---" for right in numeric]),
        *(line([escaped(_shown(name, value)) for name, value in row.items()]) for row in frame.iter_rows(named=True)),
    ]
    return "\n".join(lines) + "\n"


def _latex(frame: Frame) -> str:
    def escaped(text: str) -> str:
        characters = (_LATEX.get(character, character) for character in visible(text))
        return re.sub("-(?=-)", "-{}", "".join(characters))  # two hyphens would become a dash

    columns = "".join("r" if dtype.is_numeric() else "l" for dtype in frame.dtypes)
    rows = [
        " & ".join(escaped(_shown(name, value)) or "--" for name, value in row.items())
        for row in frame.iter_rows(named=True)
    ]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            rf"{' & '.join(map(escaped, frame.columns))} \\",
            r"\midrule",
            *(rf"{row} \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


FORMATS: dict[str, Callable[[Frame], str | bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
    "markdown": _markdown,
    "latex": _latex,
}
BINARY_FORMATS = frozenset({"parquet"})


def _shown(column: str, value: Any) -> str:
    """A cell for reading: shares to four places, rank distances to one, nothing for null."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if column == "mono_share":
        return f"{value:g}"
    return f"{value:.1f}" if "rank_distance" in column else f"{value:.4f}"


def _check_target(out: Path) -> None:
    if out.is_dir():
        raise ExportError(f"--out: {out} is a folder, expected a file")
    if out.exists() and not out.is_file():
        raise ExportError(f"--out: {out} is not an ordinary file")
    if not out.parent.is_dir():
        raise ExportError(f"--out: no folder {out.parent}")


def _write_file(out: Path, content: bytes) -> None:
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
