"""Devices and the line before them as items of a list: each in one line, or in two where it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui import numbers
from tui.draw.glyphs import Glyphs
from tui.draw.small import progress_bar
from tui.draw.text import Piece, Row, fit, fit_middle, wrap
from tui.follow.devices import DevicesState, GpuState, Occupant, SlotState, WaitingState
from tui.follow.rows import RunRow
from tui.follow.run_time import left_text
from tui.numbers import clock, count, size, visible

_BROAD = 96  # cells from which an item has one line
_CHART, _SHORT_CHART = 10, 6  # cells of a small chart
_NAME, _SHORT_NAME = 16, 12
_SHORT = 70  # cells below which the short ones are used


@dataclass(frozen=True)
class Item:
    """One of the list; ``row`` is the run that enter opens."""

    what: GpuState | SlotState | WaitingState
    number: int  # among its kind, from 0
    row: RunRow | None


def items(state: DevicesState) -> list[Item]:
    """GPUs, then the slots of the CPU, then those who wait, the next one first."""
    gpus = [Item(gpu, at, _first_run(gpu.occupants)) for at, gpu in enumerate(state.gpus)]
    slots = [Item(slot, at, slot.occupant.row if slot.occupant else None) for at, slot in enumerate(state.slots)]
    return [*gpus, *slots, *(Item(waiting, at, waiting.row) for at, waiting in enumerate(state.queue))]


def item_lines(item: Item, state: DevicesState, cells: int, glyphs: Glyphs, minutes_east: int | None) -> list[Row]:
    """With the title of its kind above the first."""
    match item.what:
        case GpuState():
            title, lines = "GPUs", _gpu(item.what, cells, glyphs)
        case SlotState():
            title, lines = f"CPU   {_machine(state)}", _slot(item, cells, glyphs)
        case WaitingState():
            title, lines = "queue, the next one first", _waiting(item, cells, glyphs, minutes_east)
    return lines if item.number else [((f" {title}", "title"),), *lines]


def machine_lines(state: DevicesState, cells: int, glyphs: Glyphs) -> list[Row]:
    """Load and memory of the machine, and what cannot be told of GPUs."""
    rows: list[Row] = [((f" {line}", "dim"),) for line in wrap(state.no_gpus, cells - 2)] if state.no_gpus else []
    load: list[Piece] = [(" load    ", "dim"), *_chart(_shares(state.load_history, state.cores), glyphs)]
    load.append((f"  {state.load:.1f} of {state.cores} cores" if state.load is not None else "  not told", ""))
    memory: list[Piece] = [(" memory  ", "dim")]
    if state.memory is None:
        memory.append(("not told", ""))
    else:
        used, total = state.memory
        memory += [*progress_bar(used, total, _CHART, glyphs, "bar"), (f"  {size(used)} of {size(total)}", "")]
    return [*rows, tuple(load), tuple(memory)]


def summary(state: DevicesState) -> str:
    """What there is, for the header."""
    gpus = f"{len(state.gpus)} GPU{'s' if len(state.gpus) != 1 else ''}, " if state.gpus else ""
    slots = f"{len(state.slots)} CPU slot{'s' if len(state.slots) != 1 else ''}"
    return f"{gpus}{slots}, {len(state.queue)} waiting"


def _machine(state: DevicesState) -> str:
    return f"{state.cores} cores, {len(state.slots)} run{'s' if len(state.slots) != 1 else ''} at once"


def _gpu(gpu: GpuState, cells: int, glyphs: Glyphs) -> list[Row]:
    usage = gpu.usage
    name = visible(usage.name.removeprefix("NVIDIA "))
    use = f"{usage.utilization:3.0f} %" if usage.utilization is not None else "    ?"
    head: list[Piece] = [
        (f" {usage.index:>2}  ", "dim"),
        (fit_middle(name, _NAME if cells >= _SHORT else _SHORT_NAME, glyphs.ellipsis), ""),
        ("  ", ""),
        *_chart([value / 100 for value in gpu.history], glyphs, _CHART if cells >= _SHORT else _SHORT_CHART),
        (f" {use}", ""),
    ]
    used, total = usage.memory_used, usage.memory_total
    memory = "?" if used is None or total is None else numbers.memory(used, total)
    power = "?" if usage.power is None else f"{usage.power:.0f} W"
    temperature = "?" if usage.temperature is None else f"{usage.temperature:.0f} C"
    head.append((f"{memory:>13}{power:>7}{temperature:>6}", ""))
    who = [_occupant(occupant) for occupant in gpu.occupants] or [[("free", "good")]]
    return _beside(head, who, cells)


def _slot(item: Item, cells: int, glyphs: Glyphs) -> list[Row]:
    assert isinstance(item.what, SlotState)
    who: list[Piece] = [("free", "good")] if item.what.occupant is None else _occupant(item.what.occupant)
    return [((f" {item.number:>2}  ", "dim"), (fit("slot", _NAME), ""), ("  ", ""), *who)]


def _waiting(item: Item, cells: int, glyphs: Glyphs, minutes_east: int | None) -> list[Row]:
    waiting = item.what
    assert isinstance(waiting, WaitingState)
    when = f", about {clock(minutes_east, waiting.free_at)[:5]}" if waiting.free_at is not None else ""
    head: list[Piece] = [
        (f" {item.number + 1:>2}  ", "dim"),
        (fit_middle(waiting.name, _NAME, glyphs.ellipsis), "state.queued" if waiting.row is None else ""),
        (f"  {waiting.wants}", "dim"),
    ]
    why = f"{waiting.why}{when}"
    return _beside(head, [[(line, "")] for line in ([why] if cells >= _BROAD else wrap(why, cells - 7))], cells)


def _occupant(occupant: Occupant) -> list[Piece]:
    row = occupant.row
    if row is None:
        return [(occupant.text, ""), (" of another home" if occupant.is_ours else ": not ours", "dim")]
    told: list[Piece] = [(occupant.text, f"state.{row.state}")]
    if row.max_steps:
        told.append((f"  step {count(row.step)}/{count(row.max_steps)}", ""))
    if row.seconds_left is not None:
        told.append((f"  {left_text(row.seconds_left, row.may_end_early)}", "dim"))
    return told


def _beside(head: Sequence[Piece], more: Sequence[Sequence[Piece]], cells: int) -> list[Row]:
    """What belongs to an item beside it, or below it where there is no room; the second of several is below."""
    if cells >= _BROAD:
        first, *rest = more
        return [(*head, ("   ", ""), *first), *((("      ", ""), *one) for one in rest)]
    return [tuple(head), *((("      ", ""), *one) for one in more)]


def _chart(shares: Sequence[float], glyphs: Glyphs, cells: int = _CHART) -> list[Piece]:
    """The last looks, from none (0) to all (1) of the device; what was before the first look is blank."""
    last = list(shares)[-cells:]
    levels = len(glyphs.spark)
    drawn = "".join(glyphs.spark[max(0, min(levels - 1, round(share * (levels - 1))))] for share in last)
    return [(drawn.rjust(cells), "bar")]


def _shares(load: Sequence[float], cores: int) -> list[float]:
    return [value / max(1, cores) for value in load]


def _first_run(occupants: Sequence[Occupant]) -> RunRow | None:
    return next((occupant.row for occupant in occupants if occupant.row is not None), None)
