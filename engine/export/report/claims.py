"""The claims of a study, judged on what its runs measured: engine.evaluation.claim_rules has the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from engine.config import ConfigError
from engine.evaluation.claim_rules import ClaimJudgement, judge
from engine.export.study_results import StudyResults
from engine.measures import MEASURES
from engine.runs.study_record import Claim, StudyRecord, was_stated

if TYPE_CHECKING:
    from engine.evaluation.statistics import Difference

JUDGEMENTS: tuple[ClaimJudgement, ...] = ("reproduced", "contradicted", "undecided", "not measured")

ADDED, CHANGED = "added after training", "changed after training"
MARGIN_CHANGED = "margin changed after training"  # the one that was stated before counts


class JudgedClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim with its judgement, and the numbers that it rests on; these are null where it was not measured."""

    claim: Claim
    judgement: ClaimJudgement
    reason: str = ""  # why it was not measured
    changed: str = ""  # ADDED, CHANGED or MARGIN_CHANGED; empty: every run of its conditions was launched with it
    value: float | None = None  # of its condition
    against_value: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None  # 95 %
    bounds: tuple[float, float] | None = None  # one-sided 95 % each; together the 90 % interval
    p: float | None = None
    p_holm: float | None = None  # adjusted over the study's claims of the same relation
    margin: float | None = None  # of "not inferior" and "no different"
    published_inside: bool | None = None  # whether the published difference lies in ``interval``; null: none of these
    basis: str = ""
    clusters: int = 0


@dataclass(frozen=True, slots=True)
class _Measured:
    claim: Claim
    margin: float
    found: Difference | None
    reason: str = ""


def judge_claims(study: StudyResults) -> list[JudgedClaim]:
    """All claims of the study as it stands now, in their order."""
    from engine.evaluation.statistics import holm

    measured = [_measure(study, claim) for claim in study.record.claims]
    adjusted: dict[int, float | None] = {}
    for relation in {claim.relation for claim in study.record.claims}:
        family = [index for index, one in enumerate(measured) if one.found and one.claim.relation == relation]
        p_values = [found.p for index in family if (found := measured[index].found)]
        adjusted.update(zip(family, holm(p_values), strict=True))
    return [_judged(study, one, adjusted.get(index)) for index, one in enumerate(measured)]


def withdrawn_claims(study: StudyResults) -> list[Claim]:
    """What runs were launched with and the study does not claim any more."""
    sentences = {claim.sentence for claim in study.record.claims}
    before = [claim for runs in study.runs.values() for run in runs for claim in _stated(run.spec.study)]
    return [claim for claim in dict.fromkeys(before) if claim.sentence not in sentences]


def count_judgements(claims: Sequence[JudgedClaim]) -> dict[ClaimJudgement, int]:
    """How many claims ended in each way, in the order of JUDGEMENTS."""
    return {name: sum(claim.judgement == name for claim in claims) for name in JUDGEMENTS}


def _measure(study: StudyResults, claim: Claim) -> _Measured:
    if claim.measure not in MEASURES:
        return _Measured(claim, 0.0, None, f"{claim.measure} is not a measure")
    try:
        found = study.difference(claim.benchmark, claim.measure, claim.condition, claim.against)
    except ConfigError as error:
        return _Measured(claim, 0.0, None, str(error))
    return _Measured(claim, study.margin(claim.benchmark) if claim.margin is None else claim.margin, found)


def _judged(study: StudyResults, one: _Measured, p_adjusted: float | None) -> JudgedClaim:
    from engine.evaluation.statistics import is_different

    claim, found = one.claim, one.found
    changed = _changed(study, claim)
    if found is None:
        return JudgedClaim(claim=claim, judgement="not measured", reason=one.reason, changed=changed)
    has_margin = claim.relation in ("not inferior", "no different")
    lower, upper, published = found.lower_bound, found.upper_bound, claim.published
    inside = None
    if published is not None and found.interval is not None:
        inside = found.interval[0] <= published <= found.interval[1]
    return JudgedClaim(
        claim=claim,
        judgement=judge(
            claim.relation,
            found,
            different=is_different(p_adjusted),
            margin=one.margin,
            wanted=MEASURES[claim.measure].wanted,
        ),
        changed=changed,
        value=found.value,
        against_value=found.baseline_value,
        difference=found.difference,
        interval=found.interval,
        bounds=None if lower is None or upper is None else (lower, upper),
        p=found.p,
        p_holm=p_adjusted,
        margin=one.margin if has_margin else None,
        published_inside=inside,
        basis=found.basis,
        clusters=found.clusters,
    )


def _changed(study: StudyResults, claim: Claim) -> str:
    """What is not as the runs of the two conditions were launched with it; of several runs the gravest."""
    found = set()
    for condition in (claim.condition, claim.against):
        for run in study.runs.get(condition, ()):
            before = run.spec.study
            if was_stated(claim, study.record, before):
                continue
            if claim in _stated(before):
                found.add(MARGIN_CHANGED)
            else:
                same = any(other.sentence == claim.sentence for other in _stated(before))
                found.add(CHANGED if same else ADDED)
    return next((what for what in (ADDED, CHANGED, MARGIN_CHANGED) if what in found), "")


def _stated(record: StudyRecord | None) -> tuple[Claim, ...]:
    return () if record is None else record.claims
