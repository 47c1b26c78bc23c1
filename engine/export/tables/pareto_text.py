"""The Pareto view as plain text: map_monolingual against rank_distance, a letter a condition."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from engine.export.tables.pareto_table import BIAS, QUALITY, with_schedule
from engine.runs.text import visible

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_HEIGHT = 18
_TICKS = 4
_OTHERS = "*"  # conditions after the 26th


def pareto_view(frame: Frame, width: int = 80) -> str:
    """The plot of a pareto table, ending in a newline; letters are listed under it, those on the front marked.

    Conditions that lack one of the two measures are left out; without any, one line says so.
    """
    import plotext

    complete = frame.drop_nulls([QUALITY, BIAS])
    if not len(complete):
        return f"no condition has both {QUALITY} and {BIAS}\n"
    plotext.terminal.limit(False, False)  # the width that was asked for, not that of the terminal
    figure: Any = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, _HEIGHT)
    figure.legend(False)
    letters = []
    for index, record in enumerate(complete.iter_rows(named=True)):
        letter = ascii_uppercase[index] if index < len(ascii_uppercase) else _OTHERS
        figure.draw(figure.signal([record[BIAS]], [record[QUALITY]], marker=letter))
        measured = f"{QUALITY} {record[QUALITY]:.4f}, {BIAS} {record[BIAS]:,.1f}"
        front = ", on the front" if record["front"] else ""
        name = visible(with_schedule(record["condition"], record.get("mono_share_schedule")))
        letters.append(f"{letter}  {name}: {measured}{front}")
    for axis, name, digits in (("x", BIAS, 1), ("y", QUALITY, 3)):
        low, high = _limits(complete[name].to_list())
        ticks = [low + part * (high - low) / _TICKS for part in range(_TICKS + 1)]
        figure.ruler(axis).lim(low, high).ticks(ticks, [f"{tick:,.{digits}f}" for tick in ticks])
    plot: str = figure.build().string(colorless=True)
    figure.clear()
    heading = f"{QUALITY} (up: better) against {BIAS} (left: better), means over seeds"
    return "\n".join([heading, *(line.rstrip() for line in plot.rstrip("\n").split("\n")), *letters, ""])


def _limits(values: list[float]) -> tuple[float, float]:
    """A range with room around the values; points at its ends would be cut."""
    low, high = min(values), max(values)
    room = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    return low - room, high + room
