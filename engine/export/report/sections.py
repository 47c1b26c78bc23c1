"""The report of a study as blocks of Markdown and pictures, from the answer to the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.export.markdown import plain_text
from engine.export.report.answer import COST, REMOVED, Answer
from engine.export.report.benchmark_section import benchmark_section
from engine.export.report.claims_section import claims_section
from engine.export.report.contents import StudyReport
from engine.export.report.document import Block, bullets
from engine.export.report.pictures import forest_picture, loss_picture
from engine.export.report.protocol_section import protocol_section
from engine.export.study_comparisons import StudyComparison
from engine.export.study_results import StudyResults

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_TESTED_CLUSTERS = 24  # from which on the coverage of the intervals was tested, see engine.evaluation.statistics


def report_blocks(
    report: StudyReport, study: StudyResults, comparisons: Sequence[StudyComparison], means: Mapping[str, Frame]
) -> Iterator[Block]:
    """The whole report; ``means`` by benchmark or suite."""
    yield f"# Study {plain_text(report.study)}"
    yield from _introduction(report, study)
    yield "## Answer"
    yield from _answers(report)
    yield _basis(report)
    if report.claims or report.withdrawn:
        yield "## Claims"
        yield from claims_section(report)
    if report.differs:
        yield "## What differs from the published protocol"
        yield bullets([plain_text(sentence) for sentence in report.differs])
    yield "## All differences"
    forest = forest_picture(comparisons)
    yield "Figures need matplotlib: pip install 'hybrid-tui[figures]'." if forest is None else forest
    for compared, found in zip(comparisons, report.benchmarks, strict=True):
        yield f"## {plain_text(compared.name)}"
        yield from benchmark_section(report, study, compared, found, means.get(compared.name))
    loss = loss_picture(study)
    if loss is not None:
        yield "## Training"
        yield loss
    yield "## How it was measured"
    yield from protocol_section(study)


def _introduction(report: StudyReport, study: StudyResults) -> Iterator[str]:
    names = ", ".join(one.condition for one in report.conditions)
    yield plain_text(
        f"{len(report.conditions)} conditions ({names}), compared with {report.baseline}.{_training(report)}"
        f"{_updates(study)}"
    )
    items = []
    for found in report.benchmarks:
        first = next(
            (run.results[found.benchmark] for run in study.counted_runs if found.benchmark in run.results), None
        )
        quality = f"quality is {found.primary}, with a margin of {found.margin:g}"
        if found.data_sets:
            items.append(f"{found.benchmark}: the mean over {', '.join(found.data_sets)}; {quality}")
        elif first is None:
            items.append(f"{found.benchmark}: {found.reason}")
        else:
            languages = len(first.summary.languages)
            items.append(
                f"{found.benchmark}: {first.summary.count_of_queries()} in {languages} "
                f"{'language' if languages == 1 else 'languages'}, {first.summary.candidates:,} candidates; {quality}"
            )
    items += [f"{name}: left out, for its folder was not there" for name in report.left_out]
    yield bullets([plain_text(item) for item in items])


def _training(report: StudyReport) -> str:
    """How many seeds each trained condition has, and which conditions were not trained."""
    seeds = max((len(one.runs) for one in report.conditions if one.is_trained), default=0)
    others = [one.condition for one in report.conditions if not one.is_trained]
    if not seeds:
        return " None of them was trained."
    text = f" {seeds} {'seed' if seeds == 1 else 'seeds'} each"
    return f"{text}, but for what was not trained: {', '.join(others)}." if others else f"{text}."


def _updates(study: StudyResults) -> str:
    """What the runs trained, where all trained the same; empty where none did or they differ."""
    texts = {
        f" Model {result.model}, {run.spec.config.optimizer.max_steps:,} updates of {run.spec.config.batch.size} pairs."
        for run in study.counted_runs
        if run.is_trained
        for result in run.results.values()
    }
    return texts.pop() if len(texts) == 1 else ""


def _answers(report: StudyReport) -> Iterator[str]:
    several = len(report.benchmarks) > 1
    for one in report.conditions:
        found = [answered for answered in report.answers if answered.condition == one.condition]
        if one.condition == report.baseline:
            continue
        yield f"### {plain_text(one.condition)} against {plain_text(report.baseline)}"
        if not found:
            yield "Nothing was compared yet."
            continue
        if several:
            yield plain_text(f"In short: {one.short}.")
        yield _asked(COST, [(answered.benchmark, answered.cost) for answered in found], several)
        yield _asked(REMOVED, [(answered.benchmark, answered.removed) for answered in found], several)
        yield bullets([item for answered in found for item in _sentences(answered, several)])
    for compared in report.benchmarks:
        if compared.reason:
            yield plain_text(f"{compared.benchmark} could not be compared: {compared.reason}.")


def _asked(question: str, answers: Sequence[tuple[str, str]], several: bool) -> str:
    if not several:
        return f"**{question}** {plain_text(answers[0][1])}"
    return f"**{question}**\n\n" + bullets([plain_text(f"{name}: {text}") for name, text in answers])


def _sentences(found: Answer, several: bool) -> Iterator[str]:
    where = f"{found.benchmark}: " if several else ""
    for sentence in (found.quality, found.bias, found.advantage):
        if sentence:
            yield plain_text(where + sentence)


def _basis(report: StudyReport) -> str:
    """What the verdicts rest on: clusters, seeds and the families of tests."""
    from engine.evaluation.seeds import ENOUGH_SEEDS

    items = []
    over_seeds = True
    for found in report.benchmarks:
        rows = [] if found.comparison is None else found.comparison.rows
        means = [row for row in rows if row.is_mean and row.benchmark == found.benchmark]
        if not means:
            continue
        clusters = max(row.clusters for row in means)
        bases = {row.basis for row in means}
        over_seeds &= "for these seeds" not in bases
        where = f"{found.benchmark}: intervals" if len(report.benchmarks) > 1 else "Intervals"
        within = " within each data set" if found.data_sets else ""
        seeds = ", for the seeds that were run." if "for these seeds" in bases else " and the seeds."
        if bases == {"for these models"}:
            seeds = "."
        items.append(f"{where} resample the {clusters} clusters of questions{within}{seeds}")
        if clusters < _TESTED_CLUSTERS:
            items.append(
                f"{clusters} clusters are fewer than the {_TESTED_CLUSTERS} from which on the intervals were tested to "
                "cover what they promise: take them for approximate."
            )
    if not over_seeds:
        items.append(
            f"With fewer than {ENOUGH_SEEDS} seeds a side the verdicts hold for these seeds: how other seeds would "
            "come out is not known. The interval over seeds, where there are several, stands beside."
        )
    items += [
        f"The margin of {one.benchmark} was {one.before:g} before training, which counts; the study now says "
        f"{one.now:g}."
        for one in report.changed_margins
    ]
    others = len(report.conditions) - 1
    if others > 1:
        items.append(
            f"p-values are adjusted by Holm over the {others} conditions that are compared with the baseline, "
            "measure by measure; those of data sets over the data sets as well."
            if any(found.data_sets for found in report.benchmarks)
            else f"p-values are adjusted by Holm over the {others} conditions that are compared with the baseline."
        )
    return bullets([plain_text(item) for item in items])
