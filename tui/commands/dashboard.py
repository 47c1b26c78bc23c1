"""``hybrid-tui`` without a command."""

from __future__ import annotations

import argparse
import sys

from engine.config import ConfigError
from engine.runs.folder import RunFolder, runs_home


def open_dashboard(options: argparse.Namespace, run: RunFolder | None = None) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError("the dashboard needs a terminal; 'hybrid-tui list' and 'hybrid-tui show RUN' do not")
    from tui.app import run_dashboard

    return run_dashboard(runs_home(options.runs), open_run=run, mouse=not options.no_mouse, charset=options.charset)
