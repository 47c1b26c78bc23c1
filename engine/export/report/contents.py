"""What report.json holds."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.export.compare import CompareResult
from engine.export.report.answer import Answer
from engine.export.report.bias_means import BiasMean
from engine.export.report.claims import JudgedClaim
from engine.runs.study_record import Claim


class BenchmarkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the conditions came to on one benchmark, or on a suite as the mean over its data sets."""

    benchmark: str  # a key, or a suite
    data_sets: list[str]  # of a suite; else empty
    primary: str  # measure of single-language quality
    margin: float  # of non-inferiority, as it was stated before training
    answers: list[Answer]  # of the conditions that were compared
    means: list[dict[str, Any]]  # a row a condition
    comparison: CompareResult | None  # null: ``reason`` says why
    reason: str = ""
    bias: list[BiasMean] = []  # by measure and condition, where the benchmark has several languages


class ConditionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of the study, and what it comes to in a few words."""

    condition: str
    runs: list[str]  # by ascending seed
    is_trained: bool
    short: str  # "quality kept, bias lower"; empty of the baseline


class MarginChange(msgspec.Struct, frozen=True, kw_only=True):
    """A margin that the study no longer has as it was stated before training. The former counts."""

    benchmark: str
    before: float
    now: float


class StudyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole study."""

    study: str
    baseline: str
    conditions: list[ConditionSummary]
    benchmarks: list[BenchmarkReport]  # and suites, in the order of the study
    differences: list[dict[str, Any]]  # all means: what the forest plot draws
    claims: list[JudgedClaim]
    withdrawn: list[Claim]  # what runs were launched with and the study does not claim any more
    changed_margins: list[MarginChange]
    left_out: list[str]  # benchmarks whose folders were not there
    differs: list[str]  # from the published protocol

    @property
    def answers(self) -> list[Answer]:
        """Of all benchmarks."""
        return [found for benchmark in self.benchmarks for found in benchmark.answers]
