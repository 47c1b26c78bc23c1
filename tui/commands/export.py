"""``export``: tables, figures and files for other programs, from the results of runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import ConfigError
from engine.runs.folder import runs_home
from tui.commands.run_references import run_reference

if TYPE_CHECKING:
    from engine.export.run_results import RunReference


def export(options: argparse.Namespace) -> int:
    """Writes what was asked for to ``--out`` or stdout; what is told of it goes to stderr."""
    from engine.export.exchange import EXCHANGE

    home = runs_home(options.runs)
    runs = [run_reference(home, text) for text in options.run]
    if options.figure is not None:
        return _figure(options, runs)
    if options.format in EXCHANGE:
        return _exchange(options, runs)
    if options.table is None:
        raise ConfigError("name what to export: --table or --figure, or --format trec or mteb")
    return _table(options, runs)


def _table(options: argparse.Namespace, runs: list[RunReference]) -> int:
    from engine.export.tables import build_table, write

    frame = build_table(options.table, runs, options.benchmark, options.step)
    return _deliver(write(frame, options.format, options.out), options.out)


def _figure(options: argparse.Namespace, runs: list[RunReference]) -> int:
    from engine.export.figures import draw_figure

    if options.table is not None:
        raise ConfigError("--table and --figure: choose one of them")
    drawn = draw_figure(options.figure, options.format, runs, options.benchmark, options.step, options.out)
    return _deliver(drawn, options.out)


def _exchange(options: argparse.Namespace, runs: list[RunReference]) -> int:
    from engine.export.exchange import write_exchange

    if options.table not in (None, "ranks"):
        raise ConfigError(f"--format {options.format} holds ranks: leave --table {options.table} out")
    text = write_exchange(options.format, runs, options.benchmark, options.step, options.out)
    if options.out is None:
        sys.stdout.write(text)
    else:
        print(text, file=sys.stderr)
    return 0


def _deliver(written: str | bytes, out: Path | None) -> int:
    if out is not None:
        print(f"wrote {out}", file=sys.stderr)
    elif isinstance(written, bytes):
        if sys.stdout.isatty():
            raise ConfigError("this format is not text: name a file with --out, or redirect")
        sys.stdout.buffer.write(written)
    else:
        sys.stdout.write(written)
    return 0
