"""``list``, ``status``, ``log``, ``protocol`` and ``show``: what is known about runs, as text or JSON."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.alerts.catching_up import catch_up
from engine.alerts.record import told_alerts
from engine.config import ConfigError
from engine.events import AnyEvent
from engine.flock import no_locks
from engine.runs.annotations import read_annotations
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, read_spec, results_folder, runs_home
from engine.runs.lock import probe
from engine.runs.log import EventCursor
from engine.runs.reader import MODE_NAMES, RunReader
from engine.runs.registry import find_run, list_runs, require_readable, unreadable_runs
from engine.runs.state import Note
from engine.runs.status import explanation, status_of
from engine.runs.text import visible
from engine.runs.time_left import may_end_early, seconds_left
from tui.commands.output import can_draw, print_json
from tui.commands.plain import evaluation_line, result_table, standing_line
from tui.follow.run_time import left_text
from tui.numbers import age, option_text


def list_all(options: argparse.Namespace) -> int:
    home = runs_home(options.runs)
    require_readable(home)
    folders = list_runs(home)
    catch_up(folders)
    if unreadable := unreadable_runs(home):
        names = visible(", ".join(unreadable))
        print(f"hybrid-tui: not listed, since they cannot be read (another user's?): {names}", file=sys.stderr)
    readers = [_read(folder) for folder in folders]
    text = " ".join(filter(None, (_filter_of(options.view) if options.view else "", options.filter)))
    if text:
        readers = _fitting(readers, text)
    _warn_without_locks(folders)
    if options.json:
        print_json({"runs": [status_of(reader) for reader in readers]})
    elif readers:
        print("\n".join(result_table([(status_of(reader), reader.state) for reader in readers])))
    elif folders:
        print(f"none of {len(folders)} runs fits the filter")
    else:
        print(f"no runs in {home}; 'hybrid-tui demo' makes one")
    return 0


def _filter_of(name: str) -> str:
    """The filter of a view that was saved in the dashboard.

    Raises:
        ConfigError: there is none of that name.
    """
    from tui.runs import saved_views

    _, named, problem = saved_views.load(runs_home())
    if name in named:
        return named[name].filter
    there = problem or (f"there are {', '.join(named)}" if named else "none is saved: V in the dashboard does it")
    raise ConfigError(f"--view {name}: no view of that name; {there}")


def _fitting(readers: Sequence[RunReader], text: str) -> list[RunReader]:
    """Those that the filter of the dashboard keeps.

    Raises:
        ConfigError: there is something wrong with it.
    """
    from tui.follow.labels import labels
    from tui.follow.rows import make_row
    from tui.runs.filter_language import FilterError, judge_at_once, parse

    rows = []
    for reader in readers:
        try:
            spec = read_spec(reader.folder)
        except RunError:
            spec = None
        said = read_annotations(reader.folder)
        rows.append(make_row(reader.folder, spec, reader.state, probe(reader.folder), time.time(), said))
    named = labels(rows)
    judge = judge_at_once()
    try:
        chosen = parse(text)
        fits = [chosen.fits(row, named[row.folder.path], judge) for row in rows]
    except FilterError as error:
        raise ConfigError(f"--filter: {error}") from None
    return [reader for reader, fit in zip(readers, fits, strict=True) if fit]


def status(options: argparse.Namespace) -> int:
    folder = find_run(runs_home(options.runs), options.run)
    catch_up([folder])
    _warn_without_locks([folder])
    reader = _read(folder)
    current = status_of(reader)
    if options.json:
        print_json(current)
        return 0
    left = _left(folder, reader) if current.state in ("running", "evaluating") else ""
    print(f"{visible(current.id)}  {current.state}  {standing_line(reader.state)}{left}")
    if why := explanation(reader.folder, reader.state, probe(reader.folder)):
        print(visible(why))
    said = [*(["pinned"] if current.pinned else []), *(f"tag:{tag}" for tag in current.tags), current.note]
    if any(said):
        print(visible("   ".join(filter(None, said))))
    for point in reader.state.latest_evaluations().values():
        print(evaluation_line(reader.state, point))
    if current.updated:
        print(f"last event {age(time.time() - current.updated)} ago, on {visible(current.host)}")
    return 0


def _left(folder: RunFolder, reader: RunReader) -> str:
    """How long a live run still takes, as the dashboard says it."""
    try:
        config = read_spec(folder).config
    except RunError:
        return ""
    seconds = seconds_left(reader.state, config)
    return "" if seconds is None else f"   {left_text(seconds, may_end_early(config))}"


def _warn_without_locks(folders: Sequence[RunFolder]) -> None:
    """One line where the file system cannot tell whether runs live."""
    if (folder := next((folder for folder in folders if not probe(folder).has_locks), None)) is not None:
        print(f"hybrid-tui: {visible(no_locks(folder.path.parent))}", file=sys.stderr)


def log(options: argparse.Namespace) -> int:
    folder = find_run(runs_home(options.runs), options.run)
    catch_up([folder])
    if options.json:
        cursor = EventCursor(folder.events)
        recorded: list[AnyEvent] = []
        while batch := cursor.poll():
            recorded += batch
        print_json({"events": recorded})
        return 0
    told = [Note(alert.t, f"told: {alert.text}") for alert in told_alerts(folder)]
    reader = _read(folder)
    for note in sorted([*reader.state.history(), *told], key=lambda note: note.t):
        mark = {"info": " ", "warning": "!", "error": "x"}[note.level]
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(note.t))} {mark} {visible(note.line())}")
    current = status_of(reader)
    if current.last_words:
        print(f"the end of {visible(str(folder.log))}:")
        print("\n".join(f"  {visible(line)}" for line in current.last_words))
    return 0


def protocol(options: argparse.Namespace) -> int:
    folder = find_run(runs_home(options.runs), options.run)
    documents = {}
    for benchmark, point in _read(folder).state.latest_evaluations().items():
        path = results_folder(folder, point.step, benchmark) / "summary.json"
        if not path.resolve().is_relative_to(folder.results.resolve()):
            continue  # a log may name anything: nothing is read outside the run
        try:
            summary = msgspec.json.decode(path.read_bytes())
            documents[benchmark] = summary["protocol"]
            if summary.get("sampled_of") is not None:
                documents[benchmark]["queries"] = f"{summary['queries']:,}, a sample of {summary['sampled_of']:,}"
        except (OSError, msgspec.MsgspecError, KeyError):
            raise ConfigError(f"{path}: no readable protocol") from None
    if not documents:
        raise ConfigError(f"{folder.id} has no evaluation yet")
    if options.json:
        print_json(documents)
        return 0
    for benchmark, document in documents.items():
        print(visible(benchmark))
        for name, text in _protocol_rows(document):
            print(f"  {visible(name):<24} {visible(text)}")
    return 0


def _protocol_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, value), and behind an option of the encoder who set it: the config, the model, or nobody (default)."""
    origins = document.get("origins")
    if not isinstance(origins, dict):  # of an earlier release
        origins = {}
    rows = []
    for name, value in document.items():
        if name in origins:
            rows.append((name, f"{option_text(name, value)} ({origins[name]})"))
        elif name != "origins":
            rows.append((name, "none" if value is None else _text(value)))
    return rows


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def show(options: argparse.Namespace) -> int:
    from engine.export.show import render_show

    reader = RunReader(find_run(runs_home(options.runs), options.run), series=True)
    reader.poll()
    series = reader.series
    assert series is not None
    modes = [MODE_NAMES[code] if code < len(MODE_NAMES) else "" for code in series.mode]
    points = reader.state.latest_evaluations()
    sys.stdout.write(
        render_show(
            visible(reader.state.name),
            series.loss,
            modes,
            {key: point.result for key, point in points.items()},
            _width(),
            system=reader.state.system if reader.state.kind == "evaluation" else "",
            ascii_only=options.ascii or options.charset == "ascii" or not can_draw(sys.stdout),
        )
    )
    return 0


def _width() -> int:
    return min(120, shutil.get_terminal_size((100, 30)).columns)


def _read(folder: RunFolder) -> RunReader:
    reader = RunReader(folder)
    reader.poll()
    return reader
