"""Typing into a field does what a person expects of a text field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.draw.text import row_width
from tui.widgets.edit import Field, Form, LineEdit

KEYS = ["left", "right", "home", "end", "backspace", "delete", "ctrl+u", "a", "ก", "中", "tab", "f5"]


def oracle(keys: list[str]) -> tuple[str, int]:
    """The same with a list of characters and an index."""
    text: list[str] = []
    at = 0
    for key in keys:
        if key == "left":
            at = max(0, at - 1)
        elif key == "right":
            at = min(len(text), at + 1)
        elif key == "home":
            at = 0
        elif key == "end":
            at = len(text)
        elif key == "backspace" and at:
            at -= 1
            del text[at]
        elif key == "delete" and at < len(text):
            del text[at]
        elif key == "ctrl+u":
            del text[:at]
            at = 0
        elif len(key) == 1:
            text.insert(at, key)
            at += 1
    return "".join(text), at


@given(st.lists(st.sampled_from(KEYS), max_size=60))
def test_keys_edit_like_the_plainest_editor(keys: list[str]) -> None:
    edit = LineEdit()
    for key in keys:
        edit.key(key, key if len(key) == 1 else None)
    assert (edit.text, edit.cursor) == oracle(keys)


@given(st.lists(st.sampled_from(KEYS), max_size=60), st.integers(2, 20))
def test_the_row_is_exact_and_shows_the_cursor(keys: list[str], cells: int) -> None:
    edit = LineEdit()
    for key in keys:
        edit.key(key, key if len(key) == 1 else None)
    row = edit.row(cells)
    assert row_width(row) == cells
    assert [style for _, style in row].count("edit.cursor") == 1


def test_control_characters_cannot_be_pasted() -> None:
    edit = LineEdit()
    edit.insert("a\x1b]0;x\x07b\nc")
    assert edit.text == "a]0;xbc"


def test_keys_without_meaning_are_left_to_the_screen() -> None:
    assert not LineEdit().key("f5", None)


def test_a_dropped_edit_leaves_the_value_and_a_kept_one_replaces_it() -> None:
    form = Form((Field("a", "a", ""), Field("b", "b", "", choices=("x", "y"))), {"a": "old", "b": "x"})
    form.begin()
    assert form.edit is not None
    form.edit.insert("er")
    assert form.value("a") == "older"
    form.drop()
    assert form.values["a"] == "old"
    form.begin()
    form.edit.insert("er ")
    form.move(1)
    assert form.values["a"] == "older"
    assert form.cycle(1)
    assert form.values["b"] == "y"
    assert form.cycle(1)
    assert form.values["b"] == "x"
