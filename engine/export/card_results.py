"""The results of one benchmark as a model card tells them: metrics, language pairs, language bias, protocol."""

from __future__ import annotations

from collections.abc import Iterator

from engine.applicability import grouped, reasons_of
from engine.evaluation.results import Summary
from engine.events import Advantage, LanguageBias
from engine.export.evaluation import NULL_HEADING, protocol_values
from engine.export.markdown import markdown_table
from engine.measures import METRICS, RANK_DISTANCE_NULL


def results_text(summary: Summary, untrained: Summary | None) -> Iterator[str]:
    """Paragraphs and tables; ``untrained``: the same benchmark before training, where that was measured."""
    yield f"## Results on {summary.benchmark}"
    counts = ", ".join(f"{number:,} {name}" for name, number in summary.settings.items() if number)
    several = len(summary.languages) > 1
    languages = f"{len(summary.languages)} languages" if several else "one language"
    yield (
        f"{summary.count_of_queries()} against {summary.candidates:,} candidates in {languages}; settings: {counts}. "
        f"Means over questions{', then over languages' if several else ''}."
    )
    yield _metrics(summary, untrained)
    if several:
        yield "mAP x 100, questions in the language of the row, candidates in that of the column:"
        yield _matrix(summary)
    if summary.rank_distance:
        yield "### Language bias"
        yield (
            "Rank distance is how far apart the translations of one answer stand in the pool of all languages. It "
            "grows with the level of the ranks even where languages play no part: its null is what the same ranks "
            "would give if they did not. The own-language advantage is signed: by how many doublings of rank an answer "
            "gains from being in the question's language, with a 95 % interval over clusters."
        )
        yield _bias(summary)
    if summary.bias is not None and (rows := _measures(summary.bias)):
        yield (
            "Other measures of language bias, means over question languages with 95 % intervals over clusters. The "
            "last column is what each would be on the same rankings if languages did not matter."
        )
        yield markdown_table(["measure", "this model", "95 % interval", NULL_HEADING], rows, [False] + [True] * 3)
    if reasons := grouped(reasons_of(summary)):
        parts = (f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
        yield "Not applicable here: " + "; ".join(parts) + "."
    yield "### How these numbers were made"
    yield _protocol(summary)
    yield (
        "One run is one draw of chance: another seed gives other numbers. Questions share passages and articles, so "
        "that differences between models need a paired comparison that resamples these clusters. The numbers hold for "
        "these candidates, prefixes, lengths and this tie rule; others cannot be set beside them."
    )


def _metrics(summary: Summary, untrained: Summary | None) -> str:
    rows = []
    for name in (*METRICS, RANK_DISTANCE_NULL):
        value = summary.metrics.get(name)
        if value is None:
            continue
        before = [] if untrained is None else [_number(name, untrained.metrics.get(name))]
        rows.append([name, _number(name, value), *before])
    header = ["metric", "this model"] if untrained is None else ["metric", "this model", "untrained"]
    return markdown_table(header, rows, [False] + [True] * (len(header) - 1))


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    in_ranks = name.startswith("rank_distance") or name == "worst_relevant_rank"
    return f"{value:,.1f}" if in_ranks else f"{value:.4f}"


def _matrix(summary: Summary) -> str:
    answered = sorted({name for row in summary.matrix.values() for name in row})
    rows = [
        [f"**{asked}**", *(f"{100 * row[name]:.1f}" if name in row else "-" for name in answered)]
        for asked, row in summary.matrix.items()
    ]
    return markdown_table(["", *answered], rows, [False] + [True] * len(answered))


def _bias(summary: Summary) -> str:
    nulls = {} if summary.bias is None else summary.bias.by_language.get(RANK_DISTANCE_NULL, {})
    rows = []
    for language, distances in summary.rank_distance.items():
        advantage = _advantage(summary.own_language_advantage.get(language))
        null = f"{nulls[language]:,.1f}" if language in nulls else "-"
        rows.append(
            [language, f"{distances.mean:,.1f}", null, f"{distances.median:,.1f}", f"{distances.p90:,.1f}", advantage]
        )
    mean = None if summary.bias is None else summary.bias.own_language_advantage
    means = (_number(name, summary.metrics.get(name)) for name in ("rank_distance", RANK_DISTANCE_NULL))
    rows.append(["**mean**", *means, "", "", _advantage(mean)])
    header = ["questions in", "rank distance", "its null", "median", "90 %", "own-language advantage"]
    return markdown_table(header, rows, [False] + [True] * 5)


def _measures(bias: LanguageBias) -> list[list[str]]:
    """Those that stand nowhere else in the card."""
    rows = []
    for name, value in bias.measures.items():
        if name not in (RANK_DISTANCE_NULL, "own_language_advantage"):
            ends, null = bias.intervals.get(name), bias.nulls.get(name)
            interval = "-" if ends is None else f"[{_number(name, ends[0])}, {_number(name, ends[1])}]"
            rows.append([name, _number(name, value), interval, _number(name, null)])
    return rows


def _advantage(advantage: Advantage | None) -> str:
    if advantage is None:
        return "-"
    interval = "" if advantage.interval is None else f" [{advantage.interval[0]:+.2f}, {advantage.interval[1]:+.2f}]"
    return f"{advantage.mean:+.2f}{interval}"


def _protocol(summary: Summary) -> str:
    rows = [
        [name, ("none" if value in (None, "") else f"`{value}`") + origin]
        for name, value, origin in protocol_values(summary.protocol)
    ]
    return markdown_table(["protocol", "value"], rows, [False, False])
