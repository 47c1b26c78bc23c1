"""The runs of a report against their baseline: differences with intervals and verdicts, as ``compare`` has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.export.compare import CompareResult
from engine.export.compare_rows import CompareRow
from engine.export.figures.forest_plot import differences_frame
from engine.export.page.drawings import drawing
from engine.export.page.html import folded, note, paragraph, table
from engine.export.run_results import RunResult, reason_missing
from engine.export.tables import TABLES
from engine.export.tables.pareto_table import BIAS, QUALITY

_HEADER = ("run", "setting", "value", "baseline", "difference", "95 % interval", "Holm p", "over seeds", "verdict")


def comparison_part(
    compared: CompareResult, results: Sequence[RunResult], labels: Mapping[str, str], suffix: str
) -> str:
    """As HTML.

    Args:
        results: what was compared.
        labels: name of a run -> what the report calls it; conditions of several runs have names of their own.
        suffix: what tells the ids of its figures apart from those of other benchmarks.
    """
    return "\n".join(_parts(compared, results, labels, suffix))


def _parts(
    compared: CompareResult, results: Sequence[RunResult], labels: Mapping[str, str], suffix: str
) -> Iterator[str]:
    baseline = labels.get(compared.baseline, compared.baseline)
    yield paragraph(
        f"Differences to {baseline} on {compared.benchmark}, at a margin of non-inferiority of "
        f"{compared.margin:g}. Intervals are of 95 %, over clusters of questions; p-values are adjusted by Holm."
    )
    if compared.sampled_of is not None:
        yield paragraph(f"Measured on a sample of the {compared.sampled_of:,} queries.")
    if compared.data_sets:
        yield paragraph(f"A mean is over the data sets {', '.join(compared.data_sets)}.")
    for name, runs in compared.conditions.items():
        if len(runs) > 1:
            yield paragraph(f"{name}: seeds of one condition, {', '.join(labels.get(run, run) for run in runs)}.")
    means = [row for row in compared.rows if row.is_mean]
    yield _rows(f"Differences on {compared.benchmark}", means, labels)
    yield drawing(
        "forest",
        lambda: differences_frame([compared]),
        f"Differences to {baseline} on {compared.benchmark}, with 95 % intervals and verdicts.",
        suffix,
    )
    if not compared.data_sets and any(reason_missing(result, BIAS) is None for result in results):
        yield drawing(
            "pareto",
            lambda: TABLES["pareto"](results),
            f"Single-language quality ({QUALITY}) against language bias ({BIAS}) on {compared.benchmark}: means over "
            "seeds, with bars from the lowest seed to the highest.",
            suffix,
        )
    if cells := [row for row in compared.rows if not row.is_mean]:
        yield _counts(cells, labels)
        yield folded(f"All {len(cells):,} differences by language and pair of languages", _rows("", cells, labels))
    for metric, reason in compared.not_applicable.items():
        yield note(f"{metric} is not compared: {reason}.")


def _rows(caption: str, rows: Sequence[CompareRow], labels: Mapping[str, str]) -> str:
    """A row a difference; a column in which no row has anything is left out."""
    cells = [
        [
            labels.get(row.run, row.run),
            row.setting,
            f"{row.value:,.{row.places}f}",
            f"{row.baseline_value:,.{row.places}f}",
            f"{row.difference:+,.{row.places}f}",
            _interval(row.interval, row.places, "too little data"),
            "-" if row.p_holm is None else f"{row.p_holm:.4f}",
            _interval(row.seed_interval, row.places, "-"),
            row.verdict,
        ]
        for row in rows
    ]
    kept = [column for column in range(len(_HEADER)) if column != 7 or any(row[7] != "-" for row in cells)]
    return table(
        caption or "By language and pair of languages",
        [_HEADER[column] for column in kept],
        [[row[column] for column in kept] for row in cells],
        words=(1, len(kept) - 1),
    )


def _counts(rows: Sequence[CompareRow], labels: Mapping[str, str]) -> str:
    """In how many languages or pairs each measure is higher, lower or neither."""
    judge: Callable[[CompareRow], str] = lambda row: (  # noqa: E731
        "undecided" if not row.different else "higher" if row.difference > 0 else "lower"
    )
    counts = Counter((row.run, row.metric, judge(row)) for row in rows)
    lines = [
        [labels.get(run, run), metric, *(f"{counts[run, metric, kind]:,}" for kind in ("higher", "lower", "undecided"))]
        for run, metric in dict.fromkeys((row.run, row.metric) for row in rows)
    ]
    return table(
        "In how many languages or pairs of them it differs", ["run", "measure", "higher", "lower", "undecided"], lines,
        words=(1,),
    )  # fmt: skip


def _interval(ends: tuple[float, float] | None, places: int, missing: str) -> str:
    return missing if ends is None else f"[{ends[0]:+,.{places}f}, {ends[1]:+,.{places}f}]"
