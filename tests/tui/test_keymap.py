"""One table feeds bindings, footer, help and palette, and it only uses keys that terminals pass on."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from textual.screen import Screen
from textual.widget import Widget

from tui import keymap
from tui.screens.charts import ChartsScreen
from tui.screens.compare import CompareScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.export import ExportScreen
from tui.screens.help import HelpScreen, TomlScreen
from tui.screens.jump import JumpScreen
from tui.screens.launch import LaunchScreen
from tui.screens.palette import PaletteScreen
from tui.screens.pick import PickScreen
from tui.screens.run import RunScreen
from tui.screens.runs import RunsScreen
from tui.study.grid import ResultsGrid
from tui.study.panels import AnswerPanel, RunsLeft
from tui.study.screen import StudyScreen

SCREENS: dict[str, type[Screen[object]]] = {
    "runs": RunsScreen, "run": RunScreen, "launch": LaunchScreen, "export": ExportScreen, "confirm": ConfirmScreen,
    "help": HelpScreen, "toml": TomlScreen, "palette": PaletteScreen, "pick": PickScreen, "jump": JumpScreen,
    "compare": CompareScreen,
    "charts": ChartsScreen, "study": StudyScreen,
}  # type: ignore[dict-item]  # fmt: skip
AREAS: dict[tuple[str, str], type[Widget]] = {
    ("study", "grid"): ResultsGrid, ("study", "answer"): AnswerPanel, ("study", "left"): RunsLeft,
}  # fmt: skip
WAYS_OUT = ("commands", "help", "close", "leave")  # in this order behind the other keys
EATEN = re.compile(r"^(alt\+.*|ctrl\+(s|q|z|c|b|m|i|j|\\))$")


def test_every_screen_of_the_table_exists() -> None:
    assert {name for action in keymap.ACTIONS for name in action.screens} == SCREENS.keys()


@pytest.mark.parametrize("name", SCREENS)
def test_every_action_of_a_screen_is_one_of_its_methods(name: str) -> None:
    for action in keymap.actions_of(name):
        method = "action_" + action.name.partition("(")[0]
        for owner in [AREAS[name, area] for area in action.areas] or [SCREENS[name]]:
            assert callable(getattr(owner, method, None)), f"{owner.__name__}: {method}"


def test_every_area_of_the_table_is_a_part_of_a_screen_that_can_have_the_focus() -> None:
    named = {(screen, area) for action in keymap.ACTIONS for screen in action.screens for area in action.areas}
    assert named == AREAS.keys()
    assert all(widget.can_focus for widget in AREAS.values())


def test_keys_of_an_area_are_bound_there_and_not_on_the_screen() -> None:
    """A key that two of them had would move the cursor and do something else as well."""
    own = {binding.key for binding in keymap.bindings("study")}
    for screen, area in AREAS:
        there = {binding.key for binding in keymap.bindings(screen, area)}
        assert "up" in there
        assert there & own == set()


@pytest.mark.parametrize("name", SCREENS)
def test_no_key_means_two_things_on_one_screen(name: str) -> None:
    keys = Counter(key for action in keymap.actions_of(name) for key in action.keys)
    assert [key for key, times in keys.items() if times > 1] == []


def test_no_key_is_one_that_terminals_eat_and_escape_is_never_the_only_one() -> None:
    for action in keymap.ACTIONS:
        assert not any(EATEN.match(key) for key in action.keys), action.name
        assert set(action.keys) != {"escape"}, action.name


@pytest.mark.parametrize(
    ("name", "tab"), [(name, tab) for name in SCREENS for tab in (keymap.RUN_TABS if name == "run" else ("",))]
)
def test_the_footer_holds_five_keys_and_the_way_out(name: str, tab: str) -> None:
    shown = keymap.footer(name, tab)
    actions = {(keymap.shown_key(action), action.label): action for action in keymap.actions_of(name)}
    names = [actions[key, label].name for key, label in shown]
    middle = [action for action in names if action not in WAYS_OUT]
    assert len(middle) <= keymap.FOOTER_KEYS
    assert names == middle + [action for action in WAYS_OUT if action in names]
    assert [each for each in shown if tab and actions[each].tabs and tab not in actions[each].tabs] == []
    assert ("commands" in names) == any(action.name == "commands" for action in actions.values())
    assert shown[-1][1].split(",")[0] in ("back", "leave", "close", "no")


def test_the_first_of_the_table_are_those_in_the_footer() -> None:
    assert [key for key, _ in keymap.footer("runs")] == ["enter", "n", "p", "k", "e", ":", "?", "q"]
    assert [key for key, _ in keymap.footer("run", "log")] == ["/", "n N", "arrows", ":", "?", "q"]


def test_a_label_of_the_moment_replaces_the_usual_one_and_an_empty_one_leaves_it_out() -> None:
    shown = dict(keymap.footer("runs", labels={"pause_resume": "resume", "stop": ""}))
    assert shown["p"] == "resume"
    assert "k" not in shown


def test_a_named_order_decides_which_keys_come_first_and_brings_others_in() -> None:
    shown = keymap.footer("runs", labels={"mark": ""}, order=("compare", "mark", "sort", "open"))
    assert [key for key, _ in shown] == ["c", "s", "enter", ":", "?", "q"]


@pytest.mark.parametrize("name", SCREENS)
def test_help_tells_of_every_key_or_of_the_pair_it_belongs_to(name: str) -> None:
    told = " ".join(keys for keys, _ in keymap.help_lines(name))
    for action in keymap.actions_of(name):
        if action.help:
            assert keymap.shown_key(action).split(" ", maxsplit=1)[0] in told


def test_only_the_help_of_a_screen_with_a_log_tells_of_a_log() -> None:
    telling = {name for name in SCREENS for _, text in keymap.help_lines(name) if "log follows" in text}
    assert telling == {"run"}


def test_the_palette_offers_what_the_screen_can_do() -> None:
    titles = [title for title, _, _, _ in keymap.palette("run")]
    assert len(titles) == len(set(titles))
    assert "run: pause or resume" in titles
    assert all(": " in title for title in titles)
