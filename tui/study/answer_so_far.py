"""What a study says so far, read for the screen: verdicts of cells, conditions in a few words, claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.export.report.claims import JUDGEMENTS, JudgedClaim
from engine.export.study_job import StudyCell, StudyOutcome
from tui.compare.job import measure_label
from tui.draw.text import Piece
from tui.follow.study_state import Cell, Column, Condition, StudyState
from tui.numbers import margin, metric_change, metric_interval, p_value, visible

# What stands before a text, the text, its style: further lines stand below its first word.
Paragraph = tuple[tuple[Piece, ...], str, str]

_STYLES = {"reproduced": "good", "contradicted": "error", "undecided": "warning", "not measured": "dim"}


@dataclass(frozen=True, eq=False)
class AnswerSoFar:
    """``outcome`` as of ``count`` of ``total`` runs."""

    outcome: StudyOutcome
    count: int
    total: int
    _cells: dict[tuple[str, str, str], StudyCell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in self.outcome.cells:
            self._cells[cell.condition, cell.benchmark, cell.measure] = cell

    @cached_property
    def reasons(self) -> Mapping[tuple[str, str], str]:
        """(benchmark, measure) -> why no conditions are compared in it."""
        return {(column.benchmark, column.measure): column.reason for column in self.outcome.columns if column.reason}

    def verdict(
        self, state: StudyState, condition: Condition, column: Column, measure: str, cell: Cell
    ) -> StudyCell | None:
        """That of a cell, where it is about as many runs as the means that stand there."""
        name = column.name_of(measure)
        found = self._cells.get((condition.name, column.key, name))
        base = self._cells.get((state.baseline, column.key, name))
        if found is None or base is None or found.difference is None:
            return None
        seeds = state.cell(state.conditions[0], column, measure).seeds
        return found if (found.finished, base.finished) == (cell.seeds, seeds) else None


def answer_paragraphs(
    state: StudyState, answer: AnswerSoFar | None, error: str, work: str, marks: Mapping[str, str]
) -> list[Paragraph]:
    """What the panel says.

    Args:
        error: why there is no answer, or no newer one.
        work: what is being computed; empty: nothing.
        marks: the sign of each judgement.
    """
    found: list[Paragraph] = []
    if not state.planned:
        baseline = state.conditions[0].label
        text = f"These runs are from before plans were recorded: {baseline} is taken as the baseline, and nothing is "
        found.append(((), f"{text}judged here. c compares them.", "dim"))
    if state.claims_differ:
        found.append(((), "The study was changed after its first runs had started: claims say where.", "warning"))
    if state.left_out:
        found.append(((), f"Left out, as their folders were not there: {', '.join(state.left_out)}.", "dim"))
    if error:
        found.append(((), error, "error"))
    if answer is None:
        if not error and state.planned:
            waiting = "The first answer comes when the baseline and another condition have finished a seed."
            found.append(((), f"{work[:1].upper()}{work[1:]}." if work else waiting, "dim"))
        return found
    said = [(each.condition, each.short, "") for each in answer.outcome.answers if each.short]
    said += [(name, reason, "warning") for name, reason in answer.outcome.failures.items()]
    found += [(((f"{visible(name)}: ", "bold"),), visible(text), style) for name, text, style in said]
    if answer.outcome.claims:
        found += [((), "", ""), *_claims(answer.outcome.claims, marks)]
    return found


def _claims(claims: list[JudgedClaim], marks: Mapping[str, str]) -> list[Paragraph]:
    counts = Counter(claim.judgement for claim in claims)
    ends = ", ".join(f"{counts[name]} {name}" for name in JUDGEMENTS if counts[name])
    found: list[Paragraph] = [(((f"{len(claims)} claims: ", "bold"),), ends, "")]
    for claim in claims:
        lead = (f"{marks[claim.judgement]} {claim.judgement}: ", _STYLES[claim.judgement])
        found += [((lead,), visible(claim.claim.sentence), ""), ((("  ", ""),), _basis(claim), "dim")]
    return found


def _basis(claim: JudgedClaim) -> str:
    """The numbers of a judgement, or why it was not measured."""
    asked = claim.claim
    text = visible(f"{measure_label(asked.measure)} on {asked.benchmark}, {asked.condition} minus {asked.against}")
    if claim.difference is None:
        text += f": {visible(claim.reason or 'not measured')}"
    else:
        text += f": {metric_change(asked.measure, claim.difference)}"
        if claim.interval is not None:
            text += f" {metric_interval(asked.measure, claim.interval)}"
        if claim.margin is not None:
            text += f", margin {margin(claim.margin)}"
        if claim.p_holm is not None:
            text += f", Holm p {p_value(claim.p_holm)}"
        if asked.published is not None:
            text += f"; published {metric_change(asked.measure, asked.published)}"
        if claim.basis:
            text += f"; {claim.basis}"
    return f"{text}; {claim.changed}" if claim.changed else text
