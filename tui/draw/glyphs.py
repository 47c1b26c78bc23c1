"""Three character sets: braille dots, quadrant blocks for fonts without braille, and plain ASCII."""

from __future__ import annotations

from typing import Literal

import msgspec

Charset = Literal["braille", "block", "ascii"]


class Glyphs(msgspec.Struct, frozen=True, eq=False):
    """What a chart is drawn with; ``dots`` is (columns, rows) of addressable dots in a cell."""

    name: Charset
    dots: tuple[int, int]
    cells: tuple[str, ...]  # by bit mask: bit (column * rows + row), rows from the top
    bars: str  # eighths of a cell, from empty to full
    spark: str  # seven levels, none empty, none touching the line above
    states: dict[str, str]
    modes: dict[str, str]  # the mix ribbon: height says the mode, colour repeats it
    axis_y: str
    axis_x: str
    tick_y: str
    tick_x: str
    corner: str
    vertical: str
    whisker: tuple[str, str, str, str]  # left end, line, right end, mean
    median: str
    non_finite: str
    series: dict[str, str]  # the sample before a direct label
    cursor: str
    mark: str
    relevant: str
    ellipsis: str
    dot: str
    delta: str
    good: str
    bad: str
    full: str
    empty: str
    arrow: str
    scroll: tuple[str, str]


RUN_SERIES = tuple(f"r{index}" for index in range(8))  # curves of runs that are compared

_BRAILLE_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_QUADRANTS = " ▘▖▌▝▀▞▛▗▚▄▙▐▜▟█"  # bits: left top, left bottom, right top, right bottom


def _braille(mask: int) -> str:
    return chr(0x2800 + sum(_BRAILLE_BITS[bit // 4][bit % 4] for bit in range(8) if mask >> bit & 1))


_WORD_STATES = {
    "queued": "…", "starting": "…", "running": "●", "evaluating": "◆", "pausing": "‖", "paused": "‖",
    "stopping": "■", "stopped": "■", "finished": "✓", "failed": "✗", "crashed": "✗", "stalled": "!",
    "gone": "?",
}  # fmt: skip
_ASCII_STATES = {
    "queued": ".", "starting": ".", "running": "*", "evaluating": "*", "pausing": "=", "paused": "=",
    "stopping": "#", "stopped": "#", "finished": "+", "failed": "x", "crashed": "x", "stalled": "!",
    "gone": "?",
}  # fmt: skip

BRAILLE = Glyphs(
    name="braille", dots=(2, 4), cells=tuple(_braille(mask) for mask in range(256)), bars=" ▁▂▃▄▅▆▇█",
    spark="▁▂▃▄▅▆▇", states=_WORD_STATES, modes={"mono": "▄", "cross": "▀", "mixed": "█", "english": "▄"},
    axis_y="│", axis_x="─", tick_y="┤", tick_x="┬", corner="└", vertical="│", whisker=("├", "─", "┤", "●"),
    median="┃", non_finite="×", series=dict.fromkeys(("mono", "cross", "mixed", "english", *RUN_SERIES), "━"),
    cursor="›", mark="◆", relevant="★", ellipsis="…", dot="·", delta="Δ", good="✓", bad="✗", full="━", empty="─",
    arrow="→", scroll=("▲", "▼"),
)  # fmt: skip

BLOCK = Glyphs(
    name="block", dots=(2, 2), cells=tuple(_QUADRANTS), bars=BRAILLE.bars, spark=BRAILLE.spark,
    states=_WORD_STATES, modes=BRAILLE.modes, axis_y="│", axis_x="─", tick_y="┤", tick_x="┬", corner="└",
    vertical="│", whisker=BRAILLE.whisker, median="┃", non_finite="×", series=BRAILLE.series, cursor="›", mark="◆",
    relevant="★", ellipsis="…", dot="·", delta="Δ", good="✓", bad="✗", full="━", empty="─", arrow="→",
    scroll=("▲", "▼"),
)  # fmt: skip

ASCII = Glyphs(
    name="ascii", dots=(1, 2), cells=(" ", "'", ".", ":"), bars=" ..::||##", spark="_.-=+*#",
    states=_ASCII_STATES, modes={"mono": "m", "cross": "c", "mixed": "x", "english": "e"}, axis_y="|", axis_x="-",
    tick_y="+", tick_x="+", corner="+", vertical="|", whisker=("|", "-", "|", "o"), median="|", non_finite="!",
    series={"mono": "m", "cross": "c", "mixed": "x", "english": "e",
            **{key: str(number) for number, key in enumerate(RUN_SERIES, start=1)}}, cursor=">", mark="*", ellipsis="~",
    relevant="*", dot=".", delta="d", good="+", bad="x", full="=", empty="-", arrow="->", scroll=("^", "v"),
)  # fmt: skip

CHARSETS: dict[str, Glyphs] = {glyphs.name: glyphs for glyphs in (BRAILLE, BLOCK, ASCII)}


def choose_charset(asked: str, has_braille: bool) -> Glyphs:
    """``auto``: braille where the terminal can show it, else ASCII."""
    if asked in CHARSETS:
        return CHARSETS[asked]
    return BRAILLE if has_braille else ASCII
