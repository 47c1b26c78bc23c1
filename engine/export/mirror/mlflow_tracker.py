"""MLflow: a run in an experiment, on a server or in a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from engine.export.mirror.tracker import Description, Opened, Row, TrackerError
from engine.runs.state import Note

_METRICS, _PARAMS = 1000, 100  # that a server takes at once
_LONGEST_PARAM = 6000  # characters
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "crashed": "FAILED", "stopped": "KILLED", "paused": "KILLED"}
_NAMED = frozenset(" /_.-:")

T = TypeVar("T")


class MlflowTracker:
    def __init__(self, out: Path | None, project: str) -> None:
        import mlflow
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException

        self._metric, self._param, self._tag, self._error = Metric, Param, RunTag, MlflowException
        self._out, self._project = out, project
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        self._address = mlflow.get_tracking_uri() if out is None else f"sqlite:///{out.absolute()}/mlflow.db"
        try:
            self._client = mlflow.MlflowClient(tracking_uri=self._address)
        except MlflowException as error:
            raise TrackerError(f"mlflow: {_line(error)}") from None
        self._id = ""

    @property
    def destination(self) -> str:
        return f"{self._project} at {self._address}"

    def open(self, run: Description, name: str, opened_before: str) -> Opened:
        try:
            if not opened_before or not self._is_there(opened_before):
                opened_before = self._create(run, name)
            self._id = opened_before
            self._client.update_run(self._id, status="RUNNING")
        except self._error as error:
            raise TrackerError(f"mlflow: {_line(error)}") from None
        return Opened(self._id, None, f"{self._address}, run {self._id}")

    def write(self, rows: Sequence[Row], first: int) -> None:
        metrics = [
            self._metric(_name(name), float(value), round(row.t * 1000), row.step)
            for row in rows
            for name, value in row.values.items()
        ]
        try:
            for part in _parts(metrics, _METRICS):
                self._client.log_batch(self._id, metrics=part)
        except self._error as error:
            raise TrackerError(f"mlflow: {_line(error)}") from None

    def tell(self, notes: Sequence[Note], noted: int, step: int, state: str) -> None:
        try:
            self._client.set_tag(self._id, "state", state)
            self._client.log_text(self._id, "".join(f"{note.text}\n" for note in notes), "notes.txt")
        except self._error as error:
            raise TrackerError(f"mlflow: {_line(error)}") from None

    def flush(self) -> bool:
        """What ``write`` and ``tell`` took is at the server."""
        return True

    def close(self, state: str, ended: float) -> None:
        try:
            if status := _STATUS.get(state):
                self._client.set_terminated(self._id, status, end_time=round(ended * 1000))
        except self._error as error:
            raise TrackerError(f"mlflow: {_line(error)}") from None

    def discard(self, opened_before: str) -> None:
        """MLflow keeps deleted runs, and can restore them."""
        try:
            if self._is_there(opened_before):
                self._client.delete_run(opened_before)
        except self._error as error:
            raise TrackerError(f"mlflow: {_line(error)}") from None

    def _is_there(self, run_id: str) -> bool:
        try:
            return bool(self._client.get_run(run_id).info.lifecycle_stage == "active")
        except self._error as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def _create(self, run: Description, name: str) -> str:
        experiment = self._client.get_experiment_by_name(self._project)
        if experiment is None:
            artifacts = None if self._out is None else (self._out.absolute() / "artifacts").as_uri()
            key = self._client.create_experiment(self._project, artifact_location=artifacts)
        else:
            key = experiment.experiment_id
        tags = {f"run.{key}": text for key, text in run.facts.items()}
        created = self._client.create_run(key, start_time=round(run.created * 1000), tags=tags, run_name=name)
        params = [self._param(_name(key), str(value)[:_LONGEST_PARAM]) for key, value in run.settings().items()]
        for part in _parts(params, _PARAMS):
            self._client.log_batch(created.info.run_id, params=part)
        return str(created.info.run_id)


def _parts(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _name(name: str) -> str:
    """MLflow knows letters, digits and a few signs."""
    return "".join(sign if sign.isalnum() or sign in _NAMED else "_" for sign in name)


def _line(error: Any) -> str:
    return " ".join(str(error).split()) or type(error).__name__
