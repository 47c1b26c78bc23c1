"""Help of the screen in front, made from the keymap; the config as TOML, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from tui import keymap
from tui.draw.text import Row, fit, wrap
from tui.glossary import words_of
from tui.widgets.dialog import Dialog
from tui.widgets.lists import Lines

_CELLS = 80
_ALWAYS = (
    "q leaves, a closed terminal too: runs go on in processes of their own.",
    "A pause saves a checkpoint and ends the process; p resumes from there.",
)


class TextScreen(Dialog[None]):
    """A text that scrolls."""

    def __init__(self, title: str, layout: Callable[[int], list[Row]]) -> None:
        super().__init__(title)
        self.text = Lines(layout)
        self._rows_of = layout

    def body(self) -> ComposeResult:
        yield self.text

    def wanted(self) -> tuple[int, int]:
        return _CELLS, len(self._rows_of(self.inner_width(_CELLS)))


class HelpScreen(TextScreen):
    """Every key of a screen."""

    BINDINGS = keymap.bindings("help")
    name_in_keymap = "help"

    def __init__(self, screen_name: str, part: str = "") -> None:
        lines = keymap.help_lines(screen_name, part)
        words = words_of(screen_name, part)
        name = f"{screen_name} screen, {part}" if part else f"{screen_name} screen"
        super().__init__(f"keys of the {name}", lambda width: [*_help_rows(lines, width), *_word_rows(words, width)])


class TomlScreen(TextScreen):
    """A config."""

    BINDINGS = keymap.bindings("toml")
    name_in_keymap = "toml"


class ProblemsScreen(TextScreen):
    """What cannot be read."""

    BINDINGS = keymap.bindings("toml")
    name_in_keymap = "toml"

    def __init__(self, lines: list[str]) -> None:
        told = lines or ["everything can be read"]
        super().__init__(
            "what cannot be read", lambda width: [((part, ""),) for line in told for part in wrap(line, width)]
        )


def _word_rows(words: Sequence[tuple[str, str]], width: int) -> list[Row]:
    """What the words on the screen mean."""
    if not words:
        return []
    rows: list[Row] = [(), (("what the words mean", "title"),)]
    for word, meaning in words:
        rows += [(), ((word, "key"),), *((("  " + line, ""),) for line in wrap(meaning, max(10, width - 2)))]
    return rows


def _help_rows(lines: list[tuple[str, str]], width: int) -> list[Row]:
    keys_width = max(len(keys) for keys, _ in lines) + 3
    rows: list[Row] = []
    for keys, meaning in lines:
        first, *more = wrap(meaning, max(10, width - keys_width))
        rows.append(((fit(keys, keys_width), "key"), (first, "")))
        rows += [((" " * keys_width, ""), (line, "")) for line in more]
    rows.append(())
    return rows + [((line, "dim"),) for text in _ALWAYS for line in wrap(text, width)]
