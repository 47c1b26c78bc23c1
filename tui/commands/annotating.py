"""``rename``, ``note``, ``tag`` and ``pin``: what a person says of a run. They touch nothing that a worker reads."""

from __future__ import annotations

import argparse

from engine.config import ConfigError
from engine.runs.annotations import annotate, noted, pinned, read_annotations, renamed, tagged
from engine.runs.folder import RunFolder, read_spec, runs_home
from engine.runs.registry import find_run
from engine.runs.text import visible


def rename(options: argparse.Namespace) -> int:
    folder = _folder(options)
    name = annotate(folder, renamed(options.name)).name or read_spec(folder).config.name
    print(f"{folder.id} is called {visible(name)}")
    return 0


def note(options: argparse.Namespace) -> int:
    folder = _folder(options)
    if options.text is None:
        print(visible(read_annotations(folder).note) or f"{folder.id} has no note")
        return 0
    text = annotate(folder, noted(options.text)).note
    print(f"{folder.id}: {visible(text) or 'the note is gone'}")
    return 0


def tag(options: argparse.Namespace) -> int:
    folder = _folder(options)
    if wrong := [text for text in options.tags if text[:1] not in ("+", "-") or not text[1:]]:
        raise ConfigError(f"tag {wrong[0]!r}: expected +TAG to add one, or -TAG to take one away")
    added = tuple(text[1:] for text in options.tags if text[0] == "+")
    removed = tuple(text[1:] for text in options.tags if text[0] == "-")
    tags = annotate(folder, tagged(added, removed)).tags if options.tags else read_annotations(folder).tags
    print(f"{folder.id}: {visible(' '.join(tags)) or 'no tags'}")
    return 0


def pin(options: argparse.Namespace) -> int:
    folder = _folder(options)
    annotate(folder, pinned(not options.off))
    print(f"{folder.id} {'is no longer pinned' if options.off else 'is pinned: it stands first in the dashboard'}")
    return 0


def _folder(options: argparse.Namespace) -> RunFolder:
    return find_run(runs_home(options.runs), options.run)
