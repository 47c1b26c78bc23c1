"""Launch: what will happen if I press start?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.config import to_toml
from engine.progress import Tick
from engine.runs.folder import RunFolder
from tui import keymap
from tui.background import Latest
from tui.draw.text import Row
from tui.draw.toml import toml_rows
from tui.launch import starting
from tui.launch.before import Before
from tui.launch.editor import Edited, command_of, edit
from tui.launch.estimate import Formers
from tui.launch.every_key import EveryKeyScreen
from tui.launch.fields import (
    FIELDS,
    ORIGIN,
    Checked,
    Draft,
    Origin,
    Typed,
    as_typed,
    check,
    draft_of,
    every_key,
    field_of,
    form_key,
    hint,
    origins,
    read_draft,
    with_built_in_data,
)
from tui.launch.starting import Starting
from tui.numbers import visible
from tui.web.served import is_served
from tui.widgets.form import Form
from tui.widgets.view import View

_ASKED = frozenset(field.key for field in FIELDS)


class LaunchScreen(View):
    """A form over a sample config or a former run."""

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
        self.form = Form("new run", FIELDS, {}, id="form")
        self.before = Before()
        self.origins: Sequence[Origin] = ()
        self.draft: Draft | None = None
        self.checked = Checked(None)
        self.starting: Starting | None = None
        self.started: RunFolder | str | None = None  # once it has been: the screen closes when it is in front again
        self.checks: Latest[Checked] = Latest(lambda: self.host.background, self, self._take_check, self._check_failed)
        self._left = False
        self._formers: Formers | None = None
        self._edited: Edited | None = None  # a text that could not be taken over
        self._untouched: Draft | None = None  # as it was read
        self._field = ORIGIN  # the one that had the focus last

    def body(self) -> ComposeResult:
        with Horizontal(id="launch"):
            yield self.form
            yield self.before

    def on_mount(self) -> None:
        self.header.show((("new run", "title"), (f"   in {visible(self.host.home_label)}", "dim")), ())
        rows = self.host.snapshot.rows if self.host.snapshot is not None else ()
        self._formers = Formers(self.host.home, rows)
        self.host.background.run(self, partial(origins, rows), self._listed)
        self.before.can_focus = False

    def on_resize(self) -> None:
        self.set_class(self.narrow, "-narrow")
        if not self.narrow and self.has_class("-before"):
            self.action_panel()
        self._show_field()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.started is not None:  # it ended below a dialog
            self._leave_for(self.started)

    # What is typed

    @property
    def values(self) -> dict[str, str]:
        """The texts of the form."""
        return self.form.values

    @property
    def changed(self) -> bool:
        """Whether anything differs from the sample or the former run, typed or taken over from an editor."""
        draft = self.draft
        if draft is None:
            return False
        typed = any(text.strip() != draft.values.get(key, "") for key, text in self.values.items() if key != ORIGIN)
        return typed or draft is not self._untouched

    def on_form_changed(self) -> None:
        """Checks what is typed in a thread, one check at a time; only the newest answer counts."""
        if self.draft is None:
            return
        self.before.refused = ""
        draft, values, formers = self.draft, self.values, self._formers

        def work(tick: Tick) -> Checked:
            return check(draft, values, formers)

        self.checks.ask(work)

    def on_form_moved(self) -> None:
        self._field = self.form.field.key
        self._show_field()

    def on_form_picking(self, message: Form.Picking) -> None:
        """The list of samples and former runs."""
        if not self.origins:
            return
        at = (
            self.origins.index(self.draft.origin) if self.draft is not None and self.draft.origin in self.origins else 0
        )
        choices = [(origin.label, origin.about) for origin in self.origins]
        self.host.pick(choices, at, "start from", self._picked)

    def _show_field(self) -> None:
        self.before.show(self._meaning())
        self.show_footer()
        self.show_message(self.host.now())

    def _meaning(self) -> str:
        line = self.form.line(self._field)
        return line.field.meaning if line is not None else ""

    def show_footer(self) -> None:
        labels = {"panel": "before you start" if self.narrow else "", "toml": "" if self.narrow else "as TOML"}
        runs = len(self.checked.configs)
        labels["start"] = f"start {runs} runs" if runs > 1 else "start"
        labels["move_up"] = "scroll" if self.has_class("-before") else ""
        labels["embedded"] = "built-in data" if self.before.hint else ""
        if is_served():
            labels["editor"] = ""
        self.footer.show(keymap.footer("launch", labels=labels))

    def standing_message(self, now: float) -> tuple[Row, Row]:
        if self.starting is not None:
            return ((self.starting.line(now), "accent"),), ()
        if self.checked.reason:
            return ((visible(f"{self.checked.field}: {self.checked.reason}"), "error"),), ()
        if self.before.refused:
            return ((visible(f"not started: {self.before.refused}"), "error"),), ()
        return ((self._meaning(), "dim"),) if self.narrow else (), ()

    def tick(self, now: float) -> None:
        self.show_message(now)

    def _take_check(self, checked: Checked) -> None:
        self.checked = checked
        self.before.checked = checked
        self.before.hint = hint(self.draft, checked) if self.draft is not None and checked.reason else ""
        key = form_key(checked.field, self.values) or (ORIGIN if checked.reason else "")
        self.form.tell({key: checked.reason} if checked.reason else {}, checked.notes)
        self._show_field()

    def _check_failed(self, line: str) -> None:
        self._take_check(Checked(None, "", line))

    # What it starts from

    def _listed(self, listed: list[Origin]) -> None:
        self.origins = listed
        if typed := self.host.typed:
            self._restore(typed)
            self.say("as you left it; the first field starts anew from a sample or a run", "accent")
        elif listed:
            self._read(listed[0])
        else:
            self.say("no sample configs and no former runs to start from", "warning")

    def _picked(self, index: int | None) -> None:
        if index is not None:
            self._read(self.origins[index])

    def _read(self, origin: Origin) -> None:
        self.host.background.run(self, partial(read_draft, origin), self._begin)

    def _begin(self, draft: Draft) -> None:
        self._untouched = draft
        self._drafted(draft)

    def _drafted(self, draft: Draft) -> None:
        """Begins anew: nothing that was typed before counts any more."""
        self.form.drop_fields(set(self.form.values) - _ASKED)
        self._restore(Typed(draft, draft.values))

    def _restore(self, typed: Typed) -> None:
        self.draft = typed.draft
        for name in typed.added:
            self._add(name)
        self.form.show(typed.values)
        self.form.retitle(f"new run from {visible(typed.draft.origin.label)}")
        self.on_form_changed()
        self._show_field()

    def action_embedded(self) -> None:
        if self.draft is not None:
            work = partial(with_built_in_data, self.draft, self.values)
            self.host.background.run(self, work, self._drafted)

    # Keys that the form does not have

    def action_every_key(self) -> None:
        if self.draft is None:
            return
        keys, values = every_key(self.draft), self.draft.values | self.values

        def chosen(name: str | None) -> None:
            if name is not None:
                self._add(name)
                self.call_after_refresh(self.form.focus_field, name)

        self.app.push_screen(EveryKeyScreen(keys, values), chosen)

    def _add(self, name: str) -> None:
        """A line for any key, where the form has none."""
        assert self.draft is not None
        if self.form.line(name) is None:
            key = dict(every_key(self.draft))[name]
            self.form.add_field(field_of(key, name), self.draft.values.get(name, ""))

    def action_editor(self) -> None:
        """The whole config in the person's editor; what comes back is checked, and never lost."""
        if self.draft is None:
            return
        command = command_of(os.environ)
        if is_served() or command is None:
            why = "not from a browser" if is_served() else "set $VISUAL or $EDITOR first"
            self.say(f"no editor here: {why}", "warning")
            return
        draft, values = self.draft, self.values

        def open_editor(text: str) -> None:
            edited = edit(self.app, command, text, self._edited)
            if isinstance(edited, str):
                self.say(edited, "error")
                return
            self._edited = edited
            self.host.background.run(
                self, partial(draft_of, draft.origin, edited.text), self._taken_over, failed=self._not_taken_over
            )

        self.host.background.run(self, partial(as_typed, draft, values), open_editor)

    def _taken_over(self, draft: Draft) -> None:
        if self._edited is not None:
            self._edited.remove()
        self._edited = None
        self._drafted(draft)
        self.say("taken over from the editor", "good")

    def _not_taken_over(self, line: str) -> None:
        assert self._edited is not None
        self.say(f"{line}   F4 edits it again; the text is in {self._edited.path}", "error")

    def action_panel(self) -> None:
        """On a narrow screen: what a start would do, in the place of the form."""
        shown = self.has_class("-before") or not self.narrow
        self.set_class(not shown, "-before")
        self.before.can_focus = not shown
        if shown:
            self.call_after_refresh(self.form.focus_field, self._field)
        else:
            self.call_after_refresh(self.before.focus)
        self.call_after_refresh(self._show_field)

    def action_toml(self) -> None:
        from tui.dialogs.help import TomlScreen

        if self.checked.config is None:
            self.say("the config is not valid yet", "warning")
            return
        text = to_toml(self.checked.config)
        runs = len(self.checked.configs)
        title = f"as TOML: the first of {runs} runs" if runs > 1 else "as TOML"
        self.app.push_screen(TomlScreen(title, lambda width: toml_rows(text, width)))

    # Starting and leaving

    def action_start(self) -> None:
        if self.draft is None or self.started is not None:
            return
        background, values = self.host.background, self.values
        under_way = Starting(values["name"], self.host.now())
        tell_late = partial(_tell_start, self.host.tell)
        begun = background.run(
            self, partial(under_way.start, self.host.home, self.draft, values), self._take_start,
            failed=self._start_failed, late=tell_late, key=starting.KEY, name=f"the start of {visible(values['name'])}",
        )  # fmt: skip
        if not begun:
            self.say("a start is under way already", "warning")
            return
        self.starting = under_way
        self.host.typed = None
        self.show_message(self.host.now())

    def _start_failed(self, line: str) -> None:
        self.starting = None
        self.before.refused = line
        self._show_field()

    def _take_start(self, made: RunFolder | str) -> None:
        """Closes the screen, wherever it is: at once in front, and below something else when that has closed."""
        self.starting, self.started = None, made
        if self.is_active:  # a screen below a dialog is "current" too
            self._leave_for(made)
        else:
            _tell_start(self.host.tell, made)

    def _leave_for(self, made: RunFolder | str) -> None:
        if self._left:  # a screen may be told more than once that it is in front again
            return
        self._left = True
        self.dismiss(None)
        if isinstance(made, RunFolder):
            self.host.open_run(made)
        else:
            self.app.call_after_refresh(self.host.tell, made, "accent")

    @property
    def holds_text(self) -> bool:
        return self.starting is not None or self.changed

    def action_close(self) -> None:
        if self.starting is not None:
            choices = [
                ("leave, and let it start", "what came of it is told"),
                ("give the start up", "no run is made, if there is none yet"),
            ]
            self.host.pick(choices, 0, "a start is under way", self._leave_start)
        elif self.changed:
            choices = [
                ("keep it", "the next n brings it back, until the dashboard is left"),
                ("discard it", "the next n begins with a sample"),
            ]
            self.host.pick(choices, 0, "leave what was typed?", self._leave_typed)
        else:
            self.host.typed = None
            self.dismiss(None)

    def _leave_start(self, index: int | None) -> None:
        if index == 0:
            self._close()
        elif index == 1 and self.starting is not None:
            self.starting.give_up()
            self.show_message(self.host.now())

    def _leave_typed(self, index: int | None) -> None:
        if index is None or self.draft is None:
            return
        added = tuple(key for key in self.values if key not in _ASKED)
        self.host.typed = Typed(self.draft, self.values, added) if index == 0 else None
        self._close()

    def _close(self) -> None:
        """Once the dialog that asked has gone. Textual would await what ``dismiss`` returns, and a screen must not."""

        def dismiss() -> None:
            self.dismiss(None)

        self.call_after_refresh(dismiss)


def _tell_start(tell: Callable[[str, str], None], made: RunFolder | str) -> None:
    tell(f"{visible(made.id)} is starting" if isinstance(made, RunFolder) else made, "accent")
