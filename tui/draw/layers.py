"""Layers of dots, laid over each other and put on a canvas."""

from __future__ import annotations

from codecs import charmap_decode
from collections.abc import Sequence
from typing import NamedTuple

from tui.draw.canvas import Canvas
from tui.draw.dots import Dots
from tui.draw.glyphs import Glyphs


class Layer(NamedTuple):
    """Dots of one style; ``solid``: a character for any dots, so that series differ without colour in ASCII."""

    dots: Dots
    style: str
    solid: str = ""


def paint(canvas: Canvas, x: int, y: int, layers: Sequence[Layer], glyphs: Glyphs) -> None:
    """Draws layers of one size on an empty part of the canvas, all inside it; in each cell the last that has a dot.

    No cell mixes two layers. They are laid over each other as long numbers in which a byte is a cell: that costs a few
    operations a layer instead of a few for each of its cells.
    """
    characters, styles = [" ", *glyphs.cells[1:]], [""]
    shown, owners = 0, 0  # what is in each cell, as places in these two
    width, height = layers[0].dots.width, layers[0].dots.height
    for layer in layers:
        masks = layer.dots.masks()
        below = ~_number(masks, for_any_dot=255)
        owners = owners & below | _number(masks, for_any_dot=len(styles))
        styles.append(layer.style)
        if layer.solid:
            shown = shown & below | _number(masks, for_any_dot=len(characters))
            characters.append(layer.solid)
        else:
            shown = shown & below | int.from_bytes(masks, "big")
    text, _ = charmap_decode(shown.to_bytes(width * height, "big"), "strict", "".join(characters))
    owner_of = owners.to_bytes(width * height, "big")
    for line in range(height):
        canvas.across(x, y + line, text[line::height], [styles[owner] for owner in owner_of[line::height]])


def _number(masks: bytes, for_any_dot: int) -> int:
    """A long number with this byte for every cell that holds a dot."""
    return int.from_bytes(masks.translate(bytes([0] + [for_any_dot] * 255)), "big")
