"""Weights & Biases: a run of the same id as ours.

Every row has its number in the timeline as W&B's own step, and the training step in the column ``step``, which charts
go by: W&B takes its own steps only in rising order, and an older checkpoint may be evaluated later.

Online, W&B says how many rows it has. Offline, nobody can say whether an earlier folder was uploaded: a mirror writes
the run whole to a folder of its own, and then removes that of the mirror before it.
"""

from __future__ import annotations

import glob
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.export.mirror.tracker import Description, Opened, Row, TrackerError
from engine.runs.state import Note

_OFFLINE_FOLDER = re.compile(r"offline-run-\d{8}_\d{6}-.+")
_FAILED = frozenset({"failed", "crashed"})


class WandbTracker:
    def __init__(self, out: Path | None, project: str) -> None:
        import wandb

        self._wandb = wandb
        self._out = out
        self._project = project
        self._run: Any = None
        self._older: Path | None = None

    @property
    def destination(self) -> str:
        return f"{self._project} in {self._out or Path.cwd()}"

    def open(self, run: Description, name: str, opened_before: str) -> Opened:
        mode = self._wandb.setup().settings.mode
        if mode == "disabled":
            raise TrackerError("wandb: WANDB_MODE is disabled; nothing would be written")
        if self._out is not None:
            self._out.mkdir(parents=True, exist_ok=True)
        # W&B names a folder after the second: ours must not be the one that it takes the place of.
        while time.strftime(f"offline-run-%Y%m%d_%H%M%S-{name}") == Path(opened_before).name:
            time.sleep(0.05)
        # It would otherwise measure this machine and note this process, and the run is another one.
        settings = self._wandb.Settings(
            console="off", silent=True, disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True
        )
        try:
            self._run = self._wandb.init(
                project=self._project, id=name, name=name, dir=self._out, reinit="create_new",
                resume="allow" if mode == "online" else None,
                group=run.study or None, config={**run.config, "run": dict(run.facts)}, settings=settings,
            )  # fmt: skip
        except self._wandb.Error as error:
            raise TrackerError(f"wandb: {_line(error)} (without an account: WANDB_MODE=offline)") from None
        self._run.define_metric("*", step_metric="step")
        if not self._run.offline:
            return Opened(self._run.path, self._run.step if self._run.resumed else 0, self._run.url)
        folder = Path(self._run.dir).parent
        before = Path(opened_before)
        self._older = before if _OFFLINE_FOLDER.fullmatch(before.name) and before != folder else None
        return Opened(str(folder), 0, str(folder))

    def write(self, rows: Sequence[Row], first: int) -> None:
        for number, row in enumerate(rows, start=first):
            self._run.log({**row.values, "step": row.step, "_timestamp": row.t}, step=number)

    def tell(self, notes: Sequence[Note], noted: int, step: int, state: str) -> None:
        self._run.summary["state"] = state
        self._run.summary["training_step"] = step
        path = Path(self._run.dir) / "notes.txt"
        path.write_text("".join(f"{note.text}\n" for note in notes), encoding="utf-8")
        self._run.save(glob.escape(str(path)), base_path=self._run.dir, policy="live")

    def flush(self) -> bool:
        """W&B's own process has every row, and writes it to the disk whatever becomes of this one."""
        return True

    def close(self, state: str, ended: float) -> None:
        try:
            self._run.finish(exit_code=int(state in _FAILED))
        except self._wandb.Error as error:
            raise TrackerError(f"wandb: {_line(error)}") from None
        if self._older is not None:
            shutil.rmtree(self._older, ignore_errors=True)
            self._older = None

    def discard(self, opened_before: str) -> None:
        """A folder is removed. A run at W&B stays as it is, and may be deleted there: another one has its points."""
        folder = Path(opened_before)
        if _OFFLINE_FOLDER.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
