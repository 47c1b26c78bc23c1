"""Every palette keeps apart what it must for eyes without one kind of cones, in truecolor, 256 and 16 colours.

Distances are CIEDE2000. About 1 is just seen between large fields side by side; the fields here are cells and thin
lines of a third of a degree and less, where several times as much is needed (Stone, Szafir and Setlur 2014 find 5 to 9
units of CIELAB along lightness and red-green for half of all people). Hence at least 8 between neighbours in a ramp and
between any two lines; 20 between the two that always stand together, and between less and more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from colour_vision import EYES, apart, ciede2000
from rich.color import Color, ColorSystem
from rich.style import Style

from tui.draw.heatmap import RAMP_STEPS
from tui.theme import DARK, LIGHT, SIXTEEN, Palette

NEIGHBOURS, PAIR = 8.0, 20.0
RUNS = [f"series.r{index}" for index in range(8)]
MODES = [f"series.{mode}" for mode in ("mono", "cross", "mixed", "english")]
STATES = ["good", "warning", "error"]

# What terminals make of the 16 colours: xterm, the Linux console (VGA), GNOME (Tango).
TERMINALS = {
    "xterm": "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff "
    "ffffff",
    "vga": "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff "
    "ffffff",
    "tango": "2e3436 cc0000 4e9a06 c4a000 3465a4 75507b 06989a d3d7cf 555753 ef2929 8ae234 fce94f 729fcf ad7fa8 34e2e2 "
    "eeeeec",
}

Look = Callable[[str, bool], str]  # (style, background?) -> #rrggbb


def exact(palette: Palette) -> Look:
    def look(name: str, background: bool) -> str:
        style: Style = palette.style(name)
        colour = style.bgcolor if background else style.color
        assert colour is not None
        return colour.get_truecolor().hex

    return look


def as_256(palette: Palette) -> Look:
    def look(name: str, background: bool) -> str:
        style = palette.style(name)
        colour = style.bgcolor if background else style.color
        assert colour is not None
        return colour.downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex

    return look


def on_terminal(name: str) -> Look:
    table = ["#" + colour for colour in TERMINALS[name].split()]

    def hexadecimal(colour: Color | None, default: int) -> str:
        number = default if colour is None or colour.number is None else colour.number
        return table[number]

    def look(name: str, background: bool) -> str:
        style = SIXTEEN.style(name)
        return hexadecimal(style.bgcolor, 0) if background else hexadecimal(style.color, 7)

    return look


MANY = {
    "dark": exact(DARK), "light": exact(LIGHT), "dark in 256": as_256(DARK), "light in 256": as_256(LIGHT),
}  # fmt: skip
FEW = {name: on_terminal(name) for name in TERMINALS}


def least(colours: list[str], eye: str) -> tuple[float, str, str]:
    """The smallest distance of any two, and whose it is."""
    return min((apart(a, b, eye), a, b) for a, b in itertools.combinations(colours, 2))


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("look", MANY)
def test_neighbours_of_both_ramps_keep_apart(look: str, eye: str) -> None:
    """The two darkest steps of the sequential ramp are quiet on purpose: their numbers tell them apart."""
    for ramp in ("ramp", "diverging"):
        colours = [MANY[look](f"{ramp}.{index}", True) for index in range(RAMP_STEPS)]
        if ramp == "ramp":
            colours = colours[1:] if "dark" in look else colours[:-1]
        distances = [round(apart(a, b, eye), 1) for a, b in itertools.pairwise(colours)]
        assert min(distances) >= NEIGHBOURS, (ramp, distances)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("look", MANY)
def test_less_and_more_of_the_same_size_are_never_taken_for_each_other(look: str, eye: str) -> None:
    for index in range(RAMP_STEPS // 2):
        less, more = (MANY[look](f"diverging.{at}", True) for at in (index, RAMP_STEPS - 1 - index))
        assert apart(less, more, eye) >= PAIR


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("look", MANY)
@pytest.mark.parametrize("names", [RUNS, MODES, STATES], ids=["runs", "modes", "states"])
def test_any_two_lines_and_any_two_states_keep_apart(names: list[str], look: str, eye: str) -> None:
    found = least([MANY[look](name, False) for name in names], eye)
    assert found[0] >= NEIGHBOURS, found
    assert apart(MANY[look]("series.mono", False), MANY[look]("series.cross", False), eye) >= PAIR


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("terminal", TERMINALS)
def test_sixteen_colours_keep_apart_what_stands_together(terminal: str, eye: str) -> None:
    """Whose colours these are is up to the terminal; eight runs come to 7 at the worst, and have labels."""
    look = FEW[terminal]
    assert apart(look("series.mono", False), look("series.cross", False), eye) >= PAIR
    assert least([look(name, False) for name in STATES], eye)[0] >= NEIGHBOURS
    assert least([look(name, False) for name in RUNS], eye)[0] >= 7
    assert least([look(name, False) for name in MODES], eye)[0] >= 7
    shades = list(dict.fromkeys(look(f"ramp.{index}", True) for index in range(RAMP_STEPS)))
    assert len(shades) == 4
    assert min(apart(a, b, eye) for a, b in itertools.pairwise(shades)) >= NEIGHBOURS
    less, more = look("diverging.0", True), look(f"diverging.{RAMP_STEPS - 1}", True)
    assert apart(less, more, eye) >= PAIR


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_that_of_the_published_pairs(
    first: tuple[float, float, float], second: tuple[float, float, float], expected: float
) -> None:
    """Sharma, Wu and Dalal 2005, table 1."""
    assert ciede2000(first, second) == pytest.approx(expected, abs=5e-5)
