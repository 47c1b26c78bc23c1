"""How everything in a study's report was measured: runs with their checkpoints, and the protocol of each benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.export.checkpoint_choice import selection_rule
from engine.export.evaluation import correction_text, protocol_values
from engine.export.report.cells import text_table
from engine.export.run_results import RunResult
from engine.export.study_results import StudyResults


def protocol_section(study: StudyResults) -> Iterator[str]:
    """Without its heading."""
    lines = []
    for condition, runs in study.runs.items():
        for run in runs:
            results = list(run.results.values())
            rules = dict.fromkeys(selection_rule(result) for result in results)
            lines.append(
                [
                    condition,
                    run.path.name,
                    results[0].model if results else "-",
                    str(run.spec.config.seed) if run.is_trained else "-",
                    ", ".join(dict.fromkeys(f"{result.step:,}" for result in results)) or "-",
                    "; ".join(rules) or "nothing was measured",
                ]
            )
    right = [False, False, False, True, True, False]
    yield text_table(["condition", "run", "model", "seed", "step", "checkpoint"], lines, right)
    values = {
        (condition, key): dict(_protocol_of(next(run.results[key] for run in runs if key in run.results)))
        for condition, runs in study.runs.items()
        for key in study.keys
        if any(key in run.results for run in runs)
    }
    # What is the same everywhere, what is of a condition on whatever benchmark, what is of a benchmark whatever was
    # measured on it, and the rest.
    shared: dict[tuple[str, ...], str] = {}
    of_condition: dict[tuple[str, ...], str] = {}
    of_benchmark: dict[tuple[str, ...], str] = {}
    of_both: dict[tuple[str, ...], str] = {}
    for name in dict.fromkeys(name for found in values.values() for name in found):
        texts = {place: found.get(name, "none") for place, found in values.items()}
        if len(set(texts.values())) == 1:
            shared[name,] = next(iter(texts.values()))
        elif _is_decided_by(0, texts):
            of_condition.update({(condition, name): text for (condition, _), text in texts.items()})
        elif _is_decided_by(1, texts):
            of_benchmark.update({(key, name): text for (_, key), text in texts.items()})
        else:
            of_both.update({(*place, name): text for place, text in texts.items()})
    tables = (
        (["protocol", "value"], shared),
        (["condition", "protocol", "value"], of_condition),
        (["benchmark", "protocol", "value"], of_benchmark),
        (["condition", "benchmark", "protocol", "value"], of_both),
    )
    order = {name: index for index, name in enumerate([*study.runs, *study.keys])}

    def position(place: tuple[str, ...]) -> list[int]:
        return [order[name] for name in place[:-1]]

    for header, found in tables:
        if found:
            rows = [[*place, text] for place, text in sorted(found.items(), key=lambda item: position(item[0]))]
            yield text_table(header, rows, [False] * len(header))


def _is_decided_by(part: int, texts: Mapping[tuple[str, str], str]) -> bool:
    """Whether all (condition, benchmark) with the same condition (0), or the same benchmark (1), have one text."""
    seen: dict[str, str] = {}
    return all(seen.setdefault(place[part], text) == text for place, text in texts.items())


def _protocol_of(result: RunResult) -> Iterator[tuple[str, str]]:
    """What is the same for all runs of a condition on a benchmark."""
    of_one_run = {"ties", "truncated_queries", "truncated_passages", "model_digest", "tokenizer_digest"}
    for name, value, origin in protocol_values(result.summary.protocol):
        if name not in of_one_run:
            text = correction_text(value) if isinstance(value, dict) else str(value)
            yield name, ("none" if value in (None, "") else text) + origin
