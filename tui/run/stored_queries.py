"""What the queries tab asks of stored results. The functions here run in worker threads: they read, and load polars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.progress import Tick

if TYPE_CHECKING:
    from engine.export.queries import Order, Ranking, WorstQueries

LISTED = 2000  # queries of a cell; beyond the worst of these nobody scrolls


@dataclass(frozen=True)
class Place:
    """One evaluation of one run."""

    run: Path
    benchmark: str
    step: int


@dataclass(frozen=True)
class Wish:
    """Which queries are to be listed, in which order."""

    place: Place
    asked: str | None
    answered: str | None  # None: the pool of all languages
    against: Place | None = None
    order: Order = "worst"


@dataclass(frozen=True)
class Rankings:
    """What was ranked for one query, and by the other evaluation where there is one."""

    ranking: Ranking
    other: Ranking | None


def load_worst(wish: Wish, tick: Tick) -> WorstQueries:
    """
    Raises:
        ConfigError: one line: no such results, or they cannot be read.
    """
    from engine.export.queries import Cell, worst_queries
    from engine.export.run_results import find_results
    from engine.export.texts import load_texts

    place, against = wish.place, wish.against
    result = find_results([place.run], place.benchmark, place.step)[0]
    other = find_results([against.run], against.benchmark, against.step)[0] if against is not None else None
    texts = load_texts(result, tick)
    return worst_queries(result, texts, Cell(wish.asked, wish.answered), LISTED, other, wish.order)


def load_rankings(wish: Wish, query_id: str, tick: Tick) -> Rankings:
    """
    Raises:
        ConfigError: one line: no such results, or they cannot be read.
    """
    from engine.export.queries import rankings
    from engine.export.run_results import find_results
    from engine.export.texts import load_texts

    def read(place: Place) -> Ranking:
        result = find_results([place.run], place.benchmark, place.step)[0]
        return rankings(result, load_texts(result, tick), [query_id])[0]

    return Rankings(read(wish.place), read(wish.against) if wish.against is not None else None)
