"""The report of a study: the answer, the tables and figures it rests on, and how everything was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.export.compare import CompareResult, CompareRow, compare_results
from engine.export.evaluation import protocol_values
from engine.export.markdown import markdown_table, plain_text
from engine.export.out_file import write_file
from engine.export.report.answer import COST, REMOVED, Answer, answer
from engine.export.report.document import FIGURES_FOLDER, Block, Picture, bullets, to_html, to_markdown
from engine.export.report.pictures import study_pictures
from engine.export.run_results import ExportError, RunResult, find_results
from engine.export.tables.pareto_table import pareto_table, with_conditions
from engine.export.tables.rounding import rounded

if TYPE_CHECKING:
    from polars import DataFrame as Frame

_TESTED_CLUSTERS = 24  # from which on the coverage of the intervals was tested, see engine.evaluation.statistics


class StudyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What report.json holds."""

    study: str
    benchmark: str
    margin: float
    baseline: str
    runs: dict[str, list[str]]  # condition -> runs, by ascending seed
    answers: list[Answer]
    means: list[dict[str, Any]]  # rows of the pareto table
    comparison: CompareResult


def study_report(
    name: str, runs: dict[str, Sequence[Path]], baseline: str, benchmark: str
) -> tuple[StudyReport, list[Block]]:
    """The report of finished runs.

    Args:
        runs: condition -> its run folders, one a seed.
        baseline: one of the conditions.

    Raises:
        ConfigError: results are missing, or not of the same queries; one line.
    """
    results = find_results([path for paths in runs.values() for path in paths], benchmark)
    condition_of = {path.name: condition for condition, paths in runs.items() for path in paths}
    compared = compare_results(results, runs[baseline][0])
    names = {group: condition_of[members[0]] for group, members in compared.conditions.items()}
    if len(set(names.values())) != len(runs):
        raise ExportError(f"{name}: two of its conditions have the same config")
    compared = _renamed(compared, names)
    means = with_conditions(pareto_table(results), names)
    nulls = dict(means.select("condition", "rank_distance_null").iter_rows())
    answers = [
        answer(
            condition,
            baseline,
            [row for row in compared.rows if row.run == condition],
            compared.margin,
            (nulls[condition], nulls[baseline]),
        )
        for condition in runs
        if condition != baseline
    ]
    report = StudyReport(
        study=name,
        benchmark=benchmark,
        margin=compared.margin,
        baseline=baseline,
        runs=compared.conditions,
        answers=answers,
        means=means.to_dicts(),
        comparison=compared,
    )
    pictures = study_pictures(results, runs, condition_of, means)
    return report, list(_blocks(report, results, means, pictures))


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


def _blocks(
    report: StudyReport, results: Sequence[RunResult], means: Frame, pictures: Sequence[Picture]
) -> Iterator[Block]:
    first = results[0]
    baseline = plain_text(report.baseline)
    yield f"# Study {plain_text(report.study)}"
    yield plain_text(
        f"{len(report.runs)} conditions ({', '.join(report.runs)}){_training(report, results)}, compared with "
        f"{report.baseline} on {report.benchmark}: {first.summary.queries:,} questions in "
        f"{len(first.summary.languages)} languages, {first.summary.candidates:,} candidates.{_updates(results)}"
    )
    yield "## Answer"
    for answered in report.answers:
        yield f"### {plain_text(answered.condition)} against {baseline}"
        yield f"**{COST}** {plain_text(answered.cost)}"
        yield f"**{REMOVED}** {plain_text(answered.removed)}"
        sentences = (answered.quality, answered.bias, answered.advantage)
        yield bullets([plain_text(sentence) for sentence in sentences if sentence])
    yield _basis(report)
    yield "## Means over seeds"
    yield _frame_table(means)
    yield "front: no other condition has both a higher map_monolingual and a lower rank_distance."
    yield f"## Differences to {baseline}"
    yield _differences([row for row in report.comparison.rows if row.query_language is None])
    yield "By language and pair of languages, after Holm's adjustment over the cells of each metric:"
    yield _cell_counts(report)
    yield "## Figures"
    if pictures:
        yield from pictures
    else:
        yield "Figures need matplotlib: pip install 'hybrid-tui[figures]'."
    yield "## How it was measured"
    yield from _protocol(report, results)


def _training(report: StudyReport, results: Sequence[RunResult]) -> str:
    """How many seeds each trained condition has, and which conditions were not trained."""
    trained = {result.run for result in results if result.is_trained}
    seeds = max((len(runs) for runs in report.runs.values() if trained.intersection(runs)), default=0)
    others = [condition for condition, runs in report.runs.items() if not trained.intersection(runs)]
    text = f" with {seeds} {'seed' if seeds == 1 else 'seeds'} each" if seeds else ""
    if others:
        text += f"{' where they were trained;' if seeds else ','} not trained: {', '.join(others)}"
    return text


