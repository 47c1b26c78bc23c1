"""The panels beside the charts of the overview: the figures of now or of the crosshair's step, and evaluations."""

from __future__ import annotations

from engine.events import NO_USABLE_GPU
from tui.draw.small import progress_bar, sparkline
from tui.draw.text import Piece, Row, fit
from tui.follow.detail import RunDetail
from tui.numbers import age, count, exact, learning_rate, number, share, size, visible
from tui.run.chart_board import mode_at, readouts
from tui.widgets.panel import Panel

_LABEL = 12  # cells of a figure's name
_OF_LANGUAGES = (
    ("mono", "map_monolingual"), ("cross", "map_crosslingual"), ("pool", "map_multilingual"), ("RD", "rank_distance"),
)  # fmt: skip
_OF_ONE_LANGUAGE = (("mAP", "map_monolingual"), ("nDCG", "ndcg_at_10"), ("R@100", "recall_at_100"))
_SHARES = {"step": "step", "data": "data", "evaluation": "eval", "checkpoint": "save"}


class NowPanel(Panel):
    """How fast, how steady, where; under a crosshair every number of that step."""

    def __init__(self) -> None:
        super().__init__("now", id="now")
        self.detail: RunDetail | None = None
        self.crosshair: int | None = None
        self._in_sight: tuple[str, ...] = ()

    def show(self, detail: RunDetail, crosshair: int | None, in_sight: tuple[str, ...]) -> None:
        """``in_sight``: names of the charts whose numbers come first."""
        self.detail, self.crosshair, self._in_sight = detail, crosshair, in_sight
        mode = mode_at(detail.charts, crosshair) if crosshair is not None else ""
        batch = f", a {mode} batch" if mode else ""
        self.retitle("now" if crosshair is None else f"step {crosshair:,}{batch}")
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.detail is None:
            return []
        rows = self.figures(width) if self.crosshair is None else self._at(self.detail, self.crosshair)
        self.tell_hidden(0, len(rows) - height)
        return rows

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

    def _at(self, detail: RunDetail, step: int) -> list[Row]:
        """Exact values, of the charts in sight first; a curve without a point there tells its closest and where."""
        rows: list[Row] = []
        for chart in sorted(detail.charts, key=lambda chart: chart.name not in self._in_sight):
            for one, point in readouts(chart, step):
                label = chart.name if one.label == chart.name else f"{chart.name} {one.label}"
                at = "" if point.step == step else f" @{point.step:,}"
                rows.append(((fit(label, 20, ellipsis=self.glyphs.ellipsis), "dim"),
                             (f" {exact(point.value)}", one.style), (at, "dim")))  # fmt: skip
        return rows

    def _work(self, detail: RunDetail, width: int) -> Row:
        work = detail.row.work
        assert work is not None
        what = fit(visible(work.what), max(10, width // 2 - 1), ellipsis=self.glyphs.ellipsis)
        left = max(0, width - len(what) - 8)
        amount = f" {100 * work.done / work.total:3.0f} %" if work.total else f" {work.done:,}"
        return ((what + " ", ""), *progress_bar(work.done, work.total, left, self.glyphs), (amount, "dim"))


class EvaluationPanel(Panel):
    """What the evaluations found, step by step; the newest last, or the one that stood at the crosshair's step."""

    def __init__(self) -> None:
        super().__init__("evaluation", id="evaluations")
        self.detail: RunDetail | None = None
        self._crosshair: int | None = None

    def show(self, detail: RunDetail, crosshair: int | None) -> None:
        self.detail, self._crosshair = detail, crosshair
        sample = ", a sample" if detail.row.is_sampled else ""
        self.retitle(f"evaluation ({detail.row.benchmark}{sample})" if detail.row.benchmark else "evaluation")
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        detail = self.detail
        if detail is None or detail.row.benchmark is None:
            return [(("none yet", "dim"),)]
        points = detail.of_benchmark(detail.row.benchmark)
        several = any(len(point.result.languages) > 1 for point in points)
        shown = _OF_LANGUAGES if several else _OF_ONE_LANGUAGE
        rows: list[Row] = [((_columns("step", *(heading for heading, _ in shown)), "dim"),)]
        at = len(points) - 1
        if self._crosshair is not None:
            at = max(0, sum(point.step <= self._crosshair for point in points) - 1)
        room = max(1, height - 1)
        first = max(0, min(at - room // 2, len(points) - room))
        self.tell_hidden(first, len(points) - first - room)
        for index, point in enumerate(points[first : first + room], start=first):
            metrics = point.result.metrics
            text = _columns(f"{point.step:,}", *(_metric(name, metrics.get(name)) for _, name in shown))
            style = "bold" if index == len(points) - 1 else ""
            rows.append(
                ((text, f"{style} selected".strip() if index == at and self._crosshair is not None else style),)
            )
        return rows


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
