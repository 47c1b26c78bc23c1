"""What the export dialog asks, and the writing itself, which is done in a worker thread."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.config_error import ConfigError
from engine.export.figures import FIGURES, draw_figure
from engine.export.figures import FORMATS as FIGURE_FORMATS
from engine.export.tables import TABLES, build_table, write
from engine.export.tables.formats import FORMATS as TABLE_FORMATS
from engine.paths import absolute
from engine.runs.folder import RunFolder
from tui.widgets.field import Field

FIGURE = "figure: "
KINDS = (*TABLES, *(FIGURE + name for name in FIGURES))
SUFFIXES = {"markdown": "md", "latex": "tex"}  # the others are their own
MISSING = "figures need matplotlib: pip install 'hybrid-tui[figures]'"

_OF_ALL_BENCHMARKS = ("summary", "paper")
_MEANINGS = {
    "summary": "a line a run and benchmark: what was trained, and every metric",
    "heatmap": "mAP per pair of question and passage language",
    "ranks": "every relevant passage with its ranks: the numbers that all others are made from",
    "bias": "every measure of language bias, by language; what cannot be measured with the reason",
    "compare": "differences to the first run, with intervals, Holm's p and verdicts",
    "pareto": "a line a condition: map_monolingual against rank_distance, and who is on the front",
    "paper": "these runs beneath the published rows of arXiv 2408.10536, and what differs in protocol",
    "figure: loss": "the loss curves, smoothed",
    "figure: heatmap": "mAP per language pair, drawn",
    "figure: ranks": "distributions of the rank distance, drawn",
    "figure: pareto": "map_monolingual against rank_distance, drawn",
    "figure: forest": "every difference to the first run, with interval, margin and verdict, drawn",
}

FIELDS = (
    Field("table", "what", "a table or a figure; left and right choose", choices=KINDS),
    Field("format", "format", "csv, parquet and json keep every digit; markdown and latex are for reading",
          choices=tuple(TABLE_FORMATS)),
    Field("file", "file", "where it is written; folders that are missing are made"),
)  # fmt: skip


def fields(kind: str) -> tuple[Field, ...]:
    """The fields for a table or figure: its formats are the choices of the second."""
    first, second, third = FIELDS
    first = replace(first, meaning=_MEANINGS.get(kind, first.meaning))
    if kind.startswith(FIGURE):
        meaning = "svg and pdf can be enlarged without loss; png is for slides"
        second = replace(second, choices=tuple(FIGURE_FORMATS), meaning=meaning)
    return first, second, third


def missing(kind: str) -> str:
    """What has to be installed first; empty when all is there."""
    return MISSING if kind.startswith(FIGURE) and importlib.util.find_spec("matplotlib") is None else ""


def suggest(names: Sequence[str], table: str, format: str) -> str:
    """A file name in the current folder."""
    stem = names[0] if len(names) == 1 else f"{len(names)}-runs"
    safe = "".join(character if character.isalnum() or character in "._-" else "-" for character in stem)
    return f"{safe}-{table.removeprefix(FIGURE)}.{SUFFIXES.get(format, format)}"


def export(
    runs: Sequence[RunFolder], table: str, format: str, file: str, benchmark: str | None, step: int | None
) -> Path:
    """Builds the table or draws the figure and writes it; returns the absolute path.

    Raises:
        ConfigError, OSError: one line.
    """
    out = absolute(file)
    paths = [run.path for run in runs]
    out.parent.mkdir(parents=True, exist_ok=True)
    if table.startswith(FIGURE):
        draw_figure(table.removeprefix(FIGURE), format, paths, benchmark, step, out)
        return out
    frame = build_table(table, paths, None if table in _OF_ALL_BENCHMARKS else benchmark, step)
    write(frame, format, out)
    return out


def as_markdown(runs: Sequence[RunFolder], table: str, benchmark: str | None, step: int | None) -> str:
    """A table as text for a clipboard.

    Raises:
        ConfigError, OSError: one line.
    """
    if table.startswith(FIGURE):
        raise ConfigError("a figure cannot be copied as text: choose a table")
    with tempfile.TemporaryDirectory(prefix="hybrid-tui-") as folder:
        return export(runs, table, "markdown", str(Path(folder) / "table.md"), benchmark, step).read_text("utf-8")
