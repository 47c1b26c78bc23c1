"""``compare`` and ``report``: what runs say, and what they say of one another."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.runs.folder import runs_home
from engine.runs.text import visible
from tui.commands.output import print_json
from tui.commands.plain import align
from tui.commands.run_references import run_reference

if TYPE_CHECKING:
    from engine.export.compare import CompareResult
    from engine.export.compare_rows import CompareRow
from tui.compare.job import spoken
from tui.numbers import margin, metric_change, metric_interval, metric_value, p_value


def compare(options: argparse.Namespace) -> int:
    from engine.export.compare import compare_runs

    home = runs_home(options.runs)
    runs = [run_reference(home, text) for text in options.run]
    baseline = None if options.baseline is None else run_reference(home, options.baseline)
    if baseline is not None and baseline not in runs:
        runs.insert(0, baseline)
    compared = compare_runs(runs, baseline, options.benchmark, options.metric, options.margin)
    if options.json:
        print_json(compared)
    else:
        print("\n".join(_compare_text(compared)))
    return 0


def report(options: argparse.Namespace) -> int:
    """Writes the page, whole or not at all."""
    from engine.export.out_file import check_target, write_file
    from engine.export.page.report_page import report_page

    check_target(options.out)
    home = runs_home(options.runs)
    runs = [run_reference(home, text) for text in options.run]
    baseline = None if options.baseline is None else run_reference(home, options.baseline)
    if baseline is not None and baseline not in runs:
        runs.insert(0, baseline)
    write_file(options.out, report_page(runs, baseline, options.benchmark, options.margin).encode())
    print(f"wrote {options.out}", file=sys.stderr)
    return 0


def _compare_text(compared: CompareResult) -> Iterator[str]:
    """The means first, then every language and pair of languages, then how the checkpoints were chosen."""
    if compared.sampled_of is not None:
        yield f"on a sample of the {compared.sampled_of:,} queries of {compared.benchmark}"
    baseline = visible(compared.baseline)
    yield f"{compared.benchmark}: difference to {baseline}, margin of non-inferiority {margin(compared.margin)}"
    if compared.data_sets:
        yield f"a mean is over the data sets {', '.join(compared.data_sets)}"
    for name, runs in compared.conditions.items():
        if len(runs) > 1:
            yield f"{visible(name)}: seeds of one condition, {', '.join(map(visible, runs))}"
    for means in (True, False):
        if rows := [row for row in compared.rows if row.is_mean == means]:
            yield from ("", *_compare_rows(rows))
    yield ""
    for metric, reason in compared.not_applicable.items():
        yield f"{metric} is not compared: {visible(reason)}"
    for run, rule in compared.selection.items():
        yield f"checkpoint of {visible(run)}: {rule}"


def _compare_rows(rows: Sequence[CompareRow]) -> list[str]:
    over_seeds = any(row.seed_interval is not None for row in rows)
    header = ["run", "setting", "value", "baseline", "difference", "95 % interval", "Holm p"]
    cells = [[*header, *(["over seeds"] if over_seeds else []), "verdict"]]
    for row in rows:
        metric = row.metric
        numbers = [metric_value(metric, row.value), metric_value(metric, row.baseline_value)]
        numbers += [metric_change(metric, row.difference), _interval(metric, row.interval, "too little data")]
        numbers += [p_value(row.p_holm)]
        numbers += [_interval(metric, row.seed_interval, "-")] if over_seeds else []
        cells.append([visible(row.run), row.setting, *numbers, spoken(row)])
    numbers_aligned = align([row[:-1] for row in cells], right_from=2)
    return [f"{line}  {row[-1]}" for line, row in zip(numbers_aligned, cells, strict=True)]


def _interval(metric: str, ends: tuple[float, float] | None, missing: str) -> str:
    return missing if ends is None else metric_interval(metric, ends)
