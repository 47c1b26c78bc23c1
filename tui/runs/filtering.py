"""The filter of a list: a regular expression that works while it is typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tui.runs.listing import compile_filter
from tui.widgets.edit import LineEdit


@dataclass
class Filter:
    """``pattern`` is the newest text that was a regular expression; None hides nothing."""

    text: str = ""  # as it was kept
    pattern: re.Pattern[str] | None = None
    edit: LineEdit | None = None  # while it is typed
    error: str = ""  # of what is typed

    def begin(self) -> None:
        self.edit = LineEdit(self.text, len(self.text))

    def key(self, name: str, character: str | None) -> bool:
        """Takes a key while it is typed; False when it means nothing here."""
        if self.edit is None:
            return False
        if name == "enter":
            self._keep()
        elif name in ("escape", "ctrl+g"):
            self._set(self.text)
            self.edit = None
        elif self.edit.key(name, character):
            self._set(self.edit.text)
        else:
            return False
        return True

    def paste(self, text: str) -> None:
        if self.edit is not None:
            self.edit.insert(text)
            self._set(self.edit.text)

    def clear(self) -> None:
        self.text, self.edit = "", None
        self._set("")

    def _keep(self) -> None:
        """What is no regular expression is not kept: the line stays open."""
        if self.edit is not None and not self.error:
            self.text, self.edit = self.edit.text, None

    def _set(self, text: str) -> None:
        try:
            self.pattern, self.error = compile_filter(text), ""
        except ValueError as error:
            self.error = str(error)
