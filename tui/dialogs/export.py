"""The export dialog: which table or figure, in which format, where."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from textual.app import ComposeResult

from engine.paths import expanded
from engine.runs.folder import RunFolder
from tui import keymap
from tui.dialogs.exporting import FIELDS, export, fields, missing, suggest
from tui.draw.text import Row
from tui.numbers import short_path, visible
from tui.widgets.bars import Message
from tui.widgets.dialog import Blank, Dialog
from tui.widgets.edit import Form
from tui.widgets.form import FormPanel
from tui.widgets.form_keys import FormKeys

_CELLS = 88
_LINES = len(FIELDS) + 2


class ExportScreen(FormKeys, Dialog[None]):
    """Stays open after writing, so that several formats can follow."""

    AUTO_FOCUS = ""
    BINDINGS = keymap.bindings("export")
    name_in_keymap = "export"

    def __init__(
        self, runs: Sequence[RunFolder], names: Sequence[str], benchmark: str | None, step: int | None,
        table: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(f"export {visible(names[0]) if len(names) == 1 else f'{len(names)} runs'}")
        self.runs, self.names, self.benchmark, self.step = runs, names, benchmark, step
        table = table or ("heatmap" if benchmark is not None else "summary")
        chosen = fields(table)
        format = chosen[1].choices[0]
        values = {"table": table, "format": format, "file": suggest(names, table, format)}
        self.form_panel = FormPanel("", Form(chosen, values))
        self.message = Message()
        self._suggested = values["file"]

    def body(self) -> ComposeResult:
        yield self.form_panel
        yield Blank()
        yield self.message

    def wanted(self) -> tuple[int, int]:
        return _CELLS, _LINES

    def on_mount(self) -> None:
        super().on_mount()
        self.form_changed()

    def form_changed(self) -> None:
        """Formats follow the table or figure, and the suggested name both, until a name is typed."""
        form = self.form_panel.form
        values = form.values
        form.fields = fields(values["table"])
        if values["format"] not in form.fields[1].choices:
            values["format"] = form.fields[1].choices[0]
        form.errors = {"table": lacking} if (lacking := missing(values["table"])) else {}
        fresh = suggest(self.names, values["table"], values["format"])
        if values["file"] == self._suggested:
            values["file"] = fresh
        self._suggested = fresh
        self.form_panel.redraw()
        self.cursor_moved()

    def cursor_moved(self) -> None:
        form = self.form_panel.form
        lacking = missing(form.values["table"])
        self.message.show(((lacking, "warning"),) if lacking else ((self._meaning(), "dim"),))
        editing = form.edit is not None
        self.footer.show([("enter", "keep"), ("ctrl+g", "undo")] if editing else keymap.footer("export"))

    def _meaning(self) -> str:
        """Of the field under the cursor, as it stands."""
        form = self.form_panel.form
        if form.field.key == "file" and (name := form.value("file")):
            folder = expanded(name).parent
            return f"is written in {visible(short_path(folder))}; folders that are missing are made"
        if form.field.key == "table" and form.values["table"] == "compare":
            return form.field.meaning.replace("the first run", f"{visible(self.names[0])}, the baseline")
        return form.field.meaning

    def action_write(self) -> None:
        form = self.form_panel.form
        form.keep()
        values = form.values
        if not values["file"]:
            self.say("file: a name is needed", "error")
            return
        if lacking := missing(values["table"]):
            self.say(lacking, "error")
            return
        self.say("writing", "accent")
        work = partial(export, self.runs, values["table"], values["format"], values["file"], self.benchmark, self.step)
        self.host.background.run(self, work, self._written, failed=lambda line: self.say(line, "error"))

    def say(self, text: str, style: str = "text") -> None:
        row: Row = ((text, style),)
        self.message.show(row)

    def _written(self, out: Path) -> None:
        self.say(f"written: {visible(short_path(out))}", "good")
