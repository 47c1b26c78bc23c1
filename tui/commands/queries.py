"""``queries``: the queries of a heatmap cell that fare worst, and the passages that were ranked for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.config import ConfigError
from engine.runs.folder import runs_home
from engine.runs.registry import find_run
from engine.runs.text import visible
from tui.commands.output import print_json
from tui.numbers import share

if TYPE_CHECKING:
    from engine.export.queries import Cell, Order, QueryOutcome, QueryReport, Ranking, WorstQueries

_WORST = 20
_TOP, _TOP_OF_ONE = 3, 20


def queries(options: argparse.Namespace) -> int:
    """Prints the worst queries of a cell, or the one that is named, each with its best passages."""
    from engine.export.queries import query_report
    from engine.export.run_results import counterpart, find_results, only_benchmark

    cell = _cell(options.cell)
    home = runs_home(options.runs)
    results = find_results([find_run(home, options.run).path], options.benchmark, options.step)
    only_benchmark(results)
    against = None
    if options.against is not None:
        against = counterpart(find_run(home, options.against).path, results[0])
    one = options.query is not None
    top = options.top if options.top is not None else (_TOP_OF_ONE if one else _TOP)
    order: Order = options.order or "worst"
    limit = options.worst if options.worst is not None else _WORST
    report = query_report(
        results[0], cell, limit, query_id=options.query, against=against, order=order, top=top, tick=_tell
    )
    if options.json:
        print_json(report)
    else:
        print("\n".join(_text(report)))
    return 0


def _cell(text: str | None) -> Cell:
    """``en,th``, or ``en`` for its queries against the pool of all languages."""
    from engine.export.queries import Cell

    parts = text.split(",") if text is not None else []
    if len(parts) > 2 or not all(parts):
        raise ConfigError(f"--cell: expected QUERY-LANGUAGE,CANDIDATE-LANGUAGE, as en,th, got {text!r}")
    return Cell(*parts)


def _tell(what: str, done: int, total: int | None) -> None:
    if done == 0 and sys.stderr.isatty():
        print(what, file=sys.stderr)


def _text(report: QueryReport) -> Iterator[str]:
    found = report.found
    yield from _heading(found)
    for index, row in enumerate(found.rows):
        yield ""
        yield f"{visible(row.query_id)}  {_text_or_id(row.text, '(text not known)')}"
        for run, standing, rankings in (
            (found.run, row.standing, report.rankings),
            (found.against_run, row.against, report.against),
        ):
            if run is not None:
                yield f"  {visible(run)}: {_fares(standing)}"
            if rankings:
                yield from _passages(rankings[index])


def _heading(found: WorstQueries) -> Iterator[str]:
    cell = found.cell
    asked, answered = cell.query_language or "all languages", cell.candidate_language or "the pool of all languages"
    shown = f"{len(found.rows):,} of {found.queries:,} queries"
    mean = "" if found.mean_average_precision is None else f", mAP {share(found.mean_average_precision)}"
    at = _at(found.step)
    yield f"{visible(found.run)}{at} on {visible(found.benchmark)}: {asked} asks, {answered} answers"
    sample = "" if found.sampled_of is None else f", a sample of the {found.sampled_of:,} of all languages"
    yield f"{shown}{mean}{sample}"
    if found.against_run is not None:
        other = found.against_mean_average_precision
        tail = "" if other is None else f", mAP {share(other)}"
        yield f"against {visible(found.against_run)}{_at(found.against_step)}{tail}"
    if found.texts:
        yield visible(found.texts)


def _at(step: int | None) -> str:
    return "" if step is None else f" step {step:,}"


def _fares(standing: QueryOutcome | None) -> str:
    if standing is None:
        return "no such query"
    if standing.rank is None:
        return f"AP {share(standing.average_precision)}, no relevant passage retrieved"
    last = "not retrieved" if standing.last_rank is None else f"{standing.last_rank:,}"
    ranks = f"rank {standing.rank:,}" if standing.rank == standing.last_rank else f"ranks {standing.rank:,} to {last}"
    return f"AP {share(standing.average_precision)}, {ranks}"


def _passages(ranking: Ranking) -> Iterator[str]:
    """Relevant passages have a star; a gap in the ranks is a line of its own."""
    before = 0
    for passage in ranking.passages:
        if passage.rank is not None and passage.rank > before + 1:
            yield "      ..."
        before = passage.rank or before
        rank = "-" if passage.rank is None else f"{passage.rank:,}"
        score = "  -  " if passage.score is None else f"{passage.score:.3f}"
        mark = "*" if passage.relevance else " "
        text = _text_or_id(passage.text, passage.passage_id)
        yield f"  {rank:>7} {mark} {visible(passage.language)}  {score}  {text}"


def _text_or_id(text: str | None, instead: str) -> str:
    return visible(instead if text is None else text)
