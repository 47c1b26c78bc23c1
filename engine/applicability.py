"""Which measures mean nothing on the benchmark of a result, and the result without them.

Results of earlier versions have numbers that mean nothing: a rank distance where there is one language. Whoever reads a
result, from a log or from a folder, reads it through ``applicable``; so they are shown nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from engine.events import EvaluationResult, LanguageBias
from engine.measures import NEEDS, not_applicable

_Result = TypeVar("_Result", bound=EvaluationResult)


def answered_in_several(result: EvaluationResult) -> bool:
    """Whether some query has relevant passages in several languages, as far as a result tells: queries of one language
    have a mAP against the candidates of two."""
    return not result.matrix or any(len(row) > 1 for row in result.matrix.values())


def why_not(result: EvaluationResult, measure: str) -> str | None:
    """Why a result has no such measure; None where it may have it.

    A benchmark cannot have it, or this evaluation could not measure it, as where passages were not retrieved.
    """
    reason = _reasons(result).get(measure)
    if reason is None and result.bias is not None and result.metrics.get(measure) is None:
        reason = result.bias.not_applicable.get(measure)
    return reason


def applicable(result: _Result) -> _Result:
    """The result without measures that mean nothing on its benchmark; the reasons are in ``bias.not_applicable``."""
    reasons = _reasons(result)
    if not reasons:
        return result
    changes: dict[str, object] = {"metrics": without(result.metrics, reasons)}
    if "rank_distance" in reasons:
        changes["rank_distance"] = {}
    if "own_language_advantage" in reasons:
        changes["own_language_advantage"] = {}
    if "map_multilingual" in reasons:
        changes["map_multilingual_by_language"] = {}
        changes["settings"] = {**result.settings, "multilingual": 0}
    if result.bias is not None:
        changes["bias"] = _bias(result.bias, reasons)
    return msgspec.structs.replace(result, **changes)


def without(values: Mapping[str, float | None], reasons: Mapping[str, str]) -> dict[str, float | None]:
    """Null in the place of what does not apply."""
    return {name: None if name in reasons else value for name, value in values.items()}


def inapplicable(languages: int, *, answered_in_several: bool) -> dict[str, str]:
    """Measure -> why it means nothing on a benchmark, of all measures for which that is so."""
    found = {
        name: not_applicable(needs, languages, answered_in_several=answered_in_several) for name, needs in NEEDS.items()
    }
    return {name: reason for name, reason in found.items() if reason is not None}


def grouped(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Reason -> the measures that it is about: a dozen of them with one reason are one line."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return groups


def reasons_of(result: EvaluationResult) -> dict[str, str]:
    """Measure -> why this result has none, of all that it has not."""
    return _reasons(result) | ({} if result.bias is None else dict(result.bias.not_applicable))


def _reasons(result: EvaluationResult) -> dict[str, str]:
    return inapplicable(len(result.languages), answered_in_several=answered_in_several(result))


def _bias(bias: LanguageBias, reasons: Mapping[str, str]) -> LanguageBias:
    kept = {name: reason for name, reason in bias.not_applicable.items() if name not in reasons}
    share = "language_share_at_10" not in reasons
    return LanguageBias(
        measures={name: value for name, value in bias.measures.items() if name not in reasons},
        by_language={name: values for name, values in bias.by_language.items() if name not in reasons},
        own_language_advantage=None if "own_language_advantage" in reasons else bias.own_language_advantage,
        language_effect=None if "language_effect" in reasons else bias.language_effect,
        language_share_at_10=bias.language_share_at_10 if share else {},
        pool_share=bias.pool_share if share else {},
        friedman={} if "friedman" in reasons else bias.friedman,
        not_applicable={**reasons, **kept},
        intervals={name: ends for name, ends in bias.intervals.items() if name not in reasons},
        nulls={name: value for name, value in bias.nulls.items() if name not in reasons},
        left_out={name: count for name, count in bias.left_out.items() if name not in reasons},
    )
