"""Keys of a form, for a full screen and for a dialog alike."""

from __future__ import annotations

from textual import events

from tui.widgets.form import FormPanel


class FormKeys:
    """Mixed into a screen that has a ``form_panel``; ``form_changed`` is called after every change."""

    form_panel: FormPanel

    def form_changed(self) -> None:
        raise NotImplementedError

    def cursor_moved(self) -> None:
        """Another field, or editing began or ended."""

    def pick(self) -> None:
        """Enter on a field that opens a list."""

    def on_key(self, event: events.Key) -> None:
        """While a field is edited, keys are text: q does not leave and ? does not help."""
        form = self.form_panel.form
        if form.edit is None:
            return
        if event.key in ("enter", "tab", "down", "up", "shift+tab"):
            by = {"enter": 0, "up": -1, "shift+tab": -1}.get(event.key, 1)
            form.move(by)
        elif event.key in ("escape", "ctrl+g"):
            form.drop()
        elif not form.edit.key(event.key, event.character):
            return  # F-keys go on to their actions
        event.stop()
        event.prevent_default()
        self._shown()
        self.form_changed()

    def on_paste(self, event: events.Paste) -> None:
        form = self.form_panel.form
        if form.edit is not None:
            form.edit.insert(event.text)
            self._shown()
            self.form_changed()

    def action_edit(self) -> None:
        form = self.form_panel.form
        if form.field.picks:
            self.pick()
        elif form.cycle(1):
            self.form_changed()
        else:
            form.begin()
        self._shown()

    def action_move_up(self) -> None:
        self._move(-1)

    def action_move_down(self) -> None:
        self._move(1)

    def action_page_up(self) -> None:
        self._move(-8)

    def action_page_down(self) -> None:
        self._move(8)

    def action_first(self) -> None:
        self._move(-len(self.form_panel.form.fields))

    def action_last(self) -> None:
        self._move(len(self.form_panel.form.fields))

    def action_move_left(self) -> None:
        self._cycle(-1)

    def action_move_right(self) -> None:
        self._cycle(1)

    def _move(self, by: int) -> None:
        self.form_panel.form.move(by)
        self._shown()

    def _cycle(self, by: int) -> None:
        if self.form_panel.form.cycle(by):
            self._shown()
            self.form_changed()

    def _shown(self) -> None:
        self.form_panel.redraw()
        self.cursor_moved()
