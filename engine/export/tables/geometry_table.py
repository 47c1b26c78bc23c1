"""The measures of the vectors themselves as one long table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.export.run_results import ExportError, RunResult, only_benchmark

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_Row = tuple[
    str, str, str | None, str | None, float | None, float | None, float | None, float | None, int | None, str | None
]


def geometry_table(results: Sequence[RunResult]) -> Frame:
    """One row per run, side (queries or candidates), measure and languages; the mean has none of them.

    ``null`` is the mean's, as docs/measures.md has it. Between two languages each pair comes once; uniformity also has
    each language with itself. A measure that does not apply has no value, and ``not_applicable`` says why.
    """
    import polars as pl

    only_benchmark(results)
    rows = [(result.run, *row) for result in results for row in _rows(result)]
    schema = {
        "run": pl.String,
        "side": pl.String,
        "measure": pl.String,
        "language": pl.String,
        "other_language": pl.String,
        "value": pl.Float64,
        "interval_low": pl.Float64,
        "interval_high": pl.Float64,
        "null": pl.Float64,
        "texts": pl.Int64,
        "not_applicable": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _rows(result: RunResult) -> Iterator[_Row]:
    vectors = result.summary.vectors
    if not vectors:
        raise ExportError(f"{result.run}: its results have no measures of vectors: evaluate it again")
    for side, found in vectors.items():
        for name, one in found.measures.items():
            low, high = one.interval or (None, None)
            yield side, name, None, None, one.mean, low, high, one.null, found.texts, None
            for language, value in one.by_language.items():
                yield side, name, language, None, value, None, None, None, found.texts, None
            for language, row in one.by_pair.items():
                for other, value in row.items():
                    yield side, name, language, other, value, None, None, None, found.texts, None
        for name, reason in found.not_applicable.items():
            yield side, name, None, None, None, None, None, None, None, reason
