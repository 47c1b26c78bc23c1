"""The trackers that there are, and what each needs to be installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.config_error import ConfigError
from engine.export.mirror.tracker import Tracker
from engine.runs.text import writable

DEFAULT_PROJECT = "hybrid-tui"


def _tensorboard(out: Path | None, project: str | None) -> Tracker:
    from engine.export.mirror.tensorboard_tracker import TensorBoardTracker

    folder = (out or Path("tensorboard")).absolute()
    return TensorBoardTracker(folder / project if project else folder)


def _wandb(out: Path | None, project: str | None) -> Tracker:
    from engine.export.mirror.wandb_tracker import WandbTracker

    return WandbTracker(out, project or os.environ.get("WANDB_PROJECT") or DEFAULT_PROJECT)


def _trackio(out: Path | None, project: str | None) -> Tracker:
    from engine.export.mirror.trackio_tracker import TrackioTracker

    return TrackioTracker(out, project or DEFAULT_PROJECT)


def _mlflow(out: Path | None, project: str | None) -> Tracker:
    from engine.export.mirror.mlflow_tracker import MlflowTracker

    return MlflowTracker(out, project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_PROJECT)


# Each is also the name of its package, and of the extra that installs it.
TRACKERS: Mapping[str, Callable[[Path | None, str | None], Tracker]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "trackio": _trackio,
    "mlflow": _mlflow,
}


def make_tracker(name: str, out: Path | None, project: str | None) -> Tracker:
    """A tracker for one run.

    Args:
        out: the folder to write to; None: where the tracker itself would.
        project: or experiment; None: what the tracker's own variable says, else ``DEFAULT_PROJECT``.

    Raises:
        ConfigError: the tracker's package is not installed, or ``out`` is no folder with a name in UTF-8.
        TrackerError: the tracker refuses its address.
        OSError: ``out`` cannot be made.
    """
    if importlib.util.find_spec(name) is None:
        raise ConfigError(f"--to {name}: not installed; pip install 'hybrid-tui[{name}]' (all: 'hybrid-tui[trackers]')")
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out: {out} is a file, expected a folder")
    folder = str(Path(out or "").absolute())
    if writable(folder) != folder:
        raise ConfigError(f"--out: {writable(folder)} is not UTF-8, and no tracker takes such a name")
    return TRACKERS[name](out, project)
