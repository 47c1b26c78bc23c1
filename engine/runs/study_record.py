"""What every run of a study carries in its spec: the study's plan and its claims, as they stood before training.

So the folders of the runs are enough to report on a study, wherever they were copied to, and a claim that was changed
or added afterwards shows.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

# better: higher, as a share of quality is meant to be. lower: less of a measure of bias.
Relation = Literal["better", "lower", "not inferior", "no different"]


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence that a study can confirm or refute: two conditions on one measure of one benchmark."""

    sentence: Annotated[str, Meta(min_length=1)]
    measure: str  # a name in engine.measures
    benchmark: str  # a key, or a suite such as "beir/*": the mean over its data sets
    condition: str
    against: str
    relation: Relation
    margin: Annotated[float, Meta(ge=0.0)] | None = None  # null: that of the benchmark
    published: float | None = None  # the published difference: condition minus against
    source: str = ""  # where it was published


class StudyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a study, and which of its conditions a run is."""

    name: str
    condition: str
    baseline: str  # a condition
    benchmarks: tuple[str, ...]  # keys and suites ("beir/*"), in the order of the report
    measures: dict[str, str] = {}  # benchmark or suite -> primary measure, where the study file chooses one
    margins: dict[str, float] = {}  # benchmark or suite -> margin of non-inferiority of its primary measure
    claims: tuple[Claim, ...] = ()
    claims_digest: str = ""
    differs: tuple[str, ...] = ()  # what differs from the published protocol, one sentence each


def digest_of_claims(claims: tuple[Claim, ...]) -> str:
    """SHA-256 over everything that the claims say, in their order."""
    return hashlib.sha256(msgspec.json.encode(claims)).hexdigest()
