"""Launch: what will happen if I press start?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.config import ConfigError, to_toml
from engine.runs.folder import RunFolder
from tui import keymap, steer
from tui.draw.text import Row, wrap
from tui.draw.toml import toml_rows
from tui.launch.estimate import Formers
from tui.launch.fields import FIELDS, ORIGIN, Checked, Draft, Origin, check, form_key, origins, read_draft
from tui.launch.plan import plan_rows
from tui.numbers import visible
from tui.widgets.edit import Form
from tui.widgets.form import FormPanel
from tui.widgets.form_keys import FormKeys
from tui.widgets.panel import Panel
from tui.widgets.view import View

_MEANING = 4  # lines of a field's meaning


class Before(Panel):
    """What the field under the cursor means, and what a start would do."""

    def __init__(self) -> None:
        super().__init__("before you start", id="before")
        self.meaning = ""
        self.checked = Checked(None)
        self._top = 0

    def show(self, meaning: str, checked: Checked) -> None:
        self.meaning, self.checked = meaning, checked
        self.redraw()

    def move(self, by: int) -> None:
        """Scrolls by that many lines, where not all are in sight."""
        self._top += by
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-1)

    def rows(self, width: int, height: int) -> list[Row]:
        meaning: list[Row] = [((line, ""),) for line in wrap(self.meaning, width)]
        figures = self._figures(width)
        spare = height - len(meaning) - 1 - len(figures)
        gap = 1 + max(0, min(_MEANING - len(meaning), spare))  # where there is room the figures keep their place
        lines = meaning + [()] * gap + figures
        self._top = max(0, min(self._top, len(lines) - height))
        self.tell_hidden(self._top, len(lines) - height - self._top)
        return lines[self._top : self._top + height]

    def _figures(self, width: int) -> list[Row]:
        checked = self.checked
        if checked.reason:
            error = f"{checked.field}: {checked.reason}" if checked.field else checked.reason
            return [((line, "error"),) for line in wrap(visible(error), width)]
        return plan_rows(checked, width)


class LaunchScreen(FormKeys, View):
    """A form over a sample config or a former run."""

    AUTO_FOCUS = ""
    BINDINGS = keymap.bindings("launch")
    DEFAULT_CSS = """
    LaunchScreen > #launch { height: 1fr; }
    LaunchScreen #before { width: 42; }
    LaunchScreen.-narrow #before { display: none; }
    LaunchScreen.-narrow.-before #before { display: block; width: 1fr; }
    LaunchScreen.-narrow.-before #form { display: none; }
    """
    name_in_keymap = "launch"

    def __init__(self) -> None:
        super().__init__()
        self.form_panel = FormPanel("new run", Form(FIELDS, {}), id="form")
        self.before = Before()
        self.origins: Sequence[Origin] = ()
        self.draft: Draft | None = None
        self.checked = Checked(None)
        self._formers: Formers | None = None
        self._generation = 0

    def body(self) -> ComposeResult:
        with Horizontal(id="launch"):
            yield self.form_panel
            yield self.before

    def on_mount(self) -> None:
        super().on_mount()
        self.header.show((("new run", "title"), (f"   in {visible(self.host.home_label)}", "dim")), ())
        rows = self.host.snapshot.rows if self.host.snapshot is not None else ()
        self._formers = Formers(self.host.home, rows)
        self.host.background.run(self, partial(origins, rows), self._listed)

    def on_resize(self) -> None:
        self.set_class(self.narrow, "-narrow")
        self.cursor_moved()

    def _move(self, by: int) -> None:
        """Where the panel stands in the place of the form, the keys are the panel's."""
        if self.narrow and self.has_class("-before"):
            self.before.move(by)
        else:
            super()._move(by)

    def form_changed(self) -> None:
        """Checks what is typed in a worker thread; only the newest answer counts."""
        if self.draft is None:
            return
        form = self.form_panel.form
        values = {field.key: form.value(field.key) for field in FIELDS}
        self._generation += 1
        generation = self._generation
        self.host.background.run(
            self, partial(check, self.draft, values, self._formers), lambda checked: self._checked(checked, generation)
        )

    def cursor_moved(self) -> None:
        form = self.form_panel.form
        self.before.show(form.field.meaning, self.checked)
        labels = {"panel": "before you start" if self.narrow else "", "toml": "" if self.narrow else "as TOML"}
        runs = len(self.checked.configs)
        labels["start"] = f"start {runs} runs" if runs > 1 else "start"
        editing = form.edit is not None
        self.footer.show([("enter", "keep"), ("ctrl+g", "undo")] if editing else keymap.footer("launch", labels=labels))
        self.show_message(self.host.now())

    def standing_message(self, now: float) -> tuple[Row, Row]:
        if self.checked.reason:
            return ((visible(f"{self.checked.field}: {self.checked.reason}"), "error"),), ()
        return ((self.form_panel.form.field.meaning, "dim"),) if self.narrow else (), ()

    def tick(self, now: float) -> None:
        self.show_message(now)

    def pick(self) -> None:
        if not self.origins:
            return
        at = self.origins.index(self.draft.origin) if self.draft is not None else 0
        choices = [(origin.label, origin.about) for origin in self.origins]
        self.host.pick(choices, at, "start from", self._picked)

    def action_panel(self) -> None:
        """On a narrow screen: what a start would do, in the place of the form."""
        self.toggle_class("-before")
        self.call_after_refresh(self._shown)

    def action_toml(self) -> None:
        from tui.dialogs.help import TomlScreen

        if self.checked.config is None:
            self.say("the config is not valid yet", "warning")
            return
        text = to_toml(self.checked.config)
        runs = len(self.checked.configs)
        title = f"as TOML: the first of {runs} runs" if runs > 1 else "as TOML"
        self.app.push_screen(TomlScreen(title, lambda width: toml_rows(text, width)))

    def action_start(self) -> None:
        form = self.form_panel.form
        form.keep()
        if self.draft is not None:
            self.say("starting", "accent")
            draft, values = self.draft, dict(form.values)
            self.host.background.run(self, partial(self._start, draft, values), self._started)

    def _start(self, draft: Draft, values: dict[str, str]) -> RunFolder | str:
        """The folder of the run, or what was done to have those of a sweep."""
        checked = check(draft, values)
        if checked.config is None:
            raise ConfigError(f"{checked.field}: {checked.reason}" if checked.field else checked.reason)
        parent = draft.origin.run.id if draft.origin.run is not None else None
        command_line = (Path(sys.argv[0]).name, *sys.argv[1:])
        if checked.study is not None:
            return steer.start_all(self.host.home, checked.study, command_line)
        return steer.start(self.host.home, checked.config, command_line, parent)

    def _started(self, started: RunFolder | str) -> None:
        self.app.pop_screen()
        if isinstance(started, RunFolder):
            self.host.open_run(started)
        elif isinstance(self.app.screen, View):
            self.app.screen.say(started, "accent")

    def _listed(self, found: list[Origin]) -> None:
        self.origins = found
        if found:
            self._read(found[0])
        else:
            self.say("no sample configs and no former runs to start from", "warning")

    def _picked(self, index: int | None) -> None:
        if index is not None:
            self._read(self.origins[index])

    def _read(self, origin: Origin) -> None:
        self.host.background.run(self, partial(read_draft, origin), self._drafted)

    def _drafted(self, draft: Draft) -> None:
        self.draft = draft
        form = self.form_panel.form
        form.drop()
        form.values = dict(draft.values)
        self.form_panel.retitle(f"new run from {visible(draft.origin.label)}")
        self._shown()
        self.form_changed()

    def _checked(self, checked: Checked, generation: int) -> None:
        if generation != self._generation:
            return
        self.checked = checked
        key = form_key(checked.field) or (ORIGIN if checked.reason else "")
        self.form_panel.form.errors = {key: checked.reason} if checked.reason else {}
        self.form_panel.form.notes = checked.notes
        self._shown()
