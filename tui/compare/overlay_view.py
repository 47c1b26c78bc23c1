"""The curves of all conditions over one another, each in the colour it has everywhere."""

from __future__ import annotations

from functools import partial

from textual import events
from textual.message import Message

from tui import keymap
from tui.compare.comparison import Comparison
from tui.compare.job import measure_label
from tui.compare.overlay import LOSSES, Overlay
from tui.draw.glyphs import Glyphs
from tui.draw.lines import Axes, Series, line_chart, steady_end
from tui.draw.text import Row, width, wrap
from tui.numbers import metric_value, number
from tui.widgets.panel import Panel


class OverlayPanel(Panel, can_focus=True):
    """Losses, or a metric over the evaluations."""

    BINDINGS = keymap.bindings("overlay")

    class Turned(Message):
        """Something else is shown, or in another way."""

    def __init__(self) -> None:
        super().__init__("curves", id="curves")
        self.comparison: Comparison | None = None
        self.overlay: Overlay | None = None
        self.error = ""  # why there are no curves
        self.what = ""
        self.log_axis = True

    def show(self, comparison: Comparison, overlay: Overlay | None, error: str = "") -> None:
        """``overlay`` None: it is read, or ``error`` says why it cannot be."""
        self.comparison, self.overlay, self.error = comparison, overlay, error
        if overlay is not None and self.what not in overlay.kinds():
            self.what = overlay.usual()
        self._entitle()
        self.redraw()

    @property
    def next_kind(self) -> str:
        """What the next turn shows."""
        kinds = self.overlay.kinds() if self.overlay is not None else []
        return kinds[(kinds.index(self.what) + 1) % len(kinds)] if self.what in kinds else self.what

    @property
    def is_loss(self) -> bool:
        return self.what in LOSSES

    def action_measure(self) -> None:
        self.what = self.next_kind
        self._turned()

    def action_log_axis(self) -> None:
        if not self.is_loss:
            self.host.tell("only losses have a logarithmic axis", "dim")
            return
        self.log_axis = not self.log_axis
        self._turned()

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:  # its title
            self.action_measure()

    def rows(self, cells: int, height: int) -> list[Row]:
        if self.error:
            return [((line, "error"),) for line in wrap(f"the logs cannot be read: {self.error}", cells)]
        if self.overlay is None or self.comparison is None:
            return [(("reading the logs", "dim"),)]
        views = self.overlay.curves.get(self.what, {})
        if not views:
            return [(("no run has written a step or an evaluation yet", "dim"),)]
        series = [
            Series(
                self.comparison.series(name),
                _short(self.comparison.labels[name], cells, self.glyphs),
                views[name],
                marked=not self.is_loss,
                text=number if self.is_loss else partial(metric_value, self.what),
            )
            for name in self.comparison.names
            if name in views
        ]
        last = max(2, steady_end(self.overlay.last))
        axes = Axes(1 if self.is_loss else 0, last, log=self.is_loss and self.log_axis, smoothed=False)
        missing = [name for name in self.comparison.names if name not in views]
        below: list[Row] = []
        if missing and height > 8:
            below = [((f"without {self.what}: {', '.join(self.comparison.labels[name] for name in missing)}", "dim"),)]
        return [*line_chart(cells, height - len(below), series, axes, self.glyphs), *below]

    def _turned(self) -> None:
        self._entitle()
        self.redraw()
        self.post_message(self.Turned())

    def _entitle(self) -> None:
        if self.comparison is None:
            return
        axis = f"   smoothed   y: {'log' if self.log_axis else 'linear'}" if self.is_loss else ""
        several = any(self.comparison.seeds(name) > 1 for name in self.comparison.names)
        what = f"loss, {self.what}" if self.is_loss else measure_label(self.what) or "curves"
        self.retitle(what + axis + ("   mean over seeds" if several else ""))


def _short(label: str, cells: int, glyphs: Glyphs) -> str:
    """A label that leaves the chart most of the width; the end of a name tells runs of a sweep apart."""
    room = max(8, min(28, cells // 4))
    if width(label) <= room:
        return label
    end = label
    while width(glyphs.ellipsis) + width(end) > room:
        end = end[1:]
    return glyphs.ellipsis + end
