"""Rows of the table of runs, made without a run."""

from __future__ import annotations

from pathlib import Path

from engine.runs.folder import RunFolder
from tui.follow.rows import RunRow


def make_run_row(number: int, **other: object) -> RunRow:
    """A finished run called ``run-NUMBER``, with other values where they are given."""
    values: dict[str, object] = {
        "folder": RunFolder(Path("/runs") / f"run-{number}"), "name": f"run-{number}", "mode": "mono",
        "mono_share": None, "state": "finished", "reason": "", "step": 10, "max_steps": 10, "loss": None, "spark": (),
        "benchmark": None, "metrics": {}, "updated": 0.0, "device": "", "host": "", "work": None,
        "seconds_left": None, "alive": False, "attempt": 1,
    }  # fmt: skip
    return RunRow(**(values | other))  # type: ignore[arg-type]
