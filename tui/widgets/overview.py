"""The panels of the overview: losses with the batch mix below them, the figures of now, evaluations."""

from __future__ import annotations

from tui.drawing.cells import Row, Run, fit
from tui.drawing.line import Axes, Series, line_chart, steady_end
from tui.drawing.small import mix_ribbon, progress_bar, sparkline
from tui.format import age, count, gib, learning_rate, number, share, visible
from tui.model.detail import RunDetail
from tui.widgets.base import Panel


class LossPanel(Panel):
    """Is it learning? Monolingual batches are easier, so a hybrid run has two curves."""

    def __init__(self) -> None:
        super().__init__("loss", id="loss")
        self.detail: RunDetail | None = None
        self.log_axis = True

    def show(self, detail: RunDetail, log_axis: bool) -> None:
        self.detail, self.log_axis = detail, log_axis
        smoothed = f"   smoothed {share(detail.smoothing, 2)} over raw" if detail.smoothing else "   raw"
        self.retitle(f"loss{smoothed}   y: {'log' if log_axis else 'linear'}")
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.detail is None:
            return []
        detail = self.detail
        lost = [point for _, view in detail.curves for point in view.lost()]
        below = [self._mix(detail, width)] if height >= 8 else []
        if lost and height >= 8:
            step, value = lost[-1]
            below.append(((f"{self.glyphs.non_finite} {len(lost)} steps without a finite loss, the last ", "error"),
                          (f"{number(value)} at step {step:,}", "error")))  # fmt: skip
        series = [Series(mode, mode, view) for mode, view in detail.curves]
        axes = Axes(1, max(2, steady_end(detail.row.step)), log=self.log_axis, smoothed=detail.smoothing > 0)
        return line_chart(width, height - len(below), series, axes, self.glyphs) + below

    def _mix(self, detail: RunDetail, width: int) -> Row:
        """One cell a batch, the newest right; then the shares of the whole run."""
        total = sum(detail.counts.values())
        shares: list[Run] = []
        for mode, batches in detail.counts.items():
            shares += [
                ("  ", ""),
                (f"{self.glyphs.modes[mode]} {mode} {100 * batches / total:.1f} %", f"series.{mode}"),
            ]
        label = "mix   "
        room = min(60, width - len(label) - sum(len(text) for text, _ in shares))
        cells = detail.modes[-room:] if room > 0 else ()
        return ((label, "dim"), *mix_ribbon(cells, self.glyphs), *shares)


class NowPanel(Panel):
    """How fast, how steady, where."""

    def __init__(self) -> None:
        super().__init__("now", id="now")
        self.detail: RunDetail | None = None

    def show(self, detail: RunDetail) -> None:
        self.detail = detail
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        if self.detail is None:
            return []
        detail, figures, glyphs = self.detail, self.detail.figures, self.glyphs
        now = self.dashboard.now()
        rate = count(figures.pairs_per_second)
        room = width - 11 - max(7, len(rate)) - 1
        rows: list[Row] = [
            _figure("pairs/s", rate, (f" {sparkline(figures.rates, min(room, 16), glyphs)}", "bar")),
            _figure("tokens/s", count(figures.tokens_per_second)),
            _figure("data wait", "-" if figures.data_wait is None else f"{100 * figures.data_wait:.1f} %"),
            _figure("masked", "-" if figures.masked is None else f"{figures.masked:.2f} a row"),
            _figure("grad norm", number(figures.grad_norm)),
            _figure("lr", learning_rate(figures.lr)),
            _figure("device", detail.row.device or "-"),
        ]
        if detail.device is not None and detail.device.utilization is not None:
            rows.append(_figure("", _telemetry(detail)))
        saved = "none yet"
        if detail.checkpoint_step is not None and detail.checkpoint_time is not None:
            saved = f"step {detail.checkpoint_step:,}, {age(now - detail.checkpoint_time)} ago"
        rows.append(_figure("checkpoint", saved))
        if detail.row.work is not None and detail.row.live:
            rows.append(self._work(detail, width))
        return rows

    def _work(self, detail: RunDetail, width: int) -> Row:
        work = detail.row.work
        assert work is not None
        what = fit(visible(work.what), max(10, width // 2 - 1), ellipsis=self.glyphs.ellipsis)
        left = max(0, width - len(what) - 8)
        amount = f" {100 * work.done / work.total:3.0f} %" if work.total else f" {work.done:,}"
        return ((what + " ", ""), *progress_bar(work.done, work.total, left, self.glyphs), (amount, "dim"))


class EvaluationPanel(Panel):
    """What the evaluations found, step by step; the newest last."""

    def __init__(self) -> None:
        super().__init__("evaluation", id="evaluations")
        self.detail: RunDetail | None = None

    def show(self, detail: RunDetail) -> None:
        self.detail = detail
        self.retitle(f"evaluation ({detail.row.benchmark})" if detail.row.benchmark else "evaluation")
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        detail = self.detail
        if detail is None or detail.row.benchmark is None:
            return [(("none yet", "dim"),)]
        points = detail.of_benchmark(detail.row.benchmark)
        rows: list[Row] = [((_columns("step", "mono", "cross", "pool", "RD"), "dim"),)]
        for point in points[-max(1, height - 1) :]:
            metrics = point.result.metrics
            distance = metrics.get("rank_distance")
            text = _columns(
                f"{point.step:,}",
                share(metrics.get("map_monolingual")),
                share(metrics.get("map_crosslingual")),
                share(metrics.get("map_multilingual")),
                "-" if distance is None else f"{distance:,.0f}",
            )
            rows.append(((text, "bold" if point is points[-1] else ""),))
        return rows


def _columns(*texts: str) -> str:
    widths = (8, 6, 6, 6, 7)
    return "".join(fit(text, cells, "right") for text, cells in zip(texts, widths, strict=True))


def _figure(label: str, value: str, *more: Run) -> Row:
    return ((fit(label, 11), "dim"), (fit(value, max(7, len(value))), ""), *more)


def _telemetry(detail: RunDetail) -> str:
    device = detail.device
    assert device is not None
    parts = []
    if device.utilization is not None:
        parts.append(f"{device.utilization:.0f} %")
    if device.memory_used is not None and device.memory_total is not None:
        parts.append(f"{gib(device.memory_used)} of {gib(device.memory_total)}")
    if device.power is not None:
        parts.append(f"{device.power:.0f} W")
    return "  ".join(parts)
