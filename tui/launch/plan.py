"""What a start would do, in figures; where one is not known it says so."""

from __future__ import annotations

from collections.abc import Callable

from tui.draw.text import Row, fit, wrap
from tui.follow.run_time import Figure
from tui.launch.estimate import Estimate
from tui.launch.fields import Checked
from tui.numbers import count, duration, large, size, visible

_LABEL = 12
_TIGHT = 0.9  # share of the free disk above which it warns


def plan_rows(checked: Checked, width: int) -> list[Row]:
    """One figure a line, wrapped beside its label."""
    config, found = checked.config, checked.estimate
    if config is None or found is None:
        return []
    runs = f" x {found.runs} runs" if found.runs > 1 else ""
    in_turn = ", one after the other" if found.runs > 1 and found.seconds.value is not None else ""
    benchmarks = ", ".join(config.evaluation.benchmarks)
    pairs = [
        ("model", checked.model or "not known before it is downloaded", ""),
        ("pairs", count(found.pairs), ""),
        ("steps", f"{count(found.steps)}{runs}", ""),
        ("tokens", _text(found.tokens, large), ""),
        ("evaluations", f"{found.evaluations}{runs}, {benchmarks}" if found.evaluations else "none", ""),
        ("memory", _text(found.memory, size), ""),
        ("time", _text(found.seconds, duration) + in_turn, ""),
        ("disk", *_disk(found)),
    ]
    rows: list[Row] = []
    for label, text, style in pairs:
        rows += _wrapped(label, text, style, width)
    if found.like:
        differs = f", which has {found.differs}" if found.differs else ""
        rows += [(), *_wrapped("taken from", f"{found.like}{differs}", "dim", width)]
    else:
        rows += [(), *_wrapped("taken from", "nothing: no run of this model was trained here yet", "dim", width)]
    if found.runs > 1:
        queue = f"{found.runs} runs wait for a free device, without this dashboard"
        rows += [(), *_wrapped("queue", queue, "dim", width)]
    return [*rows, (), *_wrapped("survives", "closing this terminal", "dim", width)]


def _text(figure: Figure, shown: Callable[[float], str]) -> str:
    if figure.value is None:
        return f"not known: {figure.note}" if figure.note else "not known"
    sign = "at least " if figure.at_least else "~" if figure.unsure else ""
    return f"{sign}{shown(figure.value)}{f' {figure.note}' if figure.note else ''}"


def _disk(found: Estimate) -> tuple[str, str]:
    text = _text(found.disk, size)
    if found.free is None:
        return text, ""
    tight = found.disk.value is not None and found.disk.value > _TIGHT * found.free
    joined = f"{text}; " if found.disk.value is None else f"{text} of "
    return f"{joined}{size(found.free)} free", "error" if tight else ""


def _wrapped(label: str, text: str, style: str, width: int) -> list[Row]:
    lines = wrap(visible(text), max(10, width - _LABEL))
    return [((fit(label if number == 0 else "", _LABEL), "dim"), (line, style)) for number, line in enumerate(lines)]
