"""The ribbon: which batch modes came when, one cell a stretch of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from tui.draw.curve import View
from tui.draw.glyphs import Glyphs
from tui.draw.small import join
from tui.draw.text import Row


def ribbon(stretches: Sequence[Sequence[int]], modes: Sequence[str], glyphs: Glyphs) -> Row:
    """One cell a stretch, where ``stretches[i][k]`` is the number of batches of ``modes[k]`` in it.

    Where no stretch holds more than one batch, the glyph's height says its mode. Else the bar is as high as the share
    of ``modes[0]`` in the stretch, in the colour of whichever mode came more often. A stretch without batches is empty.
    """
    single = all(sum(counts) <= 1 for counts in stretches)
    cells = []
    for counts in stretches:
        total = sum(counts)
        if not total:
            cells.append((" ", ""))
            continue
        mode = modes[max(range(len(modes)), key=lambda index: counts[index])]
        level = max(1, round(counts[0] / total * (len(glyphs.bars) - 1)))
        cells.append((glyphs.modes[mode] if single else glyphs.bars[level], f"series.{mode}"))
    return join(cells)


def planned(shares: Sequence[float], mode: str, glyphs: Glyphs) -> Row:
    """Beneath it, the planned share of ``mode`` in each of its cells, 0 to 1, as high as the ribbon's bars are."""
    levels = len(glyphs.bars) - 1
    return join(
        [(glyphs.bars[max(1, round(share * levels)) if share > 0 else 0], f"series.{mode}") for share in shares]
    )


def stretches(
    views: Sequence[View], first: float, last: float, cells: int, step: Callable[[float], float] = float
) -> list[list[int]]:  # fmt: skip
    """Batches of each mode in equal stretches over first..last, both included; a step counts where a chart draws it.

    Magnified to more than a cell a step, each cell has the batch of its closest step. ``step`` gives the step at a
    place, on an axis that is not one of steps.
    """
    width = (last - first) / max(1, cells - 1)
    if step(last) - step(first) < max(1, cells - 1):
        steps = [round(step(first + width * cell)) for cell in range(cells)]
        return [[view.count_between(at, at + 1) for view in views] for at in steps]
    edges = [math.ceil(step(first + width * (cell - 0.5))) for cell in range(cells + 1)]  # whole ones are found faster
    edges[-1:] = [max(edges[-1], math.ceil(step(last) + 1))] if cells else []
    before = [[view.count_before(edge) for view in views] for edge in edges]
    return [[end - start for start, end in zip(*each, strict=True)] for each in pairwise(before)]
