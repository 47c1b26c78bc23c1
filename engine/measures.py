"""The table of measures: what each is called, over which candidates it is taken, and which way is better.

Formulas are in engine.evaluation.scores. Importing this module costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cells = Literal["own language", "other languages", "pool"]
Wanted = Literal["higher", "lower"]
Formula = Literal[
    "average precision", "recall", "nDCG", "rank distance",
    "own-language advantage", "other-language recall", "worst rank",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One value a query, or a query and passage language, and the mean of them.

    Attributes:
        cells: what a query is ranked against: its own language, each of the other languages, or the pool of all.
        formula: of one query, see ``scores``.
        k: the cutoff of the formula, where it has one.
        wanted: a higher share is better, and less of a measure of bias is.
        is_metric: whether it is among a summary's metrics, with bounds under ties; the others are measures of bias.
        is_headline: whether a comparison without a named metric takes it.
    """

    name: str
    cells: Cells
    formula: Formula
    k: int | None = None
    wanted: Wanted = "higher"
    is_metric: bool = True
    is_headline: bool = False


_TABLE = (
    Measure("map_monolingual", "own language", "average precision", is_headline=True),
    Measure("map_crosslingual", "other languages", "average precision", is_headline=True),
    Measure("map_multilingual", "pool", "average precision", is_headline=True),
    Measure("recall_at_1_monolingual", "own language", "recall", 1),
    Measure("recall_at_1_crosslingual", "other languages", "recall", 1),
    Measure("recall_at_10_multilingual", "pool", "recall", 10),
    Measure("rank_distance", "pool", "rank distance", wanted="lower", is_headline=True),
    Measure("ndcg_at_10", "own language", "nDCG", 10),
    Measure("recall_at_100", "own language", "recall", 100),
    Measure(
        "own_language_advantage", "pool", "own-language advantage", wanted="lower", is_metric=False, is_headline=True
    ),
    Measure("other_language_recall_at_10", "pool", "other-language recall", 10, is_metric=False),
    Measure("worst_relevant_rank", "pool", "worst rank", wanted="lower", is_metric=False),
)

MEASURES = {measure.name: measure for measure in _TABLE}
METRICS = tuple(measure.name for measure in _TABLE if measure.is_metric)
HEADLINE = tuple(measure.name for measure in _TABLE if measure.is_headline)

RANK_DISTANCE_NULL = "rank_distance_null"  # beside the metrics, and without bounds: what rank_distance is held against

# The measure of single-language quality that a benchmark is usually reported by: by key, or by what stands before "/".
_PRIMARY = {
    "cldr": "map_monolingual",
    "cldr-en": "ndcg_at_10",
    "xquad-r": "map_monolingual",
    "mlqa-r": "map_monolingual",
    "belebele": "map_monolingual",
    "beir": "ndcg_at_10",
    "miracl": "ndcg_at_10",
    "mteb": "ndcg_at_10",
    "nanobeir": "ndcg_at_10",
    "neuclir": "ndcg_at_10",
}


def primary_measure(key: str, has_parallel: bool) -> str:
    """What a benchmark's single-language quality is measured by, where nobody chose another measure.

    Args:
        key: of the benchmark, as "xquad-r" or "beir/scifact".
        has_parallel: whether some query has relevant passages in several languages; it decides for keys that are in
            no table, such as a user's own.
    """
    found = _PRIMARY.get(key) or _PRIMARY.get(key.partition("/")[0])
    return found or ("map_monolingual" if has_parallel else "ndcg_at_10")
