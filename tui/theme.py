"""Colours: hand-picked from the 256-colour cube, so that SSH without COLORTERM shows what was meant.

Every style name that the drawing core uses is resolved here. Colour is never the only channel: what it says is also
said by a glyph, a word, a number or a position. The sequential ramp rises evenly in lightness and the two main
categorical colours are a blue and an orange: both hold for colour-blind readers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from rich.style import Style
from textual.theme import Theme

# CIE lightness 15, 24, 38, 52, 67, 80, 98: rising, also for protan, deutan and tritan eyes (xterm 235 237 24 31 73 115
# 229). It begins close to the background: little is quiet, much is bright.
_RAMP = ("#262626", "#3a3a3a", "#005f87", "#0087af", "#5fafaf", "#87d7af", "#ffffaf")
# Differences: orange for less, blue for more, quiet around nothing (xterm 172 130 52 236 24 31 74; light: 94 172 222
# 252 153 74 24). Neighbours of all ramps, and every two lines, keep apart for colour-blind eyes too: tests compute it.
_DIVERGING = ("#d78700", "#af5f00", "#5f0000", "#303030", "#005f87", "#0087af", "#5fafd7")
_LIGHT_DIVERGING = ("#875f00", "#d78700", "#ffd787", "#d0d0d0", "#afd7ff", "#5fafd7", "#005f87")


@dataclass(frozen=True, eq=False)
class Palette:
    """Style definitions by name, and the few colours that Textual's own stylesheet needs."""

    name: str
    dark: bool
    ansi: bool
    styles: dict[str, str]
    theme: Theme
    _resolved: dict[str, Style] = field(default_factory=dict)

    def style(self, name: str) -> Style:
        """The style of ``name``; several names joined by blanks add up.

        Raises:
            KeyError: an unknown name.
        """
        found = self._resolved.get(name)
        if found is None:
            found = Style.combine([Style.null(), *(Style.parse(self.styles[part]) for part in name.split())])
            self._resolved[name] = found
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.styles)


class _Colours(NamedTuple):
    text: str
    dim: str
    faint: str
    line: str
    background: str
    surface: str
    selected: str
    accent: str
    good: str
    warning: str
    error: str
    series: dict[str, tuple[str, str]]  # mode: (line, raw)
    runs: tuple[str, ...]  # compared runs: every pair keeps apart for all eyes, the first of them most
    ramp: tuple[str, ...]
    diverging: tuple[str, ...]
    bar: str


_ON_BLACK, _ON_DARK, _ON_LIGHT = "#d0d0d0", "#ffffff", "#080808"

_DARK = _Colours(
    text="#d0d0d0", dim="#8a8a8a", faint="#4e4e4e", line="#444444", background="#121212", surface="#1c1c1c",
    selected="#303030", accent="#87afd7", good="#87af87", warning="#d7af5f", error="#d75f5f",
    series={
        "mono": ("#5fafff", "#005f87"), "cross": ("#ffaf5f", "#875f00"),
        "mixed": ("#d7ffff", "#5f8787"), "english": ("#ff0087", "#87005f"),
    },
    runs=("#5fafff", "#ffaf5f", "#afafaf", "#5f875f", "#ffffd7", "#d7ffff", "#ff0000", "#af5faf"),
    ramp=_RAMP, diverging=_DIVERGING, bar="#5f87af",
)  # fmt: skip

_LIGHT = _Colours(
    text="#303030", dim="#6c6c6c", faint="#b2b2b2", line="#bcbcbc", background="#eeeeee", surface="#e4e4e4",
    selected="#d0d0d0", accent="#005faf", good="#005f5f", warning="#af5f00", error="#870000",
    series={
        "mono": ("#005faf", "#87afd7"), "cross": ("#af5f00", "#d7af87"),
        "mixed": ("#005f5f", "#87afaf"), "english": ("#af0087", "#d787d7"),
    },
    runs=("#005faf", "#af5f00", "#000000", "#6c6c6c", "#870000", "#3a3a3a", "#5f005f", "#0000af"),
    ramp=tuple(reversed(_RAMP)), diverging=_LIGHT_DIVERGING, bar="#5f87af",
)  # fmt: skip


