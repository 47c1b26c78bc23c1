"""What an evaluation has measured so far: a line for each of its benchmarks, the one under way with its progress."""

from __future__ import annotations

from engine.benchmark_names import parse_benchmark_key
from engine.runs.state import EvaluationPoint
from tui.draw.small import progress_bar
from tui.draw.text import Row, fit
from tui.follow.detail import RunDetail
from tui.numbers import count, percent, share, visible
from tui.widgets.lists import Lines

# (heading, metric): shares but for the last, which is in ranks.
_COLUMNS = (
    ("mono", "map_monolingual"), ("cross", "map_crosslingual"), ("pool", "map_multilingual"),
    ("nDCG", "ndcg_at_10"), ("R@100", "recall_at_100"), ("RD", "rank_distance"),
)  # fmt: skip
_CELL = 7
_QUERIES = 14  # cells of the number of queries
_LABEL = 14  # cells of a benchmark's key, at least
_BAR = 16


class MeasuredPanel(Lines):
    """The benchmarks of an evaluation in the order in which they are measured."""

    def __init__(self) -> None:
        super().__init__(self._table, "measured", id="measured")
        self.detail: RunDetail | None = None

    def show(self, detail: RunDetail) -> None:
        self.detail = detail
        done, total = len(detail.benchmarks), detail.row.benchmarks
        self.retitle(f"measured   {done} of {total} benchmarks")
        self.redraw()

    def _table(self, width: int) -> list[Row]:
        if self.detail is None or self.detail.spec is None:
            return []
        detail = self.detail
        specs = self.detail.spec.config.evaluation.benchmarks
        points = {point.benchmark: point for point in detail.evaluations}
        wide = width >= _LABEL + _CELL * len(_COLUMNS) + _QUERIES
        label = max(_LABEL, width - _CELL * len(_COLUMNS) - (_QUERIES if wide else 0))
        headings = "".join(fit(heading, _CELL, "right") for heading, _ in _COLUMNS)
        headings += fit("queries", _QUERIES, "right") if wide else ""
        rows: list[Row] = [((fit("", label), ""), (headings, "dim"))]
        waiting = False
        for key in map(parse_benchmark_key, specs):
            name = (fit(visible(key), label, ellipsis=self.glyphs.ellipsis), "")
            if key in points:
                result = points[key].result
                sample = "" if result.sampled_of is None else f" of {count(result.sampled_of)}"
                queries = fit(f"{count(result.queries)}{sample}", _QUERIES, "right") if wide else ""
                rows.append((name, (_numbers(points[key]) + queries, "")))
            elif detail.row.live and not waiting:
                waiting = True
                rows.append((name, *self._under_way(detail)))
            else:
                rows.append((name, ("  not measured" if not detail.row.live else "  waiting", "dim")))
        return rows

    def _under_way(self, detail: RunDetail) -> Row:
        work = detail.row.work
        if work is None:
            return (("  under way", "dim"),)
        what = visible(work.what).rpartition(": ")[2]
        bar = progress_bar(work.done, work.total, _BAR, self.glyphs) if work.total else ()
        amount = f" {percent(work.done, work.total)}" if work.total else f" {count(work.done)}"
        return ((f"  {what} ", ""), *bar, (amount, "dim"))


def _numbers(point: EvaluationPoint) -> str:
    cells = []
    for _, metric in _COLUMNS:
        value = point.result.metrics.get(metric)
        text = share(value) if metric != "rank_distance" else ("-" if value is None else f"{value:,.0f}")
        cells.append(fit(text, _CELL, "right"))
    return "".join(cells)
