"""What the runs of a report measured on one benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.applicability import grouped, reasons_of, why_not
from engine.export.evaluation import NULL_HEADING
from engine.export.figures import FIGURES
from engine.export.page.drawings import drawing
from engine.export.page.html import Cell, Shaded, heading, note, paragraph, table
from engine.export.page.reported_run import ReportedRun, labels_of
from engine.export.run_results import RunResult, reason_missing
from engine.export.tables import TABLES
from engine.export.tables.rounding import rounded
from engine.measures import MEASURES, METRICS, RANK_DISTANCE_NULL

_RUNS_ACROSS, _LANGUAGES_ACROSS = 5, 14  # columns that fit a printed page
_DISTANCE = "rank_distance"


def benchmark_part(key: str, runs: Sequence[ReportedRun], suffix: str) -> str:
    """As HTML.

    Args:
        key: of the benchmark.
        runs: those that were measured on it.
        suffix: what tells the ids of its figures apart from those of other benchmarks.
    """
    return "\n".join(_parts(key, runs, suffix))


def _parts(key: str, runs: Sequence[ReportedRun], suffix: str) -> Iterator[str]:
    results = [result for run in runs if (result := run.on(key)) is not None]
    labels = labels_of(runs)
    # In captions: whose the table is, where there are others.
    owners = {name: f"{label}: " if len(runs) > 1 else "" for name, label in labels.items()}
    references = [run.reference for run in runs]
    yield from (paragraph(sentence) for sentence in _sizes(results, labels))
    yield _measures(results, labels)
    if any(len(result.summary.languages) > 1 for result in results):
        yield heading("Pairs of languages")
        yield drawing(
            "heatmap",
            lambda: FIGURES["heatmap"].frame(references, key, None),
            f"mAP of every pair of languages on {key}, times 100: questions in the language of the row, candidates in "
            "that of the column. The numbers are in the tables below.",
            suffix,
        )
        yield from (_matrix(result, owners[result.run]) for result in results)
    if distances := [table for result in results if (table := _distances(result, owners[result.run]))]:
        yield heading("Rank distance by question language")
        ranked = [run.reference for run, result in zip(runs, results, strict=True) if not _lacks_distance(result)]
        yield drawing(
            "ranks",
            lambda: FIGURES["ranks"].frame(ranked, key, None),
            f"Rank distance on {key} by question language: median, mean, and how it is spread.",
            suffix,
        )
        yield from distances
    if biases := [table for result in results if (table := _bias(result, owners[result.run]))]:
        yield heading("Language bias")
        yield note(
            f"Means over question languages, 95 % intervals over clusters. The column {NULL_HEADING!r} is what a "
            "measure would be on the same rankings if languages did not matter."
        )
        yield from biases
    if vectors := [table for result in results if (table := _vectors(result, owners[result.run]))]:
        yield heading("Vectors of translations")
        yield from vectors
    yield from _not_applicable(results, labels)


def _sizes(results: Sequence[RunResult], labels: Mapping[str, str]) -> Iterator[str]:
    """What was measured, one sentence where it is the same for all."""
    by_text: dict[str, list[str]] = {}
    for result in results:
        summary = result.summary
        languages = f"{len(summary.languages)} languages" if len(summary.languages) > 1 else "one language"
        counts = ", ".join(f"{number:,} {name}" for name, number in summary.settings.items() if number)
        sentence = (
            f"{summary.count_of_queries()} against {summary.candidates:,} candidates in {languages} "
            f"({', '.join(summary.languages)}); settings: {counts}."
        )
        by_text.setdefault(sentence, []).append(labels[result.run])
    for sentence, names in by_text.items():
        yield sentence if len(by_text) == 1 else f"{', '.join(names)}: {sentence}"


def _measures(results: Sequence[RunResult], labels: Mapping[str, str]) -> str:
    """Rows of the table ``summary``, turned: a row a measure, a column a run."""
    frame = TABLES["summary"](results)
    names = [name for name in (*METRICS, RANK_DISTANCE_NULL) if name in frame.columns]
    records = list(frame.iter_rows(named=True))
    rows = []
    for name in names:
        if all(why_not(result.summary, name) is not None for result in results):
            continue
        values = [rounded(name, record[name], record) or "-" for record in records]
        if any(value != "-" for value in values):
            rows.append([name, *values])
    steps = [f"{result.step:,}" if result.is_trained else "-" for result in results]
    return table(
        "Measures", ["", *(labels[result.run] for result in results)], [["step", *steps], *rows], across=_RUNS_ACROSS
    )


def _matrix(result: RunResult, owner: str) -> str:
    """The table ``heatmap`` of one run."""
    frame = TABLES["heatmap"]([result]).drop("run")
    if frame["mean_other"].is_null().all():
        frame = frame.drop("mean_other")
    numbers = frame.drop("query_language")
    values = [value for column in numbers.iter_columns() for value in column.drop_nulls().to_list()]
    low, high = min(values, default=0.0), max(values, default=1.0)
    rows = []
    for record in frame.iter_rows(named=True):
        cells: list[Cell] = [record["query_language"]]
        for name in numbers.columns:
            value, shown = record[name], rounded(name, record[name], {**record, "mean_other": None})
            cells.append("-" if value is None else Shaded(shown, (value - low) / (high - low) if high > low else 0.0))
        rows.append(cells)
    header = ["", *("others" if name == "mean_other" else name for name in numbers.columns)]
    return table(f"{owner}mAP, rows ask, columns answer", header, rows, across=_LANGUAGES_ACROSS)


def _lacks_distance(result: RunResult) -> bool:
    return reason_missing(result, _DISTANCE) is not None


def _distances(result: RunResult, owner: str) -> str:
    summary = result.summary
    if _lacks_distance(result) or not summary.rank_distance:
        return ""
    nulls = {} if summary.bias is None else summary.bias.by_language.get(RANK_DISTANCE_NULL, {})
    rows = []
    for language, distances in summary.rank_distance.items():
        advantage = summary.own_language_advantage.get(language)
        interval = "-" if advantage is None or advantage.interval is None else _signed(advantage.interval)
        rows.append(
            [
                language,
                *(f"{value:,.1f}" for value in (distances.mean, distances.median, distances.p90)),
                f"{nulls[language]:,.1f}" if language in nulls else "-",
                "-" if advantage is None else f"{advantage.mean:+.2f}",
                interval,
            ]
        )
    header = ["questions in", "mean", "median", "90 %", "mean if languages did not matter",
              "own-language advantage, doublings", "95 % interval"]  # fmt: skip
    return table(f"{owner}rank distance", header, rows)


def _bias(result: RunResult, owner: str) -> str:
    """The means of the table ``bias``; a row a measure."""
    if result.summary.bias is None or len(result.summary.languages) < 2:
        return ""
    rows = []
    for record in TABLES["bias"]([result]).iter_rows(named=True):
        if record["query_language"] or record["passage_language"] or record["not_applicable"]:
            continue
        value, low, high, null = (
            _bias_number(record, name) for name in ("value", "interval_low", "interval_high", "null")
        )
        p = rounded("p", record["p"], record)
        left_out = "" if record["left_out"] is None else f"{record['left_out']:,}"
        rows.append(
            [
                record["measure"],
                value or "-",
                f"[{low}, {high}]" if low else "-",
                null or "-",
                p or "-",
                left_out or "-",
            ]
        )
    header = ["measure", "value", "95 % interval", NULL_HEADING, "p", "queries left out"]
    kept = [column for column in range(len(header)) if column < 2 or any(row[column] != "-" for row in rows)]
    return table(
        f"{owner}measures of bias",
        [header[column] for column in kept],
        [[row[column] for column in kept] for row in rows],
    )


def _bias_number(record: dict[str, object], name: str) -> str:
    return rounded(name, record[name], record)


def _vectors(result: RunResult, owner: str) -> str:
    rows = []
    for side, found in result.summary.vectors.items():
        for name, one in found.measures.items():
            interval = "-" if one.interval is None else f"[{one.interval[0]:.4f}, {one.interval[1]:.4f}]"
            rows.append([f"{name}, {side}", f"{one.mean:.4f}", interval, f"{one.null:.4f}"])
    header = ["measure", "mean over pairs of languages", "95 % interval", NULL_HEADING]
    return table(f"{owner}vectors", header, rows) if rows else ""


def _not_applicable(results: Sequence[RunResult], labels: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason why measures are missing, of all runs that it holds for."""
    sentences: dict[str, list[str]] = {}
    for result in results:
        for reason, names in grouped(reasons_of(result.summary)).items():
            listed = ", ".join(name for name in names if name in MEASURES or name == RANK_DISTANCE_NULL) or ", ".join(
                names
            )
            sentences.setdefault(f"Not applicable: {listed} ({reason}).", []).append(labels[result.run])
    for sentence, names in sentences.items():
        yield note(sentence if len(names) == len(results) else f"{', '.join(names)}: {sentence}")


def _signed(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:+.2f}, {ends[1]:+.2f}]"
