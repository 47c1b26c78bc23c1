"""When a claim about two conditions is reproduced, when it is contradicted, and when the data do not say.

The rules are in docs/studies.md. A difference is condition minus against. "Different" is what it is in comparisons:
the p-value, adjusted by Holm over the study's claims of the same relation, is below 0.05. The two bounds are those of
the one-sided 95 % intervals; between them lies the 90 % interval, so "no different" is two one-sided tests
(Schuirmann 1987).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from engine.measures import Wanted
from engine.runs.study_record import Relation

if TYPE_CHECKING:
    from engine.evaluation.statistics import Difference

ClaimJudgement = Literal["reproduced", "contradicted", "undecided", "not measured"]


def judge(relation: Relation, found: Difference, *, different: bool, margin: float, wanted: Wanted) -> ClaimJudgement:
    """The judgement on a claim that was measured; ``margin`` is of "not inferior" and "no different" only."""
    if relation == "better":
        return _directed(found, different, up=wanted == "higher")
    if relation == "lower":
        return _directed(found, different, up=False)
    if found.lower_bound is None or found.upper_bound is None:
        return "undecided"
    if relation == "not inferior":
        # Where less is wanted, the loss is upwards.
        best, worst = found.upper_bound, found.lower_bound
        if wanted == "lower":
            best, worst = -found.lower_bound, -found.upper_bound
        return "reproduced" if worst > -margin else "contradicted" if best < -margin else "undecided"
    if -margin < found.lower_bound and found.upper_bound < margin:
        return "reproduced"
    return "contradicted" if different else "undecided"


def _directed(found: Difference, different: bool, *, up: bool) -> ClaimJudgement:
    if not different:
        return "undecided"
    return "reproduced" if (found.difference > 0) == up else "contradicted"
