"""Which evaluation a person looks at."""

from __future__ import annotations

from dataclasses import dataclass

from engine.runs.state import EvaluationPoint
from tui.follow.detail import RunDetail
from tui.run.contrast import Against, Contrast

LanguagePair = tuple[str, str | None]  # query language, candidate language; None: the pool of all languages


@dataclass
class Selection:
    """Benchmark and step chosen by a person; None follows the run: its main benchmark, its newest evaluation."""

    benchmark: str | None = None
    step: int | None = None
    contrast: Contrast | None = None
    pair: LanguagePair | None = None  # whose queries are looked at; None: the worst pair's

    def points(self, detail: RunDetail) -> tuple[EvaluationPoint, ...]:
        """The evaluations of the chosen benchmark by ascending step."""
        return detail.of_benchmark(self._benchmark(detail) or "")

    def point(self, detail: RunDetail) -> EvaluationPoint | None:
        points = self.points(detail)
        for point in points:
            if point.step == self.step:
                return point
        return points[-1] if points else None

    def against(self, detail: RunDetail) -> Against | None:
        """What the evaluation in sight is held against, where somebody chose that and it exists."""
        point = self.point(detail)
        if self.contrast is None or point is None:
            return None
        return self.contrast.against(self.points(detail), point)

    def move_step(self, detail: RunDetail, by: int) -> None:
        """To the evaluation before or after; at the newest one it follows the run again."""
        points, current = self.points(detail), self.point(detail)
        if current is None:
            return
        index = max(0, min(len(points) - 1, points.index(current) + by))
        self.step = None if index == len(points) - 1 else points[index].step

    def next_benchmark(self, detail: RunDetail) -> str | None:
        """The benchmark after the present one; None where there is only one."""
        keys = detail.benchmarks
        if len(keys) < 2:
            return None
        self.benchmark = keys[(keys.index(self._benchmark(detail) or keys[0]) + 1) % len(keys)]
        return self.benchmark

    def _benchmark(self, detail: RunDetail) -> str | None:
        return self.benchmark if self.benchmark in detail.benchmarks else detail.row.benchmark
