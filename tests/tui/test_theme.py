"""Colours survive 256 colours unchanged and are never needed to read a screen."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from colour_vision import EYES, seen
from rich.color import Color, ColorSystem
from rich.style import Style

import tui
from tui.draw.glyphs import ASCII, BRAILLE
from tui.draw.heatmap import RAMP_STEPS
from tui.theme import DARK, LIGHT, PALETTES, PLAIN, SIXTEEN, Palette, choose_palette

Rgb = tuple[float, float, float]


def linear(colour: str) -> Rgb:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def background(palette: Palette, name: str) -> str:
    colour = palette.style(name).bgcolor
    assert colour is not None
    assert colour.triplet is not None
    return colour.triplet.hex


def foreground(palette: Palette, name: str) -> str:
    colour = palette.style(name).color
    assert colour is not None
    assert colour.triplet is not None
    return colour.triplet.hex


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_every_colour_is_one_of_the_256_or_next_to_it(palette: Palette) -> None:
    """SSH drops COLORTERM: what was picked must be what arrives. Greys may move by one step."""
    for name in palette.names:
        style = palette.style(name)
        for colour in (style.color, style.bgcolor):
            if colour is None or colour.triplet is None:
                continue
            arrived = colour.downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
            grey = len(set(colour.triplet)) == 1
            assert max(abs(a - b) for a, b in zip(arrived, colour.triplet, strict=True)) <= (10 if grey else 0), name


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_the_ramp_changes_evenly_in_lightness_for_every_eye(palette: Palette, eye: str) -> None:
    light = [seen(background(palette, f"ramp.{index}"), eye)[0] for index in range(RAMP_STEPS)]
    steps = [b - a for a, b in itertools.pairwise(light)]
    assert all(step > 5 for step in steps) or all(step < -5 for step in steps), light


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_numbers_on_the_heatmap_are_readable(palette: Palette) -> None:
    """Contrast of at least 4.5 (WCAG 2 AA) on every shade of both ramps."""
    for name in (f"{ramp}.{index}" for ramp in ("ramp", "diverging") for index in range(RAMP_STEPS)):
        dark, light = sorted(
            0.2126 * r + 0.7152 * g + 0.0722 * b
            for r, g, b in (linear(foreground(palette, name)), linear(background(palette, name)))
        )
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_every_palette_knows_the_same_names() -> None:
    assert all(palette.names == DARK.names for palette in PALETTES)


def test_every_style_named_in_the_code_exists() -> None:
    """A misspelt style would only fail when that part of a screen is drawn."""
    root = Path(tui.__file__).parent
    source = "".join(path.read_text() for path in root.rglob("*.py") if path.name != "theme.py")
    named = set(re.findall(r"\"((?:series|state|axis|tab|edit|cursor)\.[a-z.]+)\"", source))
    assert named
    assert named <= DARK.names
    assert {f"state.{state}" for state in BRAILLE.states} <= DARK.names
    assert BRAILLE.states.keys() == ASCII.states.keys()


def test_without_colours_there_are_none_and_with_sixteen_only_those() -> None:
    for name in PLAIN.names:
        assert PLAIN.style(name).color is None, name
        assert PLAIN.style(name).bgcolor is None, name
    for name in SIXTEEN.names:
        for colour in (SIXTEEN.style(name).color, SIXTEEN.style(name).bgcolor):
            assert colour is None or colour == Color.default() or colour.type.name == "STANDARD", name


def test_styles_add_up() -> None:
    assert DARK.style("error selected") == DARK.style("error") + DARK.style("selected")
    assert DARK.style("") == Style.null()


def test_the_palette_follows_the_terminal() -> None:
    assert choose_palette(True, "truecolor", {}) is PLAIN
    assert choose_palette(False, None, {}) is PLAIN
    assert choose_palette(False, "standard", {}) is SIXTEEN
    assert choose_palette(False, "256", {}) is DARK
    assert choose_palette(False, "256", {"COLORFGBG": "0;15"}) is LIGHT
    assert choose_palette(False, "truecolor", {"COLORFGBG": "15;0"}) is DARK
