"""Differences with their verdicts: the rows of a comparison, intervals as two columns each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.export.compare import CompareResult, compare_results, compare_suite_results
from engine.export.compare_rows import CompareRow
from engine.export.run_results import RunResult

if TYPE_CHECKING:
    from polars import DataFrame as Frame


def compare_table(results: Sequence[RunResult]) -> Frame:
    """The rows of a comparison with the first run, intervals as two columns each."""
    return _table(compare_results(results))


def compare_suite_table(results: Sequence[RunResult], suite: str) -> Frame:
    """The same over the data sets of a suite."""
    return _table(compare_suite_results(results, suite))


def _table(compared: CompareResult) -> Frame:
    import polars as pl

    text = ("run", "setting", "verdict", "metric", "query_language", "passage_language", "basis", "benchmark")
    rows = []
    for row in compared.rows:
        record = msgspec.structs.asdict(row)
        for name in ("interval", "seed_interval"):
            record[f"{name}_low"], record[f"{name}_high"] = record.pop(name) or (None, None)
        rows.append(record)
    order = [name for name in CompareRow.__struct_fields__ if "interval" not in name]
    index = order.index("difference") + 1
    order[index:index] = ["interval_low", "interval_high"]
    order += ["seed_interval_low", "seed_interval_high"]
    kinds = {
        "different": pl.Boolean,
        "not_inferior": pl.Boolean,
        "clusters": pl.Int64,
        **dict.fromkeys(text, pl.String),
    }
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in order})
