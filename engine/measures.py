"""The table of measures: what each is called, over which candidates it is taken, which way is better, and what a
benchmark must have for it to mean anything.

Formulas are in engine.evaluation.scores. Importing this module costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cells = Literal["own language", "other languages", "pool"]
Wanted = Literal["higher", "lower"]
# several languages: of queries and candidates together. answers in several languages: of one query.
Needs = Literal["nothing", "several languages", "answers in several languages"]
Formula = Literal[
    "average precision", "recall", "nDCG", "rank distance",
    "own-language advantage", "other-language recall", "worst rank", "normalised worst rank", "complete",
    "language-aware nDCG", "own language first", "own language ahead", "first passage",
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
        needs: what a benchmark must have for the measure to mean anything.
        gains: of a relevant passage in the query's language and in another one, where the formula tells them apart.
        first: what the first passage must be, for the formula that is about it: whether it answers (None: either), and
            whether it is in the query's language.
    """

    name: str
    cells: Cells
    formula: Formula
    k: int | None = None
    wanted: Wanted = "higher"
    is_metric: bool = True
    is_headline: bool = False
    needs: Needs = "nothing"
    gains: tuple[float, float] = (1.0, 1.0)
    first: tuple[bool | None, bool] = (None, True)


_SEVERAL: Needs = "several languages"
_ANSWERS: Needs = "answers in several languages"

# (same language, another one): the paper of the measure, arXiv 2605.07249, does not state the gains of its own.
LANGUAGE_GAINS = (1.0, 0.5)


def _first(name: str, first: tuple[bool | None, bool], wanted: Wanted = "higher") -> Measure:
    """A share of the queries by their first passage."""
    return Measure(name, "pool", "first passage", wanted=wanted, is_metric=False, needs=_SEVERAL, first=first)


_TABLE = (
    Measure("map_monolingual", "own language", "average precision", is_headline=True),
    Measure("map_crosslingual", "other languages", "average precision", is_headline=True, needs=_SEVERAL),
    Measure("map_multilingual", "pool", "average precision", is_headline=True, needs=_SEVERAL),
    Measure("recall_at_1_monolingual", "own language", "recall", 1),
    Measure("recall_at_1_crosslingual", "other languages", "recall", 1, needs=_SEVERAL),
    Measure("recall_at_10_multilingual", "pool", "recall", 10, needs=_SEVERAL),
    Measure("rank_distance", "pool", "rank distance", wanted="lower", is_headline=True, needs=_ANSWERS),
    Measure("ndcg_at_10", "own language", "nDCG", 10),
    Measure("ndcg_at_20", "own language", "nDCG", 20),
    Measure("ndcg_at_20_multilingual", "pool", "nDCG", 20, needs=_SEVERAL),
    Measure("recall_at_100", "own language", "recall", 100),
    Measure(
        "own_language_advantage", "pool", "own-language advantage", wanted="lower", is_metric=False, is_headline=True,
        needs=_ANSWERS,
    ),
    Measure("other_language_recall_at_10", "pool", "other-language recall", 10, is_metric=False, needs=_SEVERAL),
    Measure("worst_relevant_rank", "pool", "worst rank", wanted="lower", is_metric=False, needs=_ANSWERS),
    Measure("worst_relevant_rank_normalised", "pool", "normalised worst rank", is_metric=False, needs=_ANSWERS),
    Measure("complete_at_10", "pool", "complete", 10, is_metric=False, needs=_ANSWERS),
    Measure(
        "language_aware_ndcg_at_10", "pool", "language-aware nDCG", 10, is_metric=False, needs=_ANSWERS,
        gains=LANGUAGE_GAINS,
    ),
    Measure("language_preference", "pool", "own language first", is_metric=False, needs=_ANSWERS),
    Measure("language_preference_pairwise", "pool", "own language ahead", is_metric=False, needs=_ANSWERS),
    _first("language_preference_first", (None, True)),
    _first("first_right_own_language", (True, True)),
    _first("first_right_other_language", (True, False)),
    _first("first_wrong_own_language", (False, True), wanted="lower"),
    _first("first_wrong_other_language", (False, False), wanted="lower"),
)  # fmt: skip

MEASURES = {measure.name: measure for measure in _TABLE}
METRICS = tuple(measure.name for measure in _TABLE if measure.is_metric)
HEADLINE = tuple(measure.name for measure in _TABLE if measure.is_headline)

RANK_DISTANCE_NULL = "rank_distance_null"  # beside the metrics, and without bounds: what rank_distance is held against

# What every measure needs: those of the table, and those of bias that are no mean of single queries.
NEEDS: dict[str, Needs] = {measure.name: measure.needs for measure in _TABLE} | {
    RANK_DISTANCE_NULL: _ANSWERS,
    "map_lost_without_own_language": _ANSWERS,
    "map_lost_without_another_language": _ANSWERS,
    "language_effect": _ANSWERS,
    "friedman": _ANSWERS,
    "peer": _ANSWERS,
    "language_share_at_10": _SEVERAL,
    "mrc_at_10": _SEVERAL,
}

# The four shares of the queries by their first passage, which sum to 1.
FOUR_WAY = (
    "first_right_own_language",
    "first_right_other_language",
    "first_wrong_own_language",
    "first_wrong_other_language",
)

ONE_LANGUAGE = "the benchmark has one language"
ONE_LANGUAGE_A_QUERY = "no query has relevant passages in several languages"


def not_applicable(needs: Needs, languages: int, *, answered_in_several: bool) -> str | None:
    """Why a measure with these needs means nothing on a benchmark; None where it does mean something.

    Args:
        languages: of queries and candidates together.
        answered_in_several: whether some query has relevant passages in several languages.
    """
    if needs == "nothing":
        return None
    if languages < 2:
        return ONE_LANGUAGE
    return None if needs == "several languages" or answered_in_several else ONE_LANGUAGE_A_QUERY


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
    "neuclir": "ndcg_at_20",
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
