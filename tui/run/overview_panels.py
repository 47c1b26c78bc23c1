"""The panels beside the charts of the overview: the figures of now or of the crosshair's step, and evaluations."""

from __future__ import annotations

from collections.abc import Sequence

from engine.events import NO_USABLE_GPU
from engine.runs.state import EvaluationPoint
from tui.draw.curve import Point
from tui.draw.lines import Series
from tui.draw.small import progress_bar, sparkline
from tui.draw.text import Piece, Row, fit
from tui.follow.detail import RunDetail
from tui.numbers import age, count, exact, learning_rate, number, percent, share, size, visible
from tui.run.chart_panel import mode_at
from tui.widgets.scrolled import Scrolled

Readings = Sequence[tuple[str, Series, Point]]  # a chart's name, one of its curves, and what it is somewhere
_LABEL = 12  # cells of a figure's name
_OF_LANGUAGES = (
    ("mono", "map_monolingual"), ("cross", "map_crosslingual"), ("pool", "map_multilingual"), ("RD", "rank_distance"),
)  # fmt: skip
_OF_ONE_LANGUAGE = (("mAP", "map_monolingual"), ("nDCG", "ndcg_at_10"), ("R@100", "recall_at_100"))
_SHARES = {"step": "step", "data": "data", "evaluation": "eval", "checkpoint": "save"}


