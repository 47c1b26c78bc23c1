"""One benchmark or suite in a study's report: means, differences with verdicts, and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from engine.export.compare_rows import CompareRow
from engine.export.markdown import plain_text
from engine.export.report.bias_means import bias_means_table
from engine.export.report.cells import interval_text, text_table
from engine.export.report.contents import BenchmarkReport, StudyReport
from engine.export.report.document import Block, bullets
from engine.export.report.pictures import benchmark_pictures
from engine.export.study_comparisons import StudyComparison
from engine.export.study_results import StudyResults
from engine.export.tables.rounding import rounded

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_MANY = 12  # data sets: as columns they would not fit


def benchmark_section(
    report: StudyReport,
    study: StudyResults,
    compared: StudyComparison,
    found: BenchmarkReport,
    means: Frame | None,
) -> Iterator[Block]:
    """Without its heading; ``means`` are None where nothing was measured."""
    if found.reason:
        yield plain_text(f"It could not be compared: {found.reason}.")
    if means is None:
        return
    yield "### Means over seeds"
    yield _means_table(found, means)
    if "front" in means.columns:
        yield "front: no other condition has both a higher map_monolingual and a lower rank_distance."
    if found.bias:
        yield "### Bias and its opposite"
        yield (
            "Means over question languages and seeds. In brackets: what a measure would be on the same rankings if "
            "languages did not matter, which is where a model without language bias stands."
        )
        yield bias_means_table(found.bias)
    if found.comparison is None:
        return
    rows = found.comparison.rows
    yield f"### Differences to {plain_text(report.baseline)}"
    yield _differences([row for row in rows if row.is_mean])
    if found.comparison.not_applicable:
        yield bullets(
            [plain_text(f"Not applicable: {', '.join(names)}: {reason}.") for reason, names in _by_reason(found)]
        )
    if any(not row.is_mean for row in rows):
        yield "By language and pair of languages, after Holm's adjustment over the cells of each metric:"
        yield _cell_counts(found)
    if not found.data_sets:
        yield from benchmark_pictures(study, compared, means, of_several=len(report.benchmarks) > 1)


def _by_reason(found: BenchmarkReport) -> Iterable[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for metric, reason in ({} if found.comparison is None else found.comparison.not_applicable).items():
        groups.setdefault(reason, []).append(metric)
    return groups.items()


def _means_table(found: BenchmarkReport, means: Frame) -> str:
    if len(found.data_sets) > _MANY:
        lines = [
            [name, *("-" if value is None else f"{value:.4f}" for value in means[name])]
            for name in (found.primary, *found.data_sets)
        ]
        return text_table(["data set", *means["condition"]], lines, [False, *[True] * means.height])
    cells = [[rounded(name, value, row) or "-" for name, value in row.items()] for row in means.iter_rows(named=True)]
    return text_table(means.columns, cells, [dtype.is_numeric() for dtype in means.dtypes])


def _differences(rows: Sequence[CompareRow]) -> str:
    header = [
        *("condition", "metric", "value", "baseline", "difference", "95 % interval", "interval over seeds", "Holm p"),
        "verdict",
    ]
    lines = []
    for row in rows:
        numbers = [rounded("value", value, {"measure": row.metric}) for value in (row.value, row.baseline_value)]
        places = len(numbers[0].partition(".")[2])
        difference = f"{row.difference:+.{places}f}"
        intervals = [interval_text(ends, places) for ends in (row.interval, row.seed_interval)]
        p = "-" if row.p_holm is None else f"{row.p_holm:.4f}"
        lines.append([row.run, row.setting, *numbers, difference, *intervals, p, row.verdict])
    return text_table(header, lines, [False, False, *[True] * 6, False])


def _cell_counts(found: BenchmarkReport) -> str:
    """In how many cells each metric is higher, lower or neither."""
    rows = [] if found.comparison is None else [row for row in found.comparison.rows if not row.is_mean]
    lines = []
    for condition in dict.fromkeys(row.run for row in rows):
        for metric in dict.fromkeys(row.metric for row in rows):
            cells = [row for row in rows if (row.run, row.metric) == (condition, metric)]
            counts = Counter("undecided" if not row.different else row.difference > 0 for row in cells)
            lines.append([condition, metric, *(str(counts[kind]) for kind in (True, False, "undecided"))])
    return text_table(["condition", "metric", "higher", "lower", "undecided"], lines, [False, False, True, True, True])
