"""``alerts``: who is told of a run, when, and what was told; ``--test`` sends a message to each target."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import msgspec

from engine.alerts.record import ToldAlert, told_alerts
from engine.alerts.rules import rule_lines
from engine.alerts.sending import Message, Outcome, send
from engine.alerts.targets import Target, targets_of
from engine.config import ConfigError, RunConfig, has_targets, load_config
from engine.runs.folder import RunFolder, read_spec, runs_home
from engine.runs.registry import find_run
from engine.runs.text import visible
from tui.commands.output import print_json


class TargetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts go; ``sent`` and ``error`` are null without ``--test``."""

    target: str  # without what may be secret
    origin: str
    sent: bool | None = None
    error: str | None = None


class AlertsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The document of ``alerts --json``."""

    run: str | None  # null: of a config
    on_end: str | None
    rules: list[str]
    targets: list[TargetDocument]
    problems: list[str]  # targets that cannot be had
    told: list[ToldAlert]


def alerts(options: argparse.Namespace) -> int:
    """Exit status 1: a message did not go, or a target cannot be had; 2: there is nobody to send a test to."""
    folder, config = _subject(options)
    targets, problems = targets_of(config.alerts, os.environ)
    outcomes: list[Outcome] | None = None
    if options.test:
        if not has_targets(config.alerts):
            raise ConfigError(f"{options.subject}: alerts.targets: nobody is told: name a target")
        name = config.name if folder is None else folder.id
        outcomes = send(targets, Message(name, "a test: alerts of this run arrive here"))
    document = _document(folder, config, targets, problems, outcomes)
    if options.json:
        print_json(document)
    else:
        _print(document)
    for problem in problems:
        print(f"hybrid-tui: {visible(problem)}", file=sys.stderr)
    failed = problems or any(target.sent is False for target in document.targets)
    return 1 if options.test and failed else 0


def _subject(options: argparse.Namespace) -> tuple[RunFolder | None, RunConfig]:
    """A file is a config; anything else names a run."""
    path = Path(options.subject)
    if path.is_file() or path.suffix == ".toml":
        return None, load_config(path)
    folder = find_run(runs_home(options.runs), options.subject)
    return folder, read_spec(folder).config


def _document(
    folder: RunFolder | None,
    config: RunConfig,
    targets: list[Target],
    problems: list[str],
    outcomes: list[Outcome] | None,
) -> AlertsDocument:
    if outcomes is None:
        shown = [TargetDocument(target=target.masked(), origin=target.origin) for target in targets]
    else:
        shown = [
            TargetDocument(target=one.target, origin=one.origin, sent=not one.error, error=one.error or None)
            for one in outcomes
        ]
    return AlertsDocument(
        run=None if folder is None else folder.id,
        on_end=config.hooks.on_end,
        rules=rule_lines(config) if has_targets(config.alerts) else [],
        targets=shown,
        problems=problems,
        told=[] if folder is None else told_alerts(folder),
    )


def _print(document: AlertsDocument) -> None:
    if document.on_end is not None:
        print(f"at every end  {visible(document.on_end)}")
    if not document.rules:
        print("nobody is told: alerts.targets is empty")
    for rule in document.rules:
        print(f"when          {visible(rule)}")
    for target in document.targets:
        print(f"to            {visible(target.target)}  ({visible(target.origin)}){_sent(target)}")
    for told in document.told:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told.t))
        print(f"told          {stamp}  {visible(told.text)}")


def _sent(target: TargetDocument) -> str:
    if target.sent is None:
        return ""
    return ": sent" if target.sent else f": not sent: {visible(target.error or '')}"
