"""Colours survive 256 colours unchanged, keep apart for colour-blind eyes, and are never needed to read a screen."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from rich.style import Style

import tui
from tui.drawing.glyphs import ASCII, BRAILLE, RUN_SERIES
from tui.drawing.heatmap import RAMP_STEPS
from tui.theme import DARK, LIGHT, PALETTES, PLAIN, SIXTEEN, Palette, choose_palette

Rgb = tuple[float, float, float]

# Linear-RGB simulations of full dichromacy: Viénot, Brettel and Mollon 1999 (protan, deutan), a projection for tritan.
EYES: dict[str, tuple[Rgb, Rgb, Rgb]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deutan": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    "tritan": ((1.01278, 0.13548, -0.14827), (-0.01243, 0.86812, 0.14431), (0.07589, 0.80500, 0.11911)),
}


def linear(colour: str) -> Rgb:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def seen(colour: str, eye: str) -> Rgb:
    """CIE L*a*b* of a colour as that eye sees it."""
    rgb = linear(colour)
    red, green, blue = (min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True)))) for row in EYES[eye])
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(first: Rgb, second: Rgb) -> float:
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5


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


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_mono_and_cross_keep_apart_for_every_eye(palette: Palette, eye: str) -> None:
    mono, cross = (seen(foreground(palette, f"series.{mode}"), eye) for mode in ("mono", "cross"))
    assert distance(mono, cross) > 20


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_compared_runs_keep_apart_for_every_eye(palette: Palette, eye: str) -> None:
    colours = [seen(foreground(palette, f"series.{key}"), eye) for key in RUN_SERIES]
    assert all(distance(a, b) > 20 for a, b in itertools.combinations(colours, 2))


@pytest.mark.parametrize("eye", EYES)
def test_less_and_more_keep_apart_for_every_eye(eye: str) -> None:
    """The two ends of the diverging ramp, and both against its middle."""
    ends = [seen(background(DARK, f"diverging.{index}"), eye) for index in (0, RAMP_STEPS // 2, RAMP_STEPS - 1)]
    assert all(distance(a, b) > 20 for a, b in itertools.combinations(ends, 2))


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
