"""Trackio: a run in a project, on this machine, on a server of one's own or in a Space of the hub.

Trackio takes no times: a row has that at which it was mirrored.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.export.mirror.tracker import Description, Opened, Row, TrackerError
from engine.runs.state import Note


class TrackioTracker:
    def __init__(self, out: Path | None, project: str) -> None:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            os.environ["TRACKIO_DIR"] = str(out.absolute())  # trackio reads it once, when it is loaded
        import trackio

        self._trackio = trackio
        self._project = project
        self._remote = os.environ.get("TRACKIO_SPACE_ID") or os.environ.get("TRACKIO_SERVER_URL")
        self._place = self._remote or str(trackio.utils.TRACKIO_DIR)
        self._run: Any = None
        self._unsaid: tuple[str, int] | None = None  # notes, and the step that they are of

    @property
    def destination(self) -> str:
        return f"{self._project} in {self._place}"

    def open(self, run: Description, name: str, opened_before: str) -> Opened:
        goes_on = opened_before == name and self._is_there(name)
        config = {**run.config, "run": dict(run.facts)}
        # In a context of its own: Trackio would otherwise end the run of this process that it began before.
        context = contextvars.Context()
        try:
            with _quiet():
                self._run = context.run(
                    self._trackio.init, self._project, name=name, group=run.study or None, config=config,
                    resume="allow" if goes_on else "never", embed=False, auto_log_gpu=False, auto_log_cpu=False,
                )  # fmt: skip
        except Exception as error:  # of the hub, of its client, of the database: Trackio names no common one
            raise TrackerError(f"trackio: {' '.join(str(error).split())}") from None
        return Opened(name, None if goes_on else 0, f"{self._place}, project {self._project}, run {name}")

    def write(self, rows: Sequence[Row], first: int) -> None:
        with _quiet():
            for row in rows:
                self._run.log(dict(row.values), step=row.step)

    def tell(self, notes: Sequence[Note], noted: int, step: int, state: str) -> None:
        self._unsaid = (f"state: {state}\n\n" + "".join(f"    {note.text}\n" for note in notes), step)

    def flush(self) -> bool:
        """A thread of Trackio's writes what it was given, within a second, and says so only at the end."""
        return False

    def close(self, state: str, ended: float) -> None:
        with _quiet():
            if self._unsaid is not None:
                text, step = self._unsaid
                self._run.log({"notes": self._trackio.Markdown(text)}, step=step)
                self._unsaid = None
            self._run.finish()

    def discard(self, opened_before: str) -> None:
        """On this machine the run is deleted; elsewhere it stays, and another one has its points."""
        if not self._remote:
            for run in self._runs():
                if run.name == opened_before:
                    run.delete()

    def _is_there(self, name: str) -> bool:
        return bool(self._remote) or any(run.name == name for run in self._runs())

    def _runs(self) -> list[Any]:
        try:
            return list(self._trackio.Api().runs(self._project))
        except ValueError:  # no such project
            return []


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Trackio prints advice to standard output, which belongs to the command; its warnings come through."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
