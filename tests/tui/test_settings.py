"""Settings of a person's own: what they change, and how wrong ones are told."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.opening import Until
from helpers.sizes import WIDE
from helpers.terminal import HYBRID_TUI, Terminal
from runs_factory import RunWriter, finished

from engine.config import ConfigError
from tui import keymap
from tui.app import Dashboard
from tui.commands.dashboard import settings_for
from tui.follow.feed import Feed
from tui.numbers import short_path
from tui.settings import Rates, Settings, find_settings, load_settings, settings_path
from tui.theme import DARK, LIGHT, choose_palette


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the dashboard looks by itself."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "hybrid-tui" / "settings.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def own_keys() -> Iterator[None]:
    yield
    keymap.use(keymap.ACTIONS)


def test_without_a_file_everything_is_as_it_is_and_nothing_is_said(file: Path) -> None:
    assert settings_path() == file
    assert find_settings(None) == (Settings(), "")


def test_a_file_sets_everything(file: Path) -> None:
    file.write_text(
        'theme = "light"\ncolours = "256"\ncharset = "ascii"\nmouse = false\n'
        '[rates]\nlive = 2\nothers = 30.5\n[keys]\nstop = "K"\nruns.new = ["f4", ";"]\n'
    )
    found, problem = find_settings(None)
    assert problem == ""
    assert (found.theme, found.colours, found.charset, found.mouse) == ("light", "256", "ascii", False)
    assert found.rates == Rates(live=2.0, others=30.5)
    assert found.bound() == {"stop": ("K",), "runs.new": ("f4", ";")}


WRONG = [
    ('theme = "dark"\ntheme = 1', "not TOML"),
    ("mouse = 3", "line 1: mouse: expected `bool`, got `int`"),
    ('# mine\n\ntheme = "pink"', "line 3: theme: "),
    ("[rates]\n# often\nlive = 0.01", "line 3: rates.live: expected `float` >= 0.5"),
    ("rates = { others = 9999 }", "line 1: rates.others: "),
    ("mouse = true\ncolour = 3", "line 2: colour: unknown, expected one of theme, colours,"),
    ("[rates]\nlife = 3", "line 2: rates.life: unknown, expected one of live, others"),
    ('[keys]\nfly = "f"', "line 2: keys.fly: no such action"),
    ('[keys]\n"launch.stop" = "f"', "line 2: keys.launch.stop: no such action on the launch screen"),
    ('[keys]\nnew = "ctrl+s"', "line 2: keys.new: 'ctrl+s' is no key"),
    ('[keys]\nnew = []', "line 2: keys.new: at least one key"),
    ('[keys.runs]\n\nnew = "q"', "line 3: keys.runs.new: 'q' is leave on the runs screen already"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_wrong_file_is_one_line_with_file_line_and_field_and_the_defaults_stand_in(
    file: Path, text: str, told: str
) -> None:
    file.write_text(text)
    found, problem = find_settings(None)
    assert found == Settings()
    assert problem.startswith(short_path(file))
    assert told in problem
    assert "\n" not in problem
    with pytest.raises(ConfigError, match=re.escape(str(file))):
        load_settings(file)


def test_a_file_that_is_named_must_be_there_and_right(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        find_settings(tmp_path / "none.toml")


def test_the_command_line_wins(file: Path) -> None:
    file.write_text('charset = "block"\ntheme = "light"\nmouse = true')
    given = {"settings": None, "charset": "ascii", "theme": None, "no_mouse": True}
    found, _ = settings_for(argparse.Namespace(**given))
    assert (found.charset, found.theme, found.mouse) == ("ascii", "light", False)
    given |= {"charset": None, "no_mouse": False}
    found, _ = settings_for(argparse.Namespace(**given))
    assert (found.charset, found.mouse) == ("block", True)


def test_a_theme_that_is_set_is_not_asked_of_the_terminal() -> None:
    assert choose_palette(False, "256", {"COLORFGBG": "15;0"}, "light") is LIGHT
    assert choose_palette(False, "256", {"COLORFGBG": "0;15"}, "dark") is DARK


def test_rates_are_seconds_between_two_looks(home: Path) -> None:
    """A run that is not live is looked at again only when its turn comes."""
    writer = finished(home, "done")
    feed = Feed(home, lambda snapshot: None, lambda: 0.0, Rates(live=0.5, others=2.0))
    assert feed.step() is not None
    writer.steps(401, 410)
    looks = 0
    while feed.step() is None:
        looks += 1
        assert looks < 20
    assert 1 <= looks <= 4


async def test_own_keys_work_on_their_screen_and_are_what_footer_and_help_say(
    home: Path, gallery: list[RunWriter], own_keys: None, until: Until
) -> None:
    keymap.use(keymap.rebound({"runs.help": ("f8",), "mark": ("v",)}))
    app = Dashboard(home, environment={}, palette=DARK)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None, "the runs")
        assert any(keys == "v" and help.startswith("mark") for keys, help in keymap.help_lines("runs"))
        await pilot.press("space")
        assert not app.screen.marked  # type: ignore[attr-defined]
        await pilot.press("v")
        assert app.screen.marked  # type: ignore[attr-defined]
        await pilot.press("question_mark")
        assert app.screen.name_in_keymap == "runs"  # type: ignore[attr-defined]
        await pilot.press("f8")
        assert app.screen.name_in_keymap == "help"  # type: ignore[attr-defined]
    assert "question_mark" in {key for action in keymap.actions_of("run") for key in action.keys}


def test_a_wrong_file_is_told_on_the_screen_and_a_named_one_ends_with_2(home: Path, file: Path) -> None:
    file.write_text("mouse = 3")
    terminal = Terminal([HYBRID_TUI, "--runs", str(home)])
    terminal.until("mouse: expected")
    terminal.press("q")
    assert terminal.wait() == 0
    named = Terminal([HYBRID_TUI, "--runs", str(home), "--settings", str(file)])
    assert named.wait() == 2
    assert "line 1: mouse: expected `bool`" in named.text().replace("\n", "")


def test_colours_that_are_set_are_all_that_is_used(home: Path, file: Path) -> None:
    finished(home, "cldr-hybrid-s0")
    for colours, forbidden in (("none", "\x1b[0;38"), ("16", ";5;")):
        file.write_text(f'colours = "{colours}"')
        terminal = Terminal([HYBRID_TUI, "--runs", str(home)], {"COLORTERM": "truecolor"})
        terminal.until("cldr-hybrid-s0")
        terminal.press("q")
        terminal.wait()
        assert forbidden not in terminal.written.decode()


def test_plain_tells_of_live_runs_and_ends_when_there_are_none(home: Path) -> None:
    finished(home, "done")
    terminal = Terminal([HYBRID_TUI, "--runs", str(home), "--plain"])
    assert terminal.wait() == 0
    assert "no live runs in" in terminal.text()
