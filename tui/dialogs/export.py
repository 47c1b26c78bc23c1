"""The export dialog: which table or figure, in which format, where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from textual.app import ComposeResult

from engine.paths import expanded
from engine.runs.folder import RunFolder
from tui import keymap
from tui.dialogs.exporting import FIELDS, as_markdown, export, fields, missing, suggest
from tui.draw.text import Row
from tui.host import Host
from tui.numbers import short_path, visible
from tui.widgets.bars import Message
from tui.widgets.dialog import Blank, Dialog
from tui.widgets.form import Form

_CELLS = 88
_LINES = len(FIELDS) + 2


class ExportScreen(Dialog[None]):
    """Stays open after writing, so that several formats can follow."""

    BINDINGS = keymap.bindings("export")
    name_in_keymap = "export"

    def __init__(
        self, runs: Sequence[RunFolder], names: Sequence[str], benchmark: str | None, step: int | None,
        table: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(f"export {visible(names[0]) if len(names) == 1 else f'{len(names)} runs'}")
        self.runs, self.names, self.benchmark, self.step = runs, names, benchmark, step
        table = table or ("heatmap" if benchmark is not None else "summary")
        asked = fields(table)
        format = asked[1].choices[0]
        self._suggested = suggest(names, table, format)
        self.form = Form("", asked, {"table": table, "format": format, "file": self._suggested})
        self.message = Message()

    def body(self) -> ComposeResult:
        yield self.form
        yield Blank()
        yield self.message

    def wanted(self) -> tuple[int, int]:
        return _CELLS, _LINES

    def on_mount(self) -> None:
        self.on_form_changed()

    def on_form_changed(self) -> None:
        """Formats follow the table or figure, and the suggested name both, until a name is typed."""
        values = self.form.values
        asked = fields(values["table"])
        for field in asked:
            self.form.replace_field(field)
        format = values["format"] if values["format"] in asked[1].choices else asked[1].choices[0]
        fresh = suggest(self.names, values["table"], format)
        file = fresh if values["file"] == self._suggested else values["file"]
        self._suggested = fresh
        self.form.show({"format": format, "file": file})
        lacking = missing(values["table"])
        self.form.tell({"table": lacking} if lacking else {}, {})
        self.on_form_moved()

    def on_form_moved(self) -> None:
        lacking = missing(self.form.values["table"])
        self.message.show(((lacking, "warning"),) if lacking else ((self._meaning(), "dim"),))

    def _meaning(self) -> str:
        """Of the field with the cursor, as it stands."""
        field, values = self.form.field, self.form.values
        if field.key == "file" and values["file"].strip():
            folder = expanded(values["file"].strip()).parent
            return f"is written in {visible(short_path(folder))}; folders that are missing are made"
        if field.key == "table" and values["table"] == "compare":
            return field.meaning.replace("the first run", f"{visible(self.names[0])}, the baseline")
        return field.meaning

    def action_write(self) -> None:
        table, format, file = self._asked()
        if not file:
            self.say("file: a name is needed", "error")
        elif lacking := missing(table):
            self.say(lacking, "error")
        else:
            work = partial(export, self.runs, table, format, file, self.benchmark, self.step)
            begun = self.host.background.run(
                self, work, self._written, failed=self._failed, late=_tell_late(self.host),
                key=("export", file), name=f"writing {visible(file)}",
            )  # fmt: skip
            self.say("writing" if begun else "this file is being written already", "accent" if begun else "warning")

    def action_copy_table(self) -> None:
        """The table as markdown, for a message or a note."""
        table, _, _ = self._asked()
        self.say("making the table", "accent")
        work = partial(as_markdown, self.runs, table, self.benchmark, self.step)
        self.host.background.run(self, work, self._copied, failed=self._failed, key="export: copy")

    def _asked(self) -> tuple[str, str, str]:
        values = self.form.values
        return values["table"], values["format"], values["file"].strip()

    def say(self, text: str, style: str = "text") -> None:
        row: Row = ((text, style),)
        self.message.show(row)

    def _failed(self, line: str) -> None:
        self.say(line, "error")

    def _written(self, out: Path) -> None:
        self.say(_written_line(out), "good")

    def _copied(self, text: str) -> None:
        self.host.copy(text)
        self.say("copied as markdown", "good")


def _written_line(out: Path) -> str:
    return f"written: {visible(short_path(out))}"


def _tell_late(host: Host) -> Callable[[Path], None]:
    return lambda out: host.tell(_written_line(out), "good")
