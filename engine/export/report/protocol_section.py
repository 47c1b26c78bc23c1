"""How everything in a study's report was measured: runs with their checkpoints, and the protocol of each benchmark."""

from __future__ import annotations

from collections.abc import Iterator

from engine.export.checkpoint_choice import selection_rule
from engine.export.evaluation import protocol_values
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
    firsts = {
        key: next(run.results[key] for run in study.counted_runs if key in run.results)
        for key in study.keys
        if any(key in run.results for run in study.counted_runs)
    }
    values = {key: dict(_protocol_of(result)) for key, result in firsts.items()}
    names = list(dict.fromkeys(name for found in values.values() for name in found))
    shared = {
        name: next(iter(values.values()))[name]
        for name in names
        if len({found.get(name) for found in values.values()}) == 1
    }
    if shared:
        yield text_table(["protocol", "value"], [list(item) for item in shared.items()], [False, False])
    own = [[key, name, text] for key, found in values.items() for name, text in found.items() if name not in shared]
    if own:
        yield text_table(["benchmark", "protocol", "value"], own, [False] * 3)


def _protocol_of(result: RunResult) -> Iterator[tuple[str, str]]:
    """What is the same for all runs on a benchmark."""
    of_one_run = {"ties", "truncated_queries", "truncated_passages", "model_digest", "tokenizer_digest"}
    for name, value, origin in protocol_values(result.summary.protocol):
        if name not in of_one_run:
            yield name, ("none" if value in (None, "") else str(value)) + origin
