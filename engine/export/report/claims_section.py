"""The claims of a study in its report: a table with the verdicts, and what is to be said of single ones."""

from __future__ import annotations

from collections.abc import Iterator

from engine.export.markdown import plain_text
from engine.export.report.cells import interval_text, text_table
from engine.export.report.claims import JudgedClaim, count_judgements
from engine.export.report.contents import StudyReport
from engine.export.report.document import bullets
from engine.export.tables.rounding import rounded


def claims_section(report: StudyReport) -> Iterator[str]:
    """Without its heading."""
    counts = ", ".join(f"{count} {name}" for name, count in count_judgements(report.claims).items() if count)
    yield f"{len(report.claims)} {'claim' if len(report.claims) == 1 else 'claims'}: {counts}."
    header = [
        "claim", "verdict", "measured on", "value", "against", "difference", "95 % interval", "90 % interval", "margin",
        "Holm p", "published", "inside",
    ]  # fmt: skip
    right = [False] * 3 + [True] * 8 + [False]
    yield text_table(header, [_claim_cells(one) for one in report.claims], right)
    notes = [f"{one.claim.sentence} Not measured: {one.reason}." for one in report.claims if one.reason]
    notes += [f"{one.claim.sentence} This was {one.changed}." for one in report.claims if one.changed]
    notes += [f"Claimed when runs were launched, and not any more: {claim.sentence}" for claim in report.withdrawn]
    notes += [
        f"{one.claim.sentence} Published: {one.claim.published:+g}, {one.claim.source}."
        for one in report.claims
        if one.claim.published is not None and one.claim.source
    ]
    if notes:
        yield bullets([plain_text(note) for note in notes])
    yield (
        "Differences are the first condition minus the second. Where there is a margin, the ends of the 90 % interval "
        "decide: they are two one-sided 95 % bounds. p-values are of no difference, and adjusted by Holm over the "
        "claims of one relation. The rules are in docs/studies.md."
    )


def _claim_cells(one: JudgedClaim) -> list[str]:
    claim = one.claim
    relation = f"{claim.condition} {claim.relation} {_than(claim.relation)} {claim.against}"
    what = f"{claim.measure} on {claim.benchmark}: {relation}"
    verdict: str = one.judgement
    if one.basis == "for these seeds":
        verdict = f"{verdict}, for these seeds"
    if one.changed:
        verdict = f"{verdict} ({one.changed})"
    if one.value is None or one.against_value is None or one.difference is None:
        numbers = ["-"] * 5
    else:
        values = [rounded("value", value, {"measure": claim.measure}) for value in (one.value, one.against_value)]
        places = len(values[0].partition(".")[2])
        numbers = [*values, f"{one.difference:+.{places}f}", interval_text(one.interval, places)]
        numbers.append(interval_text(one.bounds if one.margin is not None else None, places))
    return [
        claim.sentence,
        verdict,
        what,
        *numbers,
        "-" if one.margin is None else f"{one.margin:g}",
        "-" if one.p_holm is None else f"{one.p_holm:.4f}",
        "-" if claim.published is None else f"{claim.published:+g}",
        {None: "-", True: "yes", False: "no"}[one.published_inside],
    ]


def _than(relation: str) -> str:
    return {"not inferior": "to", "no different": "from"}.get(relation, "than")
