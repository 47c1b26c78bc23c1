"""One table feeds bindings, footer, help and palette, and it only uses keys that terminals pass on."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from textual.screen import Screen
from textual.widget import Widget

from tui import keymap
from tui.compare.overlay_view import OverlayPanel
from tui.compare.pairs_view import PairsPanel
from tui.compare.places_view import PlacesPanel
from tui.compare.screen import CompareScreen
from tui.compare.table import DifferencesTable
from tui.devices.screen import DevicesScreen
from tui.dialogs.charts import ChartsScreen
from tui.dialogs.choose import ChooseScreen
from tui.dialogs.confirm import ConfirmScreen
from tui.dialogs.enter import EnterScreen
from tui.dialogs.export import ExportScreen
from tui.dialogs.help import HelpScreen, TomlScreen
from tui.dialogs.jump import JumpScreen
from tui.launch.screen import LaunchScreen
from tui.run.bias_tab import BiasTab, SharePanel
from tui.run.chart_board import ChartBoard
from tui.run.config_tab import ConfigTab
from tui.run.heatmap_panel import HeatPanel
from tui.run.heatmap_tab import HeatmapTab
from tui.run.log_tab import LogTab
from tui.run.other_runs import OtherRunsScreen
from tui.run.overview_tab import OverviewTab
from tui.run.queries_tab import QueriesTab
from tui.run.screen import RunScreen
from tui.run.tab import Tab
from tui.runs.choose_fields import FieldsScreen
from tui.runs.choose_view import ViewsScreen
from tui.runs.filter_line import FilterInput
from tui.runs.screen import RunsScreen
from tui.study.grid import ResultsGrid
from tui.study.panels import AnswerPanel, RunsLeft
from tui.study.screen import StudyScreen
from tui.widgets.form import FieldChoice, FieldInput
from tui.widgets.lists import Items, Lines

SCREENS: dict[str, type[Screen[object]]] = {
    "runs": RunsScreen, "run": RunScreen, "launch": LaunchScreen, "export": ExportScreen, "confirm": ConfirmScreen,
    "help": HelpScreen, "toml": TomlScreen, "choose": ChooseScreen, "jump": JumpScreen,
    "compare": CompareScreen, "enter": EnterScreen, "fields": FieldsScreen, "views": ViewsScreen,
    "charts": ChartsScreen, "others": OtherRunsScreen, "study": StudyScreen, "devices": DevicesScreen,
}  # type: ignore[dict-item]  # fmt: skip
PARTS: dict[str, list[type[Widget]]] = {
    "list": [Items], "text": [Lines], "overview": [OverviewTab], "board": [ChartBoard], "heatmap": [HeatmapTab],
    "cells": [HeatPanel], "bias": [BiasTab], "columns": [SharePanel], "queries": [QueriesTab], "log": [LogTab],
    "config": [ConfigTab], "grid": [ResultsGrid], "answer": [AnswerPanel], "left": [RunsLeft],
    "filter": [FilterInput],
    "differences": [DifferencesTable], "pairs": [PairsPanel], "overlay": [OverlayPanel], "places": [PlacesPanel],
    "field": [FieldInput, FieldChoice], "choice": [FieldChoice],
}  # fmt: skip
WAYS_OUT = ("commands", "help", "close", "leave")  # in this order behind the other keys
EATEN = re.compile(r"^(alt\+.*|ctrl\+(s|q|z|c|b|m|i|j|\\))$")


def test_every_scope_of_the_table_is_a_screen_or_a_widget_that_can_have_the_focus() -> None:
    assert {name for action in keymap.ACTIONS for name in action.scopes} == SCREENS.keys() | PARTS.keys()
    assert {part for parts in keymap.PARTS.values() for names in parts for part in names} == PARTS.keys()
    # A tab holds the widgets that can have it: its keys are theirs as well.
    assert all(widget.can_focus or issubclass(widget, Tab) for widgets in PARTS.values() for widget in widgets)


def test_every_action_is_a_method_of_what_has_its_keys() -> None:
    owners: dict[str, list[type[object]]] = {**PARTS, **{name: [screen] for name, screen in SCREENS.items()}}  # type: ignore[dict-item]
    for action in keymap.ACTIONS:
        method = "action_" + action.name.partition("(")[0]
        for owner in [owner for scope in action.scopes for owner in owners[scope]]:
            assert callable(getattr(owner, method, None)), f"{owner.__name__}: {method}"


@pytest.mark.parametrize(("screen", "parts"), [(screen, each) for screen, all in keymap.PARTS.items() for each in all])
def test_no_key_means_two_things_where_a_screen_and_its_parts_have_keys(screen: str, parts: tuple[str, ...]) -> None:
    """A key that two of them had would move the cursor and do something else as well."""
    scopes = {screen, *parts}
    keys = Counter(key for action in keymap.ACTIONS if scopes & set(action.scopes) for key in action.keys)
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("name", SCREENS)
def test_no_key_means_two_things_on_one_screen(name: str) -> None:
    keys = Counter(key for action in keymap.ACTIONS if name in action.scopes for key in action.keys)
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
    actions = {(keymap.shown_key(action), action.label): action for action in keymap.actions_of(name, tab)}
    names = [actions[key, label].name for key, label in shown]
    middle = [action for action in names if action not in WAYS_OUT]
    assert len(middle) <= keymap.FOOTER_KEYS
    assert names == middle + [action for action in WAYS_OUT if action in names]
    assert ("commands" in names) == any(action.name == "commands" for action in actions.values())
    assert shown[-1][1].split(",")[0] in ("back", "leave", "close", "no")


def test_the_first_of_the_table_are_those_in_the_footer() -> None:
    assert [key for key, _ in keymap.footer("runs")] == ["enter", "n", "p", "k", "e", ":", "?", "q"]
    shown = keymap.footer("run", "log", order=LogTab.footer_order)
    assert [key for key, _ in shown] == ["/", "n N", "f", "l", "up down", ":", "?", "q"]


@pytest.mark.parametrize("tab", [OverviewTab, HeatmapTab, BiasTab, QueriesTab, LogTab, ConfigTab])
def test_the_footer_of_a_tab_names_keys_that_are_in_force_there(tab: type[Tab]) -> None:
    names = {action.name for action in keymap.actions_of("run", tab.name_in_keymap)}
    assert set(tab.footer_order) <= names


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
