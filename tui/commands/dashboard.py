"""``hybrid-tui`` without a command."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from functools import partial

import msgspec

from engine.config import ConfigError
from engine.runs.folder import RunFolder, runs_home
from engine.runs.text import visible
from tui.settings import COLOUR_SYSTEMS, Settings, find_settings
from tui.terminal.abilities import has_cursor, most_colours
from tui.web.served import is_served, leave_with_server

_LOOK_SECONDS = 0.5
_WITHOUT_TERMINAL = "--plain, 'hybrid-tui list' and 'hybrid-tui show RUN' do without"


def open_dashboard(options: argparse.Namespace, run: RunFolder | None = None) -> int:
    """Opens the dashboard; with ``--plain`` it tells of the live runs line by line instead."""
    settings, problem = settings_for(options)
    if options.plain:
        if problem:
            print(f"hybrid-tui: {problem}", file=sys.stderr)
        return follow_live(options)
    if is_served():
        leave_with_server()
    else:
        _take_terminal()
    choose_colours(settings)
    gc.disable()  # a start makes much that stays and little that cycles; the dashboard collects again a second later
    from tui import keymap

    keymap.use(keymap.rebound(settings.bound()))
    from tui.app import run_dashboard

    return run_dashboard(runs_home(options.runs), open_run=run, settings=settings, problem=problem)


def _take_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(f"the dashboard needs a terminal; {_WITHOUT_TERMINAL}")
    if not has_cursor(os.environ):
        raise ConfigError(
            f"the dashboard needs a terminal that can move its cursor, and TERM={os.environ['TERM']} cannot; "
            f"{_WITHOUT_TERMINAL}"
        )
    if not sys.stderr.isatty():  # it goes to a file: Textual, which draws on standard error, must not draw there
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    for name in ("COLUMNS", "LINES"):  # as `docker exec -e` hands them over: Textual would believe them for ever
        os.environ.pop(name, None)


def settings_for(options: argparse.Namespace) -> tuple[Settings, str]:
    """The file's settings, overridden by the command line; and what is wrong with the file.

    Raises:
        ConfigError: a file named with ``--settings`` is missing or wrong.
    """
    settings, problem = find_settings(options.settings)
    given = {"charset": options.charset, "theme": options.theme, "mouse": False if options.no_mouse else None}
    given = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(settings, **given), problem


def choose_colours(settings: Settings) -> None:
    """Tells Textual, before it is loaded, how many colours to use."""
    if settings.colours == "none":
        os.environ["NO_COLOR"] = "1"
    elif settings.colours in COLOUR_SYSTEMS:
        os.environ["TEXTUAL_COLOR_SYSTEM"] = COLOUR_SYSTEMS[settings.colours]
    elif (colours := most_colours(os.environ)) is not None:
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", COLOUR_SYSTEMS[colours])


def follow_live(options: argparse.Namespace) -> int:
    """Plain lines about every live run, also those that start meanwhile, until none is live."""
    from engine.runs.lock import probe
    from engine.runs.registry import list_runs, require_readable
    from tui.commands.plain import Follower

    home = runs_home(options.runs)
    require_readable(home)
    followed: dict[RunFolder, Follower] = {}
    while True:
        for folder in list_runs(home):
            if folder not in followed and probe(folder).alive is not False:
                name = visible(folder.id)
                print(f"{name}: following it as plain lines; it goes on when you leave", flush=True)
                followed[folder] = Follower(folder, partial(_tell, name))
        for folder, follower in list(followed.items()):
            if follower.look():
                print(f"{visible(folder.id)}  {follower.status().state}", flush=True)
                del followed[folder]
        if not followed:
            print(f"no live runs in {home}")
            return 0
        time.sleep(_LOOK_SECONDS)


def _tell(name: str, text: str) -> None:
    print(f"{name}  {text}", flush=True)
