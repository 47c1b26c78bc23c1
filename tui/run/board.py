"""Which charts the overview shows, in which order and how large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui.follow.charts import Chart
from tui.follow.measures import LOSS
from tui.run.viewport import Viewport

_LEAST_LEADING, _LEAST_LINES, _LEAST_CELLS = 12, 9, 38  # of the large chart, and of the others


@dataclass
class Board:
    """``hidden`` charts are left out; ``leading`` is the large one; ``turned`` have the axis that is unusual there."""

    leading: str = LOSS
    hidden: frozenset[str] = frozenset()
    turned: frozenset[str] = frozenset()
    viewport: Viewport = field(default_factory=Viewport)

    def in_order(self, charts: Sequence[Chart]) -> list[Chart]:
        """The leading chart, those after it, and then those before it; never empty while there are charts."""
        kept = [chart for chart in charts if chart.name not in self.hidden] or list(charts[:1])
        at = next((index for index, chart in enumerate(kept) if chart.name == self.leading), 0)
        return [*kept[at:], *kept[:at]]

    def lead(self, charts: Sequence[Chart], by: int) -> str:
        """Makes the next chart the leading one; its name."""
        ordered = self.in_order(charts)
        if ordered:
            self.leading = ordered[by % len(ordered)].name
        return self.leading

    def log_axis(self, chart: Chart) -> bool:
        return chart.log != (chart.name in self.turned)

    def turn_axis(self, charts: Sequence[Chart]) -> None:
        """The leading chart's axis: linear if it is logarithmic, and the other way round."""
        ordered = self.in_order(charts)
        if ordered:
            self.turned ^= {ordered[0].name}


def arrange(width: int, height: int, others: int) -> tuple[int, list[int]]:
    """(columns, lines of each row) for one large chart and as many of the others as fit below it."""
    most_columns = max(1, width // _LEAST_CELLS)
    most_rows = max(0, (height - _LEAST_LEADING) // _LEAST_LINES)
    if not others or not most_rows:
        return 1, [height]
    columns = next(
        (columns for columns in range(1, most_columns + 1) if -(-others // columns) <= most_rows), most_columns
    )
    rows = min(most_rows, -(-others // columns))
    small = max(_LEAST_LINES, height // (rows + 2))
    return columns, [height - rows * small, *[small] * rows]
