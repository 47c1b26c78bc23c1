"""The configs of the runs of a report, and where they came from: enough to start each of them again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from engine.config import RunConfig, to_toml
from engine.export.page.html import folded, note, preformatted, table
from engine.export.page.reported_run import ReportedRun


def config_part(runs: Sequence[ReportedRun]) -> str:
    """As HTML: the first run's config whole, and what the others have different."""
    first, *others = runs
    parts = []
    if others:
        parts.append(_differences(runs))
        parts.append(note(f"All else is as in the config of {first.label}:"))
    parts.append(preformatted(to_toml(first.spec.config)))
    parts += [folded(f"The config of {run.label}", preformatted(to_toml(run.spec.config))) for run in others]
    return "\n".join(parts)


def provenance_part(runs: Sequence[ReportedRun]) -> str:
    """As HTML: command line, commit and versions."""
    values = [dict(_provenance(run)) for run in runs]
    names = dict.fromkeys(name for found in values for name in found)
    rows = [[name, *(found.get(name) or "-" for found in values)] for name in names]
    return table("Made with", ["", *(run.label for run in runs)], rows, words=range(1, 99), across=4)


def _differences(runs: Sequence[ReportedRun]) -> str:
    values = [_flat(run.spec.config) for run in runs]
    names = sorted({name for found in values for name in found})
    rows = [
        [name, *(found.get(name, "not set") for found in values)]
        for name in names
        if len({found.get(name, "not set") for found in values}) > 1
    ]
    if not rows:
        return note("The configs are equal.")
    return table("What differs", ["", *(run.label for run in runs)], rows, words=range(1, 99), across=4)


def _flat(config: RunConfig) -> dict[str, str]:
    """ "batch.size" -> its value as TOML's reader would have it."""
    return dict(_leaves("", msgspec.to_builtins(config)))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), one)
    elif isinstance(value, (list, tuple)) and any(isinstance(one, dict) for one in value):
        for index, one in enumerate(value):
            yield from _leaves(f"{name}[{index}]", one)
    else:
        yield name, "not set" if value is None else msgspec.json.encode(value).decode()


def _provenance(run: ReportedRun) -> Iterator[tuple[str, str]]:
    found = run.spec.provenance
    yield "command", shlex.join(found.command_line)
    if run.spec.parent:
        yield "started from", run.spec.parent
    if found.git_commit:
        yield "commit of the working directory", found.git_commit + (" with changes" if found.changed else "")
    yield "python", found.python
    yield "packages", ", ".join(f"{name} {version}" for name, version in sorted(found.packages.items()))
    yield "driver", found.driver or ""
    yield "threads", f"{found.threads:,}"