class NowPanel(Scrolled):
    """How fast, how steady, where; under a crosshair every number of that step."""

    def __init__(self) -> None:
        super().__init__("now", id="now")
        self.detail: RunDetail | None = None
        self.crosshair: int | None = None
        self._in_sight: tuple[str, ...] = ()
        self._read: Readings = ()

    def show(self, detail: RunDetail, crosshair: int | None, in_sight: tuple[str, ...], read: Readings) -> None:
        """``read``: what every curve is under the crosshair; ``in_sight``: the charts whose numbers come first."""
        self.detail, self.crosshair, self._in_sight, self._read = detail, crosshair, in_sight, read
        mode = mode_at(detail.charts, crosshair) if crosshair is not None else ""
        batch = f", a {mode} batch" if mode else ""
        self.retitle("now" if crosshair is None else f"step {crosshair:,}{batch}")
        self.redraw()

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        if self.detail is None:
            return [], []
        return [], self.figures(width) if self.crosshair is None else self._at(self.crosshair, width)

    def figures(self, width: int) -> list[Row]:
        """What the run does now."""
        if self.detail is None:
            return []
        detail, now = self.detail, self.host.now()
        rows: list[Row] = [] if detail.row.kind == "evaluation" else self._training(detail, width)
        device, no_gpu, _ = (detail.row.device or "-").partition(f", {NO_USABLE_GPU}")
        rows.append(_figure("device", device))
        if no_gpu:
            rows.append(((fit("", _LABEL), ""), (f"{NO_USABLE_GPU}, see log", "warning")))
        rows += [_figure(label, text) for label, text in telemetry(detail)]
        if detail.row.kind == "training":
            rows += _time_shares(detail)
            saved = "none yet"
            if detail.checkpoint_step is not None and detail.checkpoint_time is not None:
                saved = f"step {detail.checkpoint_step:,}, {age(now - detail.checkpoint_time)} ago"
            rows.append(_figure("checkpoint", saved))
        if detail.row.work is not None and detail.row.live:
            rows.append(self._work(detail, width))
        return rows

    def _training(self, detail: RunDetail, width: int) -> list[Row]:
        """How fast and how steady the newest steps are."""
        figures, glyphs = detail.figures, self.glyphs
        rate = count(figures.pairs_per_second)
        room = width - _LABEL - max(7, len(rate)) - 1
        rows: list[Row] = [
            _figure("pairs/s", rate, (f" {sparkline(figures.rates, min(room, 16), glyphs)}", "bar")),
            _figure("tokens/s", count(figures.tokens_per_second)),
        ]
        if figures.mfu is not None:
            rows.append(_figure("of peak", f"{100 * figures.mfu:.1f} %", ("MFU", "dim")))
        rows += [
            _figure("data wait", "-" if figures.data_wait is None else f"{100 * figures.data_wait:.1f} %"),
            _figure("masked", "-" if figures.masked is None else f"{figures.masked:.2f} a row"),
            _figure("grad norm", number(figures.grad_norm)),
            _figure("lr", learning_rate(figures.lr)),
        ]
        if figures.temperature is not None:
            rows.append(_figure("temperature", number(figures.temperature, 4)))
        return rows

    def _at(self, step: int, width: int) -> list[Row]:
        """Exact values, of the charts in sight first; a curve without a point there tells its closest and where."""
        rows: list[Row] = []
        cells = max(20, min(40, width - 20))
        for chart, one, point in sorted(self._read, key=lambda reading: reading[0] not in self._in_sight):
            label = chart if one.label == chart else f"{chart} {one.label}"
            at = "" if point.step == step else f" @{point.step:,}"
            rows.append(((fit(label, cells, ellipsis=self.glyphs.ellipsis), "dim"),
                         (f" {exact(point.value)}", one.style), (at, "dim")))  # fmt: skip
        return rows

    def _work(self, detail: RunDetail, width: int) -> Row:
        work = detail.row.work
        assert work is not None
        what = fit(visible(work.what), max(10, width // 2 - 1), ellipsis=self.glyphs.ellipsis)
        left = max(0, width - len(what) - 8)
        amount = f" {percent(work.done, work.total)}" if work.total else f" {work.done:,}" if work.done else ""
        return ((what + " ", ""), *progress_bar(work.done, work.total, left, self.glyphs), (amount, "dim"))


class EvaluationPanel(Scrolled):
    """What the evaluations found, step by step; the newest last, or the one that stood at the crosshair's step."""

    def __init__(self) -> None:
        super().__init__("evaluation", id="evaluations")
        self.points: Sequence[EvaluationPoint] = ()
        self._crosshair: int | None = None
        self._revealed = True  # whether the line of the crosshair, or the newest, has been scrolled to

    def show(self, points: Sequence[EvaluationPoint], crosshair: int | None) -> None:
        """``points`` are of the benchmark that is looked at."""
        if len(points) != len(self.points) or crosshair != self._crosshair:
            self._revealed = False
        self.points, self._crosshair = points, crosshair
        sample = ", a sample" if points and points[-1].result.sampled_of is not None else ""
        self.retitle(f"evaluation ({visible(points[-1].benchmark)}{sample})" if points else "evaluation")
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if not self._revealed:
            self.top, self._revealed = max(0, self._at() - max(1, height - 1) // 2), True
        return super().rows(width, height)

    def parts(self, width: int, height: int) -> tuple[list[Row], list[Row]]:
        points = self.points
        if not points:
            return [], [(("none yet", "dim"),)]
        several = any(len(point.result.languages) > 1 for point in points)
        shown = _OF_LANGUAGES if several else _OF_ONE_LANGUAGE
        head: list[Row] = [((_columns("step", *(heading for heading, _ in shown)), "dim"),)]
        body: list[Row] = []
        for index, point in enumerate(points):
            metrics = point.result.metrics
            text = _columns(f"{point.step:,}", *(_metric(name, metrics.get(name)) for _, name in shown))
            style = "bold" if index == len(points) - 1 else ""
            marked = index == self._at() and self._crosshair is not None
            body.append(((text, f"{style} selected".strip() if marked else style),))
        return head, body

    def _at(self) -> int:
        """The evaluation that stood at the crosshair's step, or the newest."""
        if self._crosshair is None:
            return len(self.points) - 1
        return max(0, sum(point.step <= self._crosshair for point in self.points) - 1)


def telemetry(detail: RunDetail) -> list[tuple[str, str]]:
    """(label, text) of what the device tells of itself, then the worker; nothing for what cannot be read."""
    device = detail.device
    if device is None:
        return []
    work = [f"{device.utilization:.0f} %"] if device.utilization is not None else []
    work += [f"{device.power:.0f} W"] if device.power is not None else []
    memory = [] if device.memory_used is None else [size(device.memory_used)]
    memory += [f"of {size(device.memory_total)}"] if memory and device.memory_total is not None else []
    worker = [f"{device.process_cpu:.0f} % CPU"] if device.process_cpu is not None else []
    worker += [size(device.process_memory)] if device.process_memory is not None else []
    parts = (("", "  ".join(work)), ("memory", " ".join(memory)), ("worker", "  ".join(worker)))
    return [(label, text) for label, text in parts if text]


def _time_shares(detail: RunDetail) -> list[Row]:
    """Where the time went since the run began."""
    told = [f"{label} {100 * detail.time_shares[name]:.0f} %" for name, label in _SHARES.items()
            if name in detail.time_shares]  # fmt: skip
    return [
        _figure("time" if index == 0 else "", "  ".join(told[index : index + 2])) for index in range(0, len(told), 2)
    ]


def _metric(name: str, value: float | None) -> str:
    return share(value) if name != "rank_distance" else "-" if value is None else f"{value:,.0f}"


def _columns(*texts: str) -> str:
    widths = (8, 6, 6, 6, 7)
    return "".join(fit(text, cells, "right") for text, cells in zip(texts, widths, strict=False))


def _figure(label: str, value: str, *more: Piece) -> Row:
    return ((fit(label, _LABEL), "dim"), (fit(value, max(7, len(value))), ""), *more)
