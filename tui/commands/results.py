"""``eval`` and ``export``: numbers from a model, tables from runs."""

from __future__ import annotations

import argparse
import os
import sys

from engine.runs.folder import runs_home
from engine.runs.registry import find_run


def evaluate_model(options: argparse.Namespace) -> int:
    """Becomes the evaluation process: the command line itself never loads a model."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "engine.evaluation.command", *options.arguments])


def export(options: argparse.Namespace) -> int:
    from engine.export.tables import build_table, write

    home = runs_home(options.runs)
    folders = [find_run(home, text).path for text in options.run]
    frame = build_table(options.table, folders, options.benchmark, options.step)
    written = write(frame, options.format, options.out)
    if options.out is None:
        if isinstance(written, bytes):
            sys.stdout.buffer.write(written)
        else:
            sys.stdout.write(written)
    else:
        print(f"wrote {options.out}", file=sys.stderr)
    return 0
