"""The loss of a run as one curve per batch mode, kept up to date step by step."""

from __future__ import annotations

from collections import Counter

from engine.runs.series import MODE_NAMES, Series
from tui.drawing.curve import Curve, View

RIBBON_KEPT = 240
SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


class CurveBook:
    """Owned by the reader thread; hands out views that stay true while it goes on."""

    def __init__(self) -> None:
        self._beta = 0.0
        self._curves: dict[str, Curve] = {}
        self._counts: Counter[str] = Counter()
        self._series: Series | None = None
        self._attempt = 0
        self._done = 0

    def sync(self, series: Series, attempt: int, beta: float) -> None:
        """Takes up the steps that are new. A resumed run (another attempt) may have superseded some: it starts over."""
        if series is not self._series or attempt != self._attempt or len(series) < self._done:
            self._series, self._attempt, self._done = series, attempt, 0
            self._curves, self._counts = {}, Counter()
        if beta != self._beta:
            self._beta = beta
            self._curves = {mode: curve.with_smoothing(beta) for mode, curve in self._curves.items()}
        start, end = self._done, len(series)
        if start == end:
            return
        codes, losses = series.mode[start:end], series.loss[start:end]
        for code, mode in enumerate(MODE_NAMES):
            if code not in codes:
                continue
            places = [index for index, found in enumerate(codes) if found == code]
            curve = self._curves.setdefault(mode, Curve(beta))
            curve.extend([start + index + 1 for index in places], [losses[index] for index in places])
            self._counts[mode] += len(places)
        self._done = end

    def views(self) -> tuple[tuple[str, View], ...]:
        """(mode, curve) in the order mono, cross, mixed, english."""
        return tuple((mode, self._curves[mode].view()) for mode in MODE_NAMES if mode in self._curves)

    def counts(self) -> dict[str, int]:
        """Batches of each mode so far."""
        return {mode: self._counts[mode] for mode in MODE_NAMES if self._counts[mode]}


def usual_smoothing(max_steps: int) -> float:
    """Enough to see the trend, little enough not to lag behind it: about a fortieth of the run."""
    return next((beta for beta in reversed(SMOOTHINGS) if beta and 1 / (1 - beta) <= max_steps / 40), 0.5)


def last_modes(series: Series, kept: int = RIBBON_KEPT) -> tuple[str, ...]:
    """The modes of the newest batches, oldest first; an unknown one is empty."""
    return tuple(MODE_NAMES[code] if code < len(MODE_NAMES) else "" for code in series.mode[-kept:])
