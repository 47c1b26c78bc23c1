"""Queries and what was ranked for them in one document: what the ``queries`` command prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.export.queries import Cell, Order, Ranking, WorstQueries, rankings, worst_queries
from engine.export.run_results import ExportError, FoundResult
from engine.export.texts import load_texts

if TYPE_CHECKING:
    from engine.progress import Tick


class QueryReport(msgspec.Struct, frozen=True, kw_only=True):
    """Queries with what was ranked for each, and by the other evaluation where there is one."""

    found: WorstQueries
    rankings: list[Ranking]  # one a row of ``found``
    against: list[Ranking]  # the same of the other evaluation, or empty


def query_report(
    result: FoundResult, cell: Cell, limit: int, *, query_id: str | None = None, against: FoundResult | None = None,
    order: Order = "worst", top: int = 3, tick: Tick | None = None,
) -> QueryReport:  # fmt: skip
    """The first ``limit`` queries of a cell, or the one named, each with its ``top`` best passages and the relevant
    ones of the cell.

    Raises:
        ExportError: see ``worst_queries``; or the cell has no such query.
        ResultError: the results cannot be read.
    """
    texts = load_texts(result, tick)
    if query_id is None:
        found = worst_queries(result, texts, cell, limit, against, order)
    else:
        found = worst_queries(result, texts, cell, 2**31, against, order)
        rows = [row for row in found.rows if row.query_id == query_id]
        if not rows:
            raise ExportError(f"{result.benchmark} has no query {query_id!r}{_in_cell(cell)}")
        found = msgspec.structs.replace(found, rows=rows)
    ids = [row.query_id for row in found.rows]

    def best(place: FoundResult) -> list[Ranking]:
        return [_shortened(ranking, cell, top) for ranking in rankings(place, texts, ids)]

    return QueryReport(found=found, rankings=best(result), against=best(against) if against is not None else [])


def _shortened(ranking: Ranking, cell: Cell, top: int) -> Ranking:
    kept = [
        passage
        for index, passage in enumerate(ranking.passages)
        if index < top or (passage.relevance and cell.candidate_language in (None, passage.language))
    ]
    return msgspec.structs.replace(ranking, passages=kept)


def _in_cell(cell: Cell) -> str:
    asked = "" if cell.query_language is None else f" in {cell.query_language}"
    return asked if cell.candidate_language is None else f"{asked} with a relevant passage in {cell.candidate_language}"
