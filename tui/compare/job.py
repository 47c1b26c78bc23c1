"""What a comparison is of, and its computing, which a process of its own does while a thread waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.export.background import JobProgress
from engine.export.compare_job import CompareOutcome, CompareRequest
from engine.export.compare_rows import CompareRow
from tui.follow.rows import RunRow
from tui.job_process import ask_beside

KEPT = 16  # comparisons that a dashboard remembers
LABELS = {
    "map_monolingual": "mAP monolingual", "map_crosslingual": "mAP cross-lingual",
    "map_multilingual": "mAP multilingual", "rank_distance": "rank distance",
    "own_language_advantage": "own advantage", "ndcg_at_10": "nDCG@10",
}  # fmt: skip
_SEEDS = ", for these seeds"
_GOOD = ("better", "lower")
_BAD = ("worse", "higher")

Key = tuple[str, str, tuple[tuple[str, int, float], ...]]


@dataclass(frozen=True)
class Choice:
    """Runs to be compared on one benchmark; ``rows`` in the order in which they were started."""

    rows: tuple[RunRow, ...]
    baseline: RunRow
    benchmark: str

    @property
    def key(self) -> Key:
        """Equal for comparisons of the same evaluations: runs, steps and when these were evaluated."""
        found = tuple((str(row.folder.path), *evaluated(row)[self.benchmark]) for row in self.rows)
        return str(self.baseline.folder.path), self.benchmark, found

    @property
    def subject(self) -> tuple[str, str, tuple[str, ...]]:
        """Equal for comparisons of the same runs, baseline and benchmark, whenever they were evaluated."""
        runs = tuple(str(row.folder.path) for row in self.rows)
        return str(self.baseline.folder.path), self.benchmark, runs

    def request(self) -> CompareRequest:
        return CompareRequest(
            runs=tuple(str(row.folder.path) for row in self.rows),
            baseline=str(self.baseline.folder.path),
            benchmark=self.benchmark,
        )


def evaluated(row: RunRow) -> dict[str, tuple[int, float]]:
    """(step, unix seconds) of the newest evaluation on each benchmark."""
    return {benchmark: (step, t) for benchmark, step, t in row.evaluated}


def oldest_first(rows: Sequence[RunRow]) -> tuple[RunRow, ...]:
    """The order of runs in a comparison; it decides their colours, so that it depends on nothing else."""
    return tuple(sorted(rows, key=lambda row: (row.created, row.id)))


def usual_baseline(rows: Sequence[RunRow]) -> RunRow:
    """Monolingual training where there is such a run, else the first."""
    return next((row for row in rows if row.mode == "mono"), rows[0])


def common_benchmarks(rows: Sequence[RunRow]) -> list[str]:
    """On which all runs have been evaluated, in the order of the first."""
    return [key for key in evaluated(rows[0]) if all(key in evaluated(row) for row in rows)]


def compute(
    request: CompareRequest, progress: Callable[[JobProgress], None], cancelled: threading.Event
) -> CompareOutcome | None:
    """Waits for the process; None when ``cancelled`` was set before it was done.

    Raises:
        ConfigError: the runs cannot be compared; one line.
        OSError: no process can be made.
    """
    return ask_beside("engine.export.compare_job", request, CompareOutcome, progress, cancelled)


def measure_label(metric: str) -> str:
    """What a measure is called in a sentence or a table."""
    return LABELS.get(metric, metric)


def words(row: CompareRow) -> str:
    """The verdict without what is said once for all rows: the margin, and whose seeds it is about."""
    return short_verdict(row.verdict)


def spoken(row: CompareRow) -> str:
    """The verdict in a sentence that has said the margin: with whose seeds it is about."""
    return words(row) + (_SEEDS if row.verdict.endswith(_SEEDS) else "")


def short_verdict(verdict: str) -> str:
    """The same of a verdict alone."""
    return verdict.removesuffix(_SEEDS).partition(" at the margin")[0]


def style(row: CompareRow) -> str:
    """Of a verdict; colour repeats what the words say."""
    return verdict_style(words(row))


def verdict_style(words: str) -> str:
    """The same of its words alone."""
    first = words.partition(" ")[0]
    if first in _GOOD:
        return "good"
    if words == "worse but not inferior":
        return "accent"
    return "warning" if first in _BAD else "dim" if first == "undecided" else "accent"


def condition_of(path: Path, conditions: dict[str, list[str]]) -> str:
    """The condition that a run folder belongs to; empty where it is in none."""
    return next((name for name, runs in conditions.items() if path.name in runs), "")
