"""What every run of a study carries in its spec: the study's plan and its claims, as they stood before training.

So the folders of the runs are enough to report on a study, wherever they were copied to, and a claim that was changed
or added afterwards shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from engine.benchmark_names import is_suite, members
from engine.config import FiniteFloat, NonNegativeFloat

# better: higher, as a share of quality is meant to be. lower: less of a measure of bias.
Relation = Literal["better", "lower", "not inferior", "no different"]

NEEDS_MARGIN: tuple[Relation, ...] = ("not inferior", "no different")

_Stated = TypeVar("_Stated")


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence that a study can confirm or refute: two conditions on one measure of one benchmark."""

    sentence: Annotated[str, Meta(min_length=1)]
    measure: str  # a name in engine.measures
    benchmark: str  # a key, or a suite such as "beir/*": the mean over its data sets
    condition: str
    against: str
    relation: Relation
    margin: NonNegativeFloat | None = None  # null: that of the benchmark
    published: FiniteFloat | None = None  # the published difference: condition minus against
    source: str = ""  # where it was published


class StudyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a study, and which of its conditions a run is."""

    name: str
    condition: str
    baseline: str  # a condition
    benchmarks: tuple[str, ...]  # keys and suites ("beir/*"), in the order of the report
    measures: dict[str, str] = {}  # benchmark or suite -> primary measure, where the study file chooses one
    # Benchmark or suite -> margin of non-inferiority of its primary measure, where the study file states one.
    # Elsewhere it is evaluation.margin of the config.
    margins: dict[str, float] = {}
    claims: tuple[Claim, ...] = ()
    claims_digest: str = ""
    differs: tuple[str, ...] = ()  # what differs from the published protocol, one sentence each
    # Benchmarks that the study would have, and whose folders were not there: claims on them are not measured.
    left_out: tuple[str, ...] = ()


def digest_of_claims(claims: tuple[Claim, ...]) -> str:
    """SHA-256 over everything that the claims say, in their order."""
    import hashlib  # it brings OpenSSL, for which the dashboard's first frame would wait

    return hashlib.sha256(msgspec.json.encode(claims)).hexdigest()


def stated(table: Mapping[str, _Stated], benchmark: str) -> _Stated | None:
    """What ``measures`` or ``margins`` says of a benchmark or suite: by its own name, else by that of a suite that
    has it; None: nothing."""
    if benchmark in table:
        return table[benchmark]
    return next((value for name, value in table.items() if is_suite(name) and members(name, [benchmark])), None)


def was_stated(claim: Claim, now: StudyRecord, before: StudyRecord | None) -> bool:
    """Whether a run was launched with this claim, at the margin that it has now.

    Args:
        now: the record that the claim is of.
        before: that of the run; None: it has none.
    """
    if before is None or claim not in before.claims:
        return False
    if claim.margin is not None or claim.relation not in NEEDS_MARGIN:
        return True
    return stated(now.margins, claim.benchmark) == stated(before.margins, claim.benchmark)
