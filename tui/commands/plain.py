"""A run as plain lines: for pipes, batch logs and terminals without a screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.runs.folder import RunFolder
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.state import EvaluationPoint, RunState
from engine.runs.status import Status, explanation, shown_state, status_of
from engine.runs.text import visible
from tui.numbers import count, metric_value, number, share

_POLL_SECONDS = 0.1
_STEP_LINE_SECONDS = 2.0
ENDED = frozenset({"paused", "stopped", "finished", "failed", "crashed"})


def follow(folder: RunFolder, line: Callable[[str], None]) -> Status:
    """Prints what happens until the run has ended and its process is gone; returns how it ended."""
    follower = Follower(folder, line)
    while not follower.look():
        time.sleep(_POLL_SECONDS)
    return follower.status()


class Follower:
    """Tells of one run, line by line."""

    def __init__(self, folder: RunFolder, line: Callable[[str], None]) -> None:
        self._reader = RunReader(folder)
        self._line = line
        self._seq, self._step, self._told_at = 0, 0, time.monotonic()
        self._evaluations: set[tuple[int, str]] = set()

    def look(self) -> bool:
        """Tells what is new; True once the run has ended and its process is gone."""
        # Asked before reading: a worker that ends between the two has written all that is then read.
        liveness = probe(self._reader.folder)
        self._reader.poll()
        state = self._reader.state
        for note in state.notes:
            if note.seq > self._seq:
                self._line(f"{time.strftime('%H:%M:%S', time.localtime(note.t))}  {visible(note.text)}")
        self._seq = state.seq
        for point in state.evaluations:
            if (point.step, point.benchmark) not in self._evaluations:
                self._evaluations.add((point.step, point.benchmark))
                self._line(f"          {evaluation_line(state, point)}")
        if state.step != self._step and time.monotonic() - self._told_at >= _STEP_LINE_SECONDS:
            self._step, self._told_at = state.step, time.monotonic()
            self._line(f"          {standing_line(state)}")
        if liveness.alive or shown_state(state, liveness, time.time()) not in ENDED:
            return False
        if why := explanation(self._reader.folder, state, liveness):
            self._line(visible(why))
        return True

    def status(self) -> Status:
        return status_of(self._reader)


def standing_line(state: RunState) -> str:
    """How far a training is, or what an evaluation measures."""
    if state.kind == "evaluation":
        return visible(state.system)
    rate = state.pairs_per_second()
    loss = number(state.loss)
    speed = "" if rate is None else f"   {count(rate)} pairs/s"
    return f"step {state.step:,}/{state.max_steps:,}   loss {loss}{speed}"


def evaluation_line(state: RunState, point: EvaluationPoint) -> str:
    metrics = point.result.metrics
    sample = "" if point.result.sampled_of is None else f", {point.result.count_of_queries()}"
    at = "" if state.kind == "evaluation" else f" at step {point.step:,}"
    shown = {name: metric_value(name, value) for name, value in metrics.items()}
    where = f"{visible(point.benchmark)}{at}{sample}"
    if len(point.result.languages) == 1:
        return (
            f"{where}: nDCG@10 {shown.get('ndcg_at_10', '-')}  mAP {shown.get('map_monolingual', '-')}"
            f"  R@100 {shown.get('recall_at_100', '-')}"
        )
    return (
        f"{where}: mAP mono {shown.get('map_monolingual', '-')}  cross {shown.get('map_crosslingual', '-')}"
        f"  pool {shown.get('map_multilingual', '-')}  rank distance {shown.get('rank_distance', '-')}"
    )


RESULT_HEADER = ("run", "mode", "alpha", "state", "step", "benchmark", "mono", "cross", "pool", "R@10", "rank dist")


def result_table(states: Sequence[tuple[Status, RunState]]) -> list[str]:
    """One line per run and benchmark, with a header: the last evaluation of each."""
    rows: list[Sequence[str]] = [RESULT_HEADER]
    for status, state in states:
        latest: Mapping[str, EvaluationPoint | None] = state.latest_evaluations() or {"-": None}
        for benchmark, point in latest.items():
            metrics = point.result.metrics if point else {}
            of = point.result.sampled_of if point else None
            sample = "" if of is None else f" (sample of {of:,})"
            rows.append(
                (
                    visible(status.id),
                    status.mode or status.kind,
                    state.mono_share_schedule or share(state.mono_share, 2),
                    status.state,
                    "-" if status.kind == "evaluation" else f"{status.step:,}/{status.max_steps:,}",
                    visible(benchmark) + sample,
                    metric_value("map_monolingual", metrics.get("map_monolingual")),
                    metric_value("map_crosslingual", metrics.get("map_crosslingual")),
                    metric_value("map_multilingual", metrics.get("map_multilingual")),
                    metric_value("recall_at_10_multilingual", metrics.get("recall_at_10_multilingual")),
                    metric_value("rank_distance", metrics.get("rank_distance")),
                )
            )
    return align(rows, right_from=6)


def align(rows: Sequence[Sequence[str]], right_from: int) -> list[str]:
    """Columns padded to their widest cell; those from ``right_from`` on are right-aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def cells(row: Sequence[str]) -> Iterable[str]:
        for column, (text, width) in enumerate(zip(row, widths, strict=True)):
            yield text.rjust(width) if column >= right_from else text.ljust(width)

    return ["  ".join(cells(row)).rstrip() for row in rows]
