"""Log and config as lines of text."""

from __future__ import annotations

from engine.config import to_toml
from engine.runs.folder import Spec
from engine.runs.state import Note
from tui.drawing.cells import Row, wrap
from tui.format import clock, visible
from tui.model.detail import RunDetail

_LEVELS = {"info": "", "warning": "warning", "error": "error"}
_KEYS = 18


def note_rows(notes: tuple[Note, ...], width: int, minutes_east: int) -> list[Row]:
    """One note a line, oldest first, wrapped under its own text."""
    rows: list[Row] = []
    for note in notes:
        style = _LEVELS.get(note.level, "")
        first, *more = wrap(note.text, max(10, width - 10))
        rows.append(((f"{clock(minutes_east, note.t)}  ", "dim"), (first, style)))
        rows += [((" " * 10, ""), (line, style)) for line in more]
    return rows


def log_rows(detail: RunDetail, width: int, minutes_east: int) -> list[Row]:
    """The notes and, of a failed run, the end of its traceback and what to do."""
    rows = note_rows(detail.notes, width, minutes_east)
    if detail.error:
        rows += [(), *((("  " + line, "error"),) for last in detail.last_lines for line in wrap(last, width - 2))]
        if detail.hint:
            rows += [(), *((("  " + line, "accent"),) for line in wrap(detail.hint, width - 2))]
    if detail.skipped:
        rows += [(), ((f"{detail.skipped:,} lines of the log could not be read and were skipped", "warning"),)]
    return rows


def config_rows(spec: Spec | None, folder: str, width: int) -> list[Row]:
    """Where the run lies and came from, then its whole config as TOML."""
    rows: list[Row] = [_pair("folder", folder)]
    if spec is None:
        return [*rows, (), (("spec.json cannot be read", "error"),)]
    provenance = spec.provenance
    commit = (provenance.git_commit or "none")[:12] + (" with changes" if provenance.git_diff_digest else "")
    rows += [
        _pair("command", " ".join(provenance.command_line) or "-"),
        _pair("started from", spec.parent or "-"),
        _pair("host", f"{provenance.host or '-'}, {provenance.threads} threads, Python {provenance.python or '-'}"),
        _pair("commit", commit),
        _pair("packages", ", ".join(f"{name} {version}" for name, version in sorted(provenance.packages.items()))),
        (),
    ]
    return rows + toml_rows(to_toml(spec.config), width)


def toml_rows(text: str, width: int) -> list[Row]:
    rows: list[Row] = []
    for line in text.splitlines():
        safe = visible(line)
        if safe.startswith("["):
            rows.append(((safe, "title"),))
        elif " = " in safe:
            key, _, value = safe.partition(" = ")
            rows.append(((f"{key} = ", "dim"), (value, "")))
        else:
            rows.append(((safe, ""),))
    return rows


def _pair(label: str, value: str) -> Row:
    return ((f"{label:<{_KEYS}}", "dim"), (visible(value), ""))
