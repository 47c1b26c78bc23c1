"""The report of a study: the answer, its claims, tables and figures, and how everything was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.benchmark_names import is_suite, members
from engine.export.figures.forest_plot import differences_frame
from engine.export.out_file import write_file
from engine.export.report.answer import Answer, answer, short_answer
from engine.export.report.bias_means import bias_means
from engine.export.report.claims import judge_claims, withdrawn_claims
from engine.export.report.contents import BenchmarkReport, ConditionSummary, MarginChange, StudyReport
from engine.export.report.document import FIGURES_FOLDER, Block, Picture, to_html, to_markdown
from engine.export.report.means import benchmark_means, suite_means
from engine.export.report.sections import report_blocks
from engine.export.run_results import ExportError
from engine.export.study_comparisons import StudyComparison, compare_study, mean_value
from engine.export.study_results import StudyResults
from engine.export.tables.pareto_table import BIAS
from engine.measures import RANK_DISTANCE_NULL


def study_report(study: StudyResults) -> tuple[StudyReport, list[Block]]:
    """The report of what was measured.

    Raises:
        ConfigError: nothing was; one line.
    """
    comparisons = compare_study(study)
    if not any(compared.groups for compared in comparisons):
        reasons = "; ".join(dict.fromkeys(compared.reason for compared in comparisons))
        raise ExportError(f"{study.record.name}: {reasons or 'it has no benchmark'}")
    means = {compared.name: _means(study, compared) for compared in comparisons if compared.groups}
    report = StudyReport(
        study=study.record.name,
        baseline=study.record.baseline,
        conditions=[
            ConditionSummary(
                condition=condition,
                runs=[run.path.name for run in runs],
                is_trained=any(run.is_trained for run in runs),
                short=short_answer({one.name: one.means(condition) for one in comparisons}),
            )
            for condition, runs in study.runs.items()
        ],
        benchmarks=[
            BenchmarkReport(
                benchmark=compared.name,
                data_sets=members(compared.name, study.keys) if is_suite(compared.name) else [],
                primary=compared.primary,
                margin=compared.margin,
                answers=_answers(study, compared),
                means=means[compared.name].to_dicts() if compared.name in means else [],
                comparison=compared.compared,
                reason=compared.reason,
                bias=[] if is_suite(compared.name) else bias_means(compared.groups),
            )
            for compared in comparisons
        ],
        differences=differences_frame([one.compared for one in comparisons if one.compared is not None]).to_dicts(),
        claims=judge_claims(study),
        withdrawn=withdrawn_claims(study),
        changed_margins=_changed_margins(study),
        left_out=list(study.record.left_out),
        differs=list(study.record.differs),
    )
    return report, list(report_blocks(report, study, comparisons, means))


def write_report(report: StudyReport, blocks: Sequence[Block], out: Path) -> list[Path]:
    """report.md, report.html, report.json and figures/ in the folder ``out``; each file whole or not at all.

    Raises:
        ExportError: the folder or a file cannot be written.
    """
    title = f"Study {report.study}"
    pictures = [block for block in blocks if isinstance(block, Picture)]
    contents = {
        **{out / FIGURES_FOLDER / f"{picture.name}.svg": picture.svg for picture in pictures},
        out / "report.json": msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n",
        out / "report.md": to_markdown(blocks),
        out / "report.html": to_html(title, blocks),
    }
    for path, content in contents.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"--out: no folder {path.parent} can be made: {error.strerror}") from None
        write_file(path, content.encode())
    return list(contents)


def _means(study: StudyResults, compared: StudyComparison) -> Any:
    if is_suite(compared.name):
        return suite_means(study, compared, members(compared.name, study.keys))
    return benchmark_means(compared)


def _answers(study: StudyResults, compared: StudyComparison) -> list[Answer]:
    if compared.compared is None:
        return []
    baseline = study.record.baseline
    nulls = {
        condition: None if is_suite(compared.name) else mean_value(group, RANK_DISTANCE_NULL)
        for condition, group in compared.groups.items()
    }
    return [
        answer(
            compared.name,
            condition,
            baseline,
            compared.means(condition),
            primary=compared.primary,
            margin=compared.margin,
            nulls=(nulls[condition], nulls[baseline]),
            no_bias=compared.compared.not_applicable.get(BIAS),
        )
        for condition in compared.groups
        if condition != baseline
    ]


def _changed_margins(study: StudyResults) -> list[MarginChange]:
    found = []
    for name in dict.fromkeys([*study.record.benchmarks, *study.record.margins]):
        before, now = study.margin(name), study.margin_now(name)
        if before != now:
            found.append(MarginChange(benchmark=name, before=before, now=now))
    return found