def _styles(colours: _Colours) -> dict[str, str]:
    styles = {
        "": "", "text": colours.text, "dim": colours.dim, "faint": colours.faint, "bold": f"bold {colours.text}",
        "title": f"bold {colours.text}", "accent": colours.accent, "key": f"bold {colours.accent}",
        "good": colours.good, "warning": colours.warning, "error": colours.error, "axis": colours.line,
        "axis.label": colours.dim, "bar": colours.bar, "median": f"bold {colours.warning}",
        "selected": f"on {colours.selected}", "tab": colours.dim,
        "tab.active": f"bold {colours.text} on {colours.selected}",
        "cursor.cell": f"bold {colours.background} on {colours.text}", "edit": f"{colours.text} on {colours.selected}",
        "found": "bold underline", "edit.cursor": f"{colours.background} on {colours.text}",
    }  # fmt: skip
    for mode, (line, raw) in colours.series.items():
        styles[f"series.{mode}"], styles[f"series.{mode}.raw"] = line, raw
    styles |= {f"series.r{index}": colour for index, colour in enumerate(colours.runs)}
    for index, background in enumerate(colours.ramp):
        text = _text_on(background)
        styles[f"ramp.{index}"] = f"{text} on {background}"
        styles[f"ramp.{index}.own"] = f"bold underline {text} on {background}"
    for index, background in enumerate(colours.diverging):
        text = _text_on(background)
        styles[f"diverging.{index}"] = f"{text} on {background}"
        styles[f"diverging.{index}.own"] = f"bold underline {text} on {background}"
    return styles | _states(colours.good, colours.dim, colours.warning, colours.error)


