"""mAP of every pair of languages as a matrix: the numbers are printed, and the colour repeats them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.export.figures.style import COLUMN_INCHES, PAGE_INCHES, RAMP, plain
from engine.export.run_results import ExportError

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_LEAST_CELL_INCHES = 0.2  # holds "100" at 8 pt
_LABEL_INCHES = 0.35
_HEAD_INCHES = 0.55
_MEAN_OTHER = "mean_other"


def draw_heatmap(frame: Frame) -> Any:
    """The figure: a panel a run, all on one scale, as many side by side as fit a page.

    Raises:
        ExportError: the matrices are empty.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    runs = frame["run"].unique(maintain_order=True).to_list()
    columns = [name for name in frame.columns if name not in ("run", "query_language")]
    if frame[_MEAN_OTHER].is_null().all():  # one language has no others
        columns.remove(_MEAN_OTHER)
    answered = [name for name in columns if name != _MEAN_OTHER]
    narrow = _LABEL_INCHES + _LEAST_CELL_INCHES * (len(columns) + 0.3)
    width = COLUMN_INCHES if narrow <= COLUMN_INCHES else PAGE_INCHES
    across = min(len(runs), 2) if width == COLUMN_INCHES else 1
    down = math.ceil(len(runs) / across)
    cell = (width - _LABEL_INCHES) / (len(columns) + 0.3)
    asked = frame["query_language"].n_unique()
    height = down * (min(cell, 0.4) * asked + _HEAD_INCHES)
    figure = Figure(figsize=(PAGE_INCHES if across == 2 else width, height))
    values = [value for name in columns for value in frame[name].to_list() if value is not None]
    if not values:
        raise ExportError("the runs have no mAP of any pair of languages")
    norm = Normalize(min(values), max(values) if max(values) > min(values) else min(values) + 1)
    ramp = colormaps[RAMP]
    for number, run in enumerate(runs, start=1):
        axes = figure.add_subplot(down, across, number)
        rows = frame.filter(run=run)
        for row, record in enumerate(rows.iter_rows(named=True)):
            for position, name in enumerate(columns):
                value = record[name]
                x = position + (0.3 if name == _MEAN_OTHER else 0)
                if value is not None:
                    axes.add_patch(_square(x, row, ramp(norm(value))))
                same_language = name == record["query_language"]
                axes.text(
                    x + 0.5,
                    row + 0.5,
                    "-" if value is None else f"{100 * value:.0f}",
                    ha="center",
                    va="center",
                    color="black" if value is None else _ink(ramp(norm(value))),
                    fontweight="bold" if same_language else "normal",
                )
        axes.set_xlim(0, len(columns) + (0.3 if _MEAN_OTHER in columns else 0))
        axes.set_ylim(len(rows), 0)
        axes.set_xticks(
            [index + 0.5 + (0.3 if name == _MEAN_OTHER else 0) for index, name in enumerate(columns)],
            [plain(name) for name in answered] + (["oth."] if _MEAN_OTHER in columns else []),
        )
        axes.set_yticks([index + 0.5 for index in range(len(rows))], [plain(name) for name in rows["query_language"]])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(f"{plain(run)}\nmAP × 100, rows ask, columns answer", loc="left")
    return figure


def _ink(colour: Sequence[float]) -> str:
    """Black or white, whichever stands out more: WCAG's relative luminance, where both are equal at 0.179."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def _square(x: float, y: float, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.5)
