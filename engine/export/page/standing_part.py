"""What each run of a report is and how it ended: a column a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from engine.export.checkpoint_choice import selection_rule
from engine.export.page.html import note, table
from engine.export.page.reported_run import ReportedRun
from engine.mono_share import mono_share_text

ACROSS = 4  # runs side by side

_ROWS: dict[str, Callable[[ReportedRun], str]] = {
    "id": lambda run: run.name,
    "state": lambda run: run.status.state,
    "why": lambda run: run.explanation,
    "measured" : lambda run: "" if run.is_trained else run.state.system,
    "model": lambda run: run.spec.config.model.name if run.is_trained else "",
    "batches": lambda run: _batches(run),
    "seed": lambda run: str(run.spec.config.seed) if run.is_trained else "",
    "steps": lambda run: f"{run.status.step:,} of {run.status.max_steps:,}" if run.is_trained else "",
    "checkpoint": lambda run: "; ".join(dict.fromkeys(selection_rule(result) for result in run.results)),
    "created": lambda run: _utc(run.spec.created),
    "last event": lambda run: _utc(run.state.updated),
    "device": lambda run: run.state.device.name if run.state.device is not None else "",
    "host": lambda run: run.status.host or run.spec.provenance.host,
    "warnings": lambda run: f"{run.state.warnings:,}" if run.state.warnings else "",
    "losses that are not finite": lambda run: f"{run.state.non_finite_steps:,}" if run.state.non_finite_steps else "",
    "part of the study": lambda run: run.spec.study.name if run.spec.study is not None else "",
}  # fmt: skip


def standing_part(runs: Sequence[ReportedRun]) -> str:
    """As HTML; rows that say nothing of any run are left out."""
    rows = [(name, [say(run) for run in runs]) for name, say in _ROWS.items()]
    cells = [[name, *(text or "-" for text in texts)] for name, texts in rows if any(texts)]
    header = ["", *(run.label for run in runs)]
    caption = "Runs, a column each" if len(runs) > 1 else "What it is, and how it stands"
    parts = [table(caption, header, cells, words=range(1, 99), across=ACROSS)]
    parts += [note(f"{run.missing}{'' if ': ' in run.missing else ' yet'}.") for run in runs if run.missing]
    return "\n".join(parts)


def _batches(run: ReportedRun) -> str:
    if not run.is_trained:
        return ""
    batch = run.spec.config.batch
    share = f", mono_share {mono_share_text(batch)}" if batch.mode == "hybrid" else ""
    return f"{batch.mode}, {batch.size} pairs{share}"


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC") if seconds else ""