def _text_on(background: str) -> str:
    """The quietest of three texts with enough contrast, by relative luminance (WCAG 2)."""
    channels = [int(background[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = ((c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in channels)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    if luminance > 0.18:  # where black and white contrast equally
        return _ON_LIGHT
    return _ON_BLACK if luminance < 0.06 else _ON_DARK


def _states(good: str, dim: str, warning: str, error: str) -> dict[str, str]:
    return {
        "state.queued": dim, "state.starting": good, "state.running": good, "state.evaluating": good,
        "state.pausing": warning, "state.paused": warning, "state.stopping": warning, "state.stopped": dim,
        "state.finished": dim, "state.failed": error, "state.crashed": error, "state.stalled": warning,
        "state.gone": warning,
    }  # fmt: skip


def _theme(name: str, colours: _Colours, dark: bool) -> Theme:
    return Theme(
        name=name, dark=dark, primary=colours.accent, secondary=colours.dim, accent=colours.accent,
        warning=colours.warning, error=colours.error, success=colours.good, foreground=colours.text,
        background=colours.background, surface=colours.background, panel=colours.surface,
        variables={"line": colours.line, "titles": colours.dim, "selected": colours.selected},
    )  # fmt: skip


def _sixteen() -> Palette:
    """For terminals with 16 colours: their own colours on their own background."""
    styles = {
        "": "", "text": "default", "dim": "bright_black", "faint": "bright_black", "bold": "bold", "title": "bold",
        "accent": "cyan", "key": "bold cyan", "good": "cyan", "warning": "bright_yellow", "error": "red",
        "axis": "bright_black", "axis.label": "bright_black", "bar": "blue", "median": "bold bright_yellow",
        "selected": "reverse", "tab": "bright_black", "tab.active": "reverse", "cursor.cell": "reverse",
        "edit": "underline", "found": "bold underline", "edit.cursor": "reverse",
        "series.mono": "bright_blue", "series.mono.raw": "blue", "series.cross": "bright_yellow",
        "series.cross.raw": "yellow", "series.mixed": "bright_white", "series.mixed.raw": "bright_black",
        "series.english": "bright_red", "series.english.raw": "red",
    }  # fmt: skip
    runs = ("bright_blue", "bright_yellow", "bright_red", "bright_white", "cyan", "bright_black", "magenta", "yellow")
    styles |= {f"series.r{index}": colour for index, colour in enumerate(runs)}
    ramp = ("default", "white on blue", "black on cyan", "black on bright_white")
    for index in range(len(_RAMP)):
        step = ramp[index * len(ramp) // len(_RAMP)]
        styles[f"ramp.{index}"], styles[f"ramp.{index}.own"] = step, f"bold underline {step}"
    for index, step in enumerate(
        ("black on yellow", "yellow", "default", "default", "default", "cyan", "black on cyan")
    ):
        styles[f"diverging.{index}"], styles[f"diverging.{index}.own"] = step, f"bold underline {step}"
    styles |= _states("cyan", "default", "bright_yellow", "red")
    return Palette("sixteen", dark=True, ansi=True, styles=styles, theme=_ansi_theme("hybrid-16", "ansi_bright_black"))


def _plain() -> Palette:
    """For NO_COLOR: attributes only."""
    styles = {
        "": "", "text": "", "dim": "dim", "faint": "dim", "bold": "bold", "title": "bold", "accent": "bold",
        "key": "bold", "good": "", "warning": "bold", "error": "bold", "axis": "dim", "axis.label": "dim", "bar": "",
        "median": "bold", "selected": "reverse", "tab": "", "tab.active": "reverse", "cursor.cell": "reverse",
        "edit": "underline", "found": "bold underline", "edit.cursor": "reverse",
    }  # fmt: skip
    for mode in _DARK.series:
        styles[f"series.{mode}"], styles[f"series.{mode}.raw"] = "bold", "dim"
    styles |= {f"series.r{index}": ("bold", "", "dim")[index % 3] for index in range(len(_DARK.runs))}
    for index in range(len(_RAMP)):
        attribute = ("dim", "", "bold", "reverse")[index * 4 // len(_RAMP)]
        styles[f"ramp.{index}"] = attribute
        styles[f"ramp.{index}.own"] = f"{attribute} underline".strip()
    for index, attribute in enumerate(("reverse", "bold", "", "dim", "", "bold", "reverse")):
        styles[f"diverging.{index}"], styles[f"diverging.{index}.own"] = attribute, f"{attribute} underline".strip()
    styles |= dict.fromkeys(_states("", "", "", ""), "")
    return Palette("plain", dark=True, ansi=True, styles=styles, theme=_ansi_theme("hybrid-plain", "ansi_default"))


def _ansi_theme(name: str, line: str) -> Theme:
    return Theme(
        name=name, ansi=True, dark=True, primary="ansi_cyan", secondary="ansi_default", accent="ansi_cyan",
        warning="ansi_yellow", error="ansi_red", success="ansi_green", foreground="ansi_default",
        background="ansi_default", surface="ansi_default", panel="ansi_default", boost="ansi_default",
        variables={
            "line": line, "titles": "ansi_default", "selected": "ansi_default", "ansi-background": "ansi_default",
            "ansi-foreground": "ansi_default",
        },
    )  # fmt: skip


DARK = Palette("dark", True, False, _styles(_DARK), _theme("hybrid-dark", _DARK, True))
LIGHT = Palette("light", False, False, _styles(_LIGHT), _theme("hybrid-light", _LIGHT, False))
SIXTEEN = _sixteen()
PLAIN = _plain()
PALETTES = (DARK, LIGHT, SIXTEEN, PLAIN)


def choose_palette(
    no_color: bool, color_system: str | None, environment: dict[str, str], theme: str = "auto"
) -> Palette:
    """By what the terminal can do; a light background where ``theme`` or COLORFGBG tells of one."""
    if no_color or color_system is None:
        return PLAIN
    if color_system in ("standard", "windows"):
        return SIXTEEN
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    light = background in ("7", "15") if theme == "auto" else theme == "light"
    return LIGHT if light else DARK
