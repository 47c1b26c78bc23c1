"""Log and config as lines of text."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from engine.config import RunConfig, to_toml
from engine.events import ModelLoaded
from engine.runs.folder import Spec
from engine.runs.state import Note, NoteKind
from tui.draw.text import Row, fit, wrap
from tui.draw.toml import toml_rows
from tui.follow.config_difference import config_differences
from tui.follow.detail import RunDetail
from tui.numbers import clock, day_number, option_text, visible
from tui.run.contrast import Other

_LEVELS = {"info": "", "warning": "warning", "error": "error"}
_KEYS = 20


def note_rows(notes: Iterable[Note], width: int, minutes_east: int | None, today: int) -> list[Row]:
    """One note a line, oldest first, wrapped under its own text; see ``note_blocks``."""
    return [row for block in note_blocks(notes, width, minutes_east, today) for row in block]


def note_blocks(notes: Iterable[Note], width: int, minutes_east: int | None, today: int) -> list[list[Row]]:
    """Each note in its lines, below a line with the date wherever another day begins.

    ``today`` is a number of days since 1970, of the same zone as the clock: notes of today need no date.
    """
    blocks: list[list[Row]] = []
    former = today
    for note in notes:
        day = day_number(minutes_east, note.t)
        if day != former:
            date = time.strftime("%A %d %B %Y", time.gmtime(day * 86400))
            blocks.append([((f"{date}, today" if day == today else date, "title"),)])
            former = day
        style = _LEVELS.get(note.level, "")
        first, *more = wrap(note.text, max(10, width - 10))
        rows: list[Row] = [((f"{clock(minutes_east, note.t)}  ", "dim"), (first, style))]
        blocks.append(rows + [((" " * 10, ""), (line, style)) for line in more])
    return blocks


def log_blocks(
    detail: RunDetail, width: int, minutes_east: int | None, today: int, kind: NoteKind | None = None
) -> list[list[Row]]:  # fmt: skip
    """The notes, or those of one kind, and of a failed run the end of its traceback and what to do."""
    notes = [note for note in detail.notes if kind is None or kind in note.kinds]
    blocks = note_blocks(notes, width, minutes_east, today)
    if not notes:
        blocks.append([(("nothing of this kind has happened yet" if kind else "nothing has happened yet", "dim"),)])
    if detail.error and kind in (None, "problem"):
        for lines, style in ((detail.last_lines, "error"), ((detail.hint,) if detail.hint else (), "accent")):
            if lines:
                blocks.append([()])
            blocks += [[(("  " + line, style),) for line in wrapped_under_indent(text, width - 2)] for text in lines]
    elif detail.row.reason and kind in (None, "problem"):
        style = f"state.{detail.row.state}"
        blocks += [[()], [((line, style),) for line in wrap(detail.row.reason, max(10, width))]]
    if detail.skipped:
        told = f"{detail.skipped:,} lines of the log could not be read and were skipped"
        blocks += [[()], [((told, "warning"),)]]
    return blocks


def wrapped_under_indent(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells that keep the blanks at the beginning of the text: a traceback needs them."""
    indent = min(len(text) - len(text.lstrip(" ")), max(0, width // 2))
    return [" " * indent + line for line in wrap(text[indent:].strip(" "), max(1, width - indent))]


def difference_rows(spec: Spec | None, other: Other, width: int) -> list[Row]:
    """What another run was asked, where that differs: this run's value, then the other's."""
    if spec is None or other.spec is None:
        return [((f"the config of {other.name} cannot be compared: spec.json cannot be read", "error"),), ()]
    differences = config_differences(spec.config, other.spec.config)
    if not differences:
        return [((f"the same config as {other.name}", "title"),), ()]
    settings = "1 setting differs" if len(differences) == 1 else f"{len(differences)} settings differ"
    rows: list[Row] = [((f"{settings} from {other.name}: this run, then that one", "title"),)]
    keys = min(max(len(difference.key) for difference in differences), max(10, width // 3))
    values = max(8, (width - keys - 4) // 2)
    for difference in differences:
        lines = [
            wrap(text, size)
            for text, size in ((difference.key, keys), (difference.here, values), (difference.there, values))
        ]
        for key, value, other_value in zip_longest(*lines, fillvalue=""):
            rows.append(((fit(key, keys) + "  ", "dim"), (fit(value, values) + "  ", "bold"), (other_value, "warning")))
    return [*rows, ()]


def annotation_rows(note: str, tags: Sequence[str], width: int) -> list[Row]:
    """What people said of the run, above what it was asked."""
    rows = _pair("note", note, width) if note else []
    return rows + (_pair("tags", ", ".join(tags), width) if tags else [])


def config_rows(spec: Spec | None, model: ModelLoaded | None, folder: str, width: int) -> list[Row]:
    """Where the run lies and came from, then its whole config as TOML, and below [model] the model as it was loaded.

    ``model`` is None for a run that has not told, which those of earlier releases never do.
    """
    rows = _pair("folder", folder, width)
    if spec is None:
        loaded = [] if model is None else [(), *loaded_rows(model, width)]
        return [*rows, (), (("spec.json cannot be read", "error"),), *loaded]
    provenance = spec.provenance
    commit = (provenance.git_commit or "none")[:12] + (" with changes" if provenance.changed else "")
    packages = ", ".join(f"{name} {version}" for name, version in sorted(provenance.packages.items()))
    host = f"{provenance.host or '-'}, {provenance.threads} threads, Python {provenance.python or '-'}"
    for label, value in (
        ("command", " ".join(provenance.command_line) or "-"),
        ("started from", spec.parent or "-"),
        ("host", host),
        ("commit", commit),
        ("packages", packages),
    ):
        rows += _pair(label, value, width)
    before, section, after = _toml_of_kind(spec.config).partition("[model]\n")
    keys, _, after = after.partition("\n\n")
    rows += [(), *toml_rows(before + section + keys, width)]
    if model is not None:
        rows += [(), *loaded_rows(model, width)]
    return [*rows, (), *toml_rows(after, width)]


def _toml_of_kind(config: RunConfig) -> str:
    """The config without the sections that its kind of run does not read."""
    first, *sections = re.split(r"(?m)^(?=\[)", to_toml(config))
    if config.kind == "training":
        return first + "".join(section for section in sections if not section.startswith("[system"))
    system = "[model" if config.system.kind == "encoder" else "[system"
    debias = () if config.system.debias == "none" else ("[system", "[[sources")
    read = (system, *debias, "[runtime", "[evaluation")
    return first + "".join(section for section in sections if section.startswith(read))


def loaded_rows(model: ModelLoaded, width: int) -> list[Row]:
    """How a worker loaded it, and behind every option who set it: the config, the model, or nobody (default)."""
    trained = "all" if model.trained == model.parameters else f"{model.trained:,}"
    pairs = [("modules", model.modules)]
    for name, value in model.options.items():
        origin = f" ({model.origins[name]})" if name in model.origins else ""
        pairs.append((name, option_text(name, value) + origin))
    pairs += [
        ("width", f"{model.width:,} dimensions"),
        ("parameters", f"{model.parameters:,}, {trained} of them trained"),
        ("attention", model.attention),
        ("precision", model.precision),
        ("revision", model.revision or "-"),
    ]
    rows: list[Row] = [(("the model as it was loaded", "title"),)]
    for label, value in pairs:
        rows += _pair(label, value, width)
    return rows


def _pair(label: str, value: str, width: int) -> list[Row]:
    """The value beside its label, and wrapped under itself."""
    return [
        ((f"{visible(label) if number == 0 else '':<{_KEYS}}", "dim"), (line, ""))
        for number, line in enumerate(wrap(visible(value), max(10, width - _KEYS)))
    ]
