"""The header of the run screen: which run, how it stands, how far it is, and how old that is."""

from __future__ import annotations

from engine.events import NO_USABLE_GPU
from tui.draw.glyphs import Glyphs
from tui.draw.small import progress_bar
from tui.draw.text import Piece, Row, fit_middle, row_width, width
from tui.follow.rows import RunRow
from tui.follow.run_time import left_text
from tui.numbers import age, count, percent

_AGE_FROM = 60  # cells from which there is room to say what the age is of
_BAR, _SHORT_BAR = 12, 8
_FRAME = 4  # blank cells of the header, before, between and after


def header(row: RunRow, label: str, now: float, cells: int, glyphs: Glyphs) -> tuple[Row, Row]:
    """What stands left and right in ``cells`` cells; ``label`` is what the run is called."""
    silence = "" if not row.updated else f"last event {age(now - row.updated)} ago"
    if cells < _AGE_FROM and row.updated:
        silence = age(now - row.updated)
    mark = glyphs.states.get(row.state, "?")
    left: list[Piece] = [(label, "title"), (f"   {mark} {row.state}", f"state.{row.state}")]
    if row.kind == "evaluation":
        left.append((f"   {len(row.evaluated)} of {row.benchmarks} benchmarks", ""))
    if row.max_steps:
        left.append((f"   step {count(row.step)} / {count(row.max_steps)}", ""))
        left += [("   ", ""), *progress_bar(row.step, row.max_steps, _BAR, glyphs, f"state.{row.state}")]
        left.append((f" {percent(row.step, row.max_steps)}", ""))
    if time_left := _time_left(row):
        left.append((f"   {time_left}", ""))
    room = cells - len(silence) - _FRAME
    if row_width(left) > room:
        left = _short(row, label, mark, room, glyphs)
    device: Piece = (f"   cpu, {NO_USABLE_GPU}", "warning")  # the log says why
    if row.live and NO_USABLE_GPU in row.device and row_width([*left, device]) <= room:
        left.append(device)
    return tuple(left), ((silence, "dim"),)


def _time_left(row: RunRow, short: bool = False) -> str:
    if row.state != "running" or row.seconds_left is None:
        return ""
    return left_text(row.seconds_left, False if short else row.may_end_early)


def _short(row: RunRow, label: str, mark: str, room: int, glyphs: Glyphs) -> list[Piece]:
    """What fits: the state is whole, then come the step, its share, the time left and the bar."""
    state: Piece = (f" {mark} {row.state}", f"state.{row.state}")
    if width(label) > (most := max(8, room - width(state[0]))):
        label = fit_middle(label, most, glyphs.ellipsis)
    left: list[Piece] = [(label, "title"), state]
    steps = f"{count(row.step)}/{count(row.max_steps)}"
    if row.kind == "evaluation":
        steps = f"{len(row.evaluated)} of {row.benchmarks}"
    more: list[list[Piece]] = [[(f" {steps}", "")]]
    if row.max_steps:
        more.append([(f" {percent(row.step, row.max_steps)}", "")])
    if time_left := _time_left(row, short=True):
        more.append([(f" {time_left}", "")])
    if row.max_steps:
        more.append([(" ", ""), *progress_bar(row.step, row.max_steps, _SHORT_BAR, glyphs, f"state.{row.state}")])
    for part in more:
        if row_width([*left, *part]) > room:
            break
        left += part
    return left
