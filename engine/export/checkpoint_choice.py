"""How the checkpoint behind a result came to be chosen, and whether it may be judged on the benchmark at hand."""

from __future__ import annotations

from engine.evaluation.results import read_summary
from engine.export.run_results import ExportError, RunResult, benchmark_folders


def selection_rule(result: RunResult) -> str:
    """How the checkpoint that is compared came to be chosen, as far as the run's folder tells."""
    if not result.is_trained:
        return f"none: {result.model} is measured as it is"
    if result.checkpoint is not None:
        return f"step {result.step:,}, named for this comparison"
    if result.choice is not None:
        rule = result.choice.rule()
        return rule if result.step == result.choice.step else f"newest evaluated step ({result.step:,}), not the {rule}"
    last = result.config.optimizer.max_steps
    if result.step == last:
        return f"last step ({last:,}), fixed before training"
    return f"newest evaluated step ({result.step:,} of {last:,}), not the last one that was fixed before training"


def selected_on_itself(result: RunResult) -> bool:
    """Whether the checkpoint was chosen for its score on these very queries, on which it then scores too well."""
    validation = result.config.evaluation.validation
    if result.choice is None or validation in (None, "loss"):
        return False
    if result.checkpoint not in (None, result.choice.step):
        return False
    if validation == result.benchmark:
        return True
    step = next(parent for parent in result.folder.parents if parent.name == f"step-{result.step:06d}")
    folder = benchmark_folders(step).get(str(validation))
    return folder is not None and read_summary(folder).protocol.data_digest == result.summary.protocol.data_digest


def check_not_selected_here(result: RunResult) -> None:
    """Raises ExportError where the checkpoint was selected on these queries: there is no verdict on it then."""
    if result.choice is not None and selected_on_itself(result):
        raise ExportError(
            f"{result.run}: its checkpoint was selected on {result.benchmark} itself ({result.choice.rule()}); there "
            "is no verdict on it: select by 'loss' or another benchmark, or take the last step (evaluation.select)"
        )