def _updates(results: Sequence[RunResult]) -> str:
    """What the first of the trained runs trained; empty where none did."""
    for result in results:
        if result.is_trained:
            config = result.config
            return f" Model {result.model}, {config.optimizer.max_steps:,} updates of {config.batch.size} pairs."
    return ""


def _basis(report: StudyReport) -> str:
    """What the verdicts rest on: clusters, seeds and the family of tests."""
    from engine.evaluation.seeds import ENOUGH_SEEDS

    rows = [row for row in report.comparison.rows if row.query_language is None]
    clusters = max((row.clusters for row in rows), default=0)
    over_seeds = all(row.basis != "for these seeds" for row in rows)
    items = [
        f"Intervals resample the {clusters} clusters of questions"
        + (" and the seeds." if over_seeds else ", for the seeds that were run."),
    ]
    if not over_seeds:
        items.append(
            f"With fewer than {ENOUGH_SEEDS} seeds a side the verdicts hold for these seeds: how other seeds would "
            "come out is not known. The interval over seeds, where there are several, stands beside."
        )
    if clusters < _TESTED_CLUSTERS:
        items.append(
            f"{clusters} clusters are fewer than the {_TESTED_CLUSTERS} from which on the intervals were tested to "
            "cover what they promise: take them for approximate."
        )
    others = len(report.runs) - 1
    if others > 1:
        items.append(f"p-values are adjusted by Holm over the {others} conditions that are compared with the baseline.")
    return bullets(items)


def _differences(rows: Sequence[CompareRow]) -> str:
    header = [
        "condition",
        "metric",
        "value",
        "baseline",
        "difference",
        "95 % interval",
        "interval over seeds",
        "Holm p",
        "verdict",
    ]
    lines = []
    for row in rows:
        cell = {"measure": row.metric}
        numbers = [rounded("value", value, cell) for value in (row.value, row.baseline_value)]
        places = len(numbers[0].partition(".")[2])
        difference = f"{row.difference:+.{places}f}"
        intervals = [_ends(ends, places) for ends in (row.interval, row.seed_interval)]
        p = "-" if row.p_holm is None else f"{row.p_holm:.4f}"
        lines.append([row.run, row.metric, *numbers, difference, *intervals, p, row.verdict])
    return _text_table(header, lines, [False, False, *[True] * 6, False])


def _cell_counts(report: StudyReport) -> str:
    """In how many cells each metric is higher, lower or neither."""
    lines = []
    for condition in (answered.condition for answered in report.answers):
        for metric in dict.fromkeys(row.metric for row in report.comparison.rows):
            cells = [
                row
                for row in report.comparison.rows
                if (row.run, row.metric) == (condition, metric) and row.query_language is not None
            ]
            counts = Counter("undecided" if not row.different else row.difference > 0 for row in cells)
            lines.append([condition, metric, *(str(counts[kind]) for kind in (True, False, "undecided"))])
    return _text_table(["condition", "metric", "higher", "lower", "undecided"], lines, [False, False, True, True, True])


def _protocol(report: StudyReport, results: Sequence[RunResult]) -> Iterator[str]:
    lines = [
        [
            condition,
            result.run,
            "-" if result.seed is None else str(result.seed),
            f"{result.step:,}",
            report.comparison.selection[result.run],
        ]
        for condition, members in report.runs.items()
        for result in results
        if result.run in members
    ]
    yield _text_table(["condition", "run", "seed", "step", "checkpoint"], lines, [False, False, True, True, False])
    of_one_run = {"ties", "truncated_queries", "truncated_passages", "model_digest", "tokenizer_digest"}
    values = [
        [name, ("none" if value in (None, "") else str(value)) + origin]
        for name, value, origin in protocol_values(results[0].summary.protocol)
        if name not in of_one_run
    ]
    yield _text_table(["protocol", "value"], values, [False, False])


def _renamed(compared: CompareResult, names: dict[str, str]) -> CompareResult:
    """With the study's names of the conditions."""
    return msgspec.structs.replace(
        compared,
        baseline=names[compared.baseline],
        rows=[msgspec.structs.replace(row, run=names[row.run]) for row in compared.rows],
        conditions={names[group]: members for group, members in compared.conditions.items()},
    )


def _frame_table(frame: Frame) -> str:
    rows = [[rounded(name, value, row) or "-" for name, value in row.items()] for row in frame.iter_rows(named=True)]
    return _text_table(frame.columns, rows, [dtype.is_numeric() for dtype in frame.dtypes])


def _text_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """A Markdown table of cells that are plain text."""
    return markdown_table(header, [[plain_text(cell) for cell in row] for row in rows], right)


def _ends(ends: tuple[float, float] | None, places: int) -> str:
    return "-" if ends is None else f"[{ends[0]:+.{places}f}, {ends[1]:+.{places}f}]"
