"""A line of text under a cursor, and a form of such lines: the logic of typing, apart from any widget."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.draw.text import Row, fit, width


@dataclass
class LineEdit:
    """``cursor`` counts characters from the beginning."""

    text: str = ""
    cursor: int = 0

    def key(self, name: str, character: str | None) -> bool:
        """Applies a key; False when it means nothing here."""
        if name in ("left", "right"):
            self.cursor = max(0, min(len(self.text), self.cursor + (1 if name == "right" else -1)))
        elif name in ("home", "ctrl+a"):
            self.cursor = 0
        elif name in ("end", "ctrl+e"):
            self.cursor = len(self.text)
        elif name in ("backspace", "ctrl+h"):
            self._cut(self.cursor - 1, self.cursor)
        elif name in ("delete", "ctrl+d"):
            self._cut(self.cursor, self.cursor + 1)
        elif name == "ctrl+u":
            self._cut(0, self.cursor)
        elif character is not None and character.isprintable() and character:
            self.insert(character)
        else:
            return False
        return True

    def insert(self, text: str) -> None:
        """Puts the printable characters of ``text`` at the cursor."""
        added = "".join(character for character in text if character.isprintable())
        self.text = self.text[: self.cursor] + added + self.text[self.cursor :]
        self.cursor += len(added)

    def row(self, cells: int, ellipsis: str = "…") -> Row:
        """The part around the cursor in exactly ``cells`` cells, the cursor as a cell of its own style."""
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        under = after[:1] or " "
        room = max(0, cells - width(under))
        while width(before) > room:
            before = before[1:]
        rest = max(0, room - width(before))
        return ((before, "edit"), (under, "edit.cursor"), (fit(after[1:], rest, ellipsis=ellipsis), "edit"))

    def _cut(self, start: int, end: int) -> None:
        if 0 <= start < end <= len(self.text):
            self.text = self.text[:start] + self.text[end:]
            self.cursor = start


@dataclass(frozen=True)
class Field:
    """One line of a form."""

    key: str
    label: str
    meaning: str
    choices: tuple[str, ...] = ()
    picks: bool = False  # enter opens a list instead of an editor
    short: str = ""  # the meaning in a few words, shown beside the value
    empty: str = ""  # what an empty value means
    gap: bool = False  # begins a group


@dataclass
class Form:
    """Fields with their texts; at most one is being edited."""

    fields: tuple[Field, ...]
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # what was found about a field
    index: int = 0
    edit: LineEdit | None = None

    @property
    def field(self) -> Field:
        return self.fields[self.index]

    def value(self, key: str) -> str:
        """The text as typed so far."""
        if self.edit is not None and self.field.key == key:
            return self.edit.text
        return self.values.get(key, "")

    def move(self, by: int) -> None:
        """To another field; what was being edited is kept."""
        self.keep()
        self.index = max(0, min(len(self.fields) - 1, self.index + by))

    def begin(self) -> None:
        text = self.values.get(self.field.key, "")
        self.edit = LineEdit(text, len(text))

    def keep(self) -> None:
        if self.edit is not None:
            self.values[self.field.key] = self.edit.text.strip()
            self.edit = None

    def drop(self) -> None:
        """Leaves the field as it was before it was edited."""
        self.edit = None

    def cycle(self, by: int) -> bool:
        """The next or former choice; False where the field has none."""
        choices = self.field.choices
        if not choices:
            return False
        value = self.values.get(self.field.key, "")
        at = choices.index(value) + by if value in choices else 0
        self.values[self.field.key] = choices[at % len(choices)]
        return True
