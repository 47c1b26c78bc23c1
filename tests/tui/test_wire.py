"""What is sent to the terminal: enough to show what is wanted, no more, and nothing that could drive it."""

from __future__ import annotations

import re
import unicodedata

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.draw.text import fit, width
from tui.terminal.direction import CLOSE, OPEN
from tui.terminal.stand_ins import measurable, restored
from tui.terminal.wire import Wire

WIDTH, HEIGHT = 12, 4
STYLES = ("", "bold", "red on blue", "#5fafff", "bold underline #5fafff on #303030", "reverse")
PARTS = st.lists(st.tuples(st.text("ab 字●e\u0301", max_size=6), st.sampled_from(STYLES)), max_size=4)
FRAMES = st.lists(st.lists(PARTS, min_size=HEIGHT, max_size=HEIGHT), min_size=1, max_size=5)


def strip(parts: list[tuple[str, str]]) -> Strip:
    """The parts one after the other, in exactly WIDTH cells."""
    cells = WIDTH
    segments = []
    for text, style in parts:
        text = text.lstrip("\u0301")  # a combining mark needs something to stand on
        piece = Strip([Segment(text, Style.parse(style))]).crop(0, cells)
        segments += list(piece)
        cells -= piece.cell_length
    return Strip([*segments, Segment(" " * cells, Style.null())] if cells else segments, WIDTH)


def whole(frame: list[list[tuple[str, str]]]) -> LayoutUpdate:
    return LayoutUpdate([[strip(line)] for line in frame], Region(0, 0, WIDTH, HEIGHT))


def partial(frame: list[list[tuple[str, str]]], lines: list[int]) -> ChopsUpdate:
    chops = [{0: strip(line)} for line in frame]
    return ChopsUpdate(chops, [(y, 0, WIDTH) for y in lines], [[WIDTH]] * HEIGHT)


def sent(wire: Wire, update: LayoutUpdate | ChopsUpdate) -> str:
    wire.take(update, WIDTH, HEIGHT, ColorSystem.EIGHT_BIT)
    return wire.changes()


def screen() -> tuple[pyte.Screen, pyte.Stream]:
    made = pyte.Screen(WIDTH, HEIGHT)
    made.reset_mode(pyte.modes.DECAWM)  # as Textual sets its terminals
    return made, pyte.Stream(made)


def shown(found: pyte.Screen) -> list[list[pyte.screens.Char]]:
    return [[found.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]


@given(FRAMES)
def test_a_terminal_that_got_only_the_changes_shows_what_one_shows_that_got_everything(
    frames: list[list[list[tuple[str, str]]]],
) -> None:
    followed, stream = screen()
    wire = Wire()
    for frame in frames:
        stream.feed(sent(wire, whole(frame)))
    fresh, fresh_stream = screen()
    fresh_stream.feed(sent(Wire(), whole(frames[-1])))
    assert shown(followed) == shown(fresh)


@given(FRAMES, st.integers(0, HEIGHT - 1))
def test_lines_that_are_updated_alone_end_the_same_way(frames: list[list[list[tuple[str, str]]]], line: int) -> None:
    one_by_one, at_once = Wire(), Wire()
    followed, stream = screen()
    stream.feed(sent(one_by_one, whole(frames[0])))
    last = [*frames[0]]
    last[line] = frames[-1][line]
    stream.feed(sent(one_by_one, partial(frames[-1], [line])))
    fresh, fresh_stream = screen()
    fresh_stream.feed(sent(at_once, whole(last)))
    assert shown(followed) == shown(fresh)


@given(FRAMES)
def test_what_stands_there_already_is_not_sent_again(frames: list[list[list[tuple[str, str]]]]) -> None:
    wire = Wire()
    sent(wire, whole(frames[0]))
    assert sent(wire, whole(frames[0])) == ""
    wire.forget()
    assert sent(wire, whole(frames[0])) != ""


def test_one_changed_number_costs_a_few_bytes() -> None:
    wire = Wire()
    frame = [[("step 1,234", "bold")]] + [[("quiet", "")]] * 3
    sent(wire, whole(frame))
    assert len(sent(wire, whole([[("step 1,235", "bold")], *frame[1:]]))) < 20


@given(st.text(st.characters(codec="utf-8"), max_size=8))
def test_no_control_character_passes_whatever_a_widget_draws(text: str) -> None:
    wire = Wire()
    hostile = f"\x1b]0;owned\x07\x9b2J{text}\x1b[6n"
    line = Strip([Segment(hostile, Style.null())], WIDTH)
    update = LayoutUpdate([[line]] + [[Strip.blank(WIDTH)]] * 3, Region(0, 0, WIDTH, HEIGHT))
    written = sent(wire, update)
    for sequence in ("\x1b]", "\x07", "\x9b", "\x1b[2J", "\x1b[6n"):
        assert sequence not in written
    assert all(character.isprintable() or character == "\x1b" or ord(character) >= 0xA0 for character in written)


@given(PARTS, st.integers(1, WIDTH - 1), st.integers(1, HEIGHT))
def test_what_was_drawn_for_a_larger_screen_is_cut_at_the_edge(
    parts: list[tuple[str, str]], width: int, height: int
) -> None:
    """A line of several pieces, some of them wholly outside: none may reach back in, none may make a line longer."""
    pieces = [Strip([Segment(text, Style.parse(style))]) for text, style in parts if text.isascii()]
    wire = Wire()
    line = [*pieces, Strip.blank(WIDTH)]
    wire.take(LayoutUpdate([line] * HEIGHT, Region(0, 0, WIDTH, HEIGHT)), width, height, ColorSystem.EIGHT_BIT)
    found = pyte.Screen(WIDTH, HEIGHT)
    found.reset_mode(pyte.modes.DECAWM)
    pyte.Stream(found).feed(wire.changes())
    expected = "".join(text for text, _ in parts if text.isascii())[:width].ljust(WIDTH)
    assert found.display == [expected] * height + [" " * WIDTH] * (HEIGHT - height)


def test_another_size_starts_from_nothing() -> None:
    wire = Wire()
    frame = [[(fit("text", WIDTH), "")]] * HEIGHT
    sent(wire, whole(frame))
    wire.take(whole(frame), WIDTH + 2, HEIGHT, ColorSystem.EIGHT_BIT)
    assert wire.changes().count("text") == HEIGHT


def test_after_a_vowel_sign_the_cursor_is_placed_anew() -> None:
    """Whether a terminal gives it a cell or not, what follows stands where it should."""
    line = Strip([Segment(measurable(fit("कि ab", WIDTH)))], WIDTH)
    blank = Strip([Segment(" " * WIDTH)], WIDTH)
    found = sent(Wire(), LayoutUpdate([[line]] + [[blank]] * (HEIGHT - 1), Region(0, 0, WIDTH, HEIGHT)))
    assert "कि\x1b[3G ab" in found


HINDI = "हिन्दी में पूछा गया सवाल कि कार्यालय कहाँ है"
ARABIC = "ما هي عملة مصر؟"
SPACING = st.text(st.sampled_from("कख़ा िो ab字e\u0301\u200d\ufe0f❤👩🔬عם  "), max_size=20)


@given(SPACING)
def test_textual_measures_every_text_as_the_drawing_core_does(text: str) -> None:
    stood_in = measurable(text)
    assert Segment(stood_in).cell_length == width(text)
    assert restored(stood_in) == text


@given(st.text())
def test_what_stands_for_something_is_never_made_from_what_came_as_it_is(text: str) -> None:
    """A private character in a text must not become a control character on its way out."""
    assert not any(unicodedata.category(character) == "Cc" for character in set(restored(text)) - set(text))


def test_under_a_dialog_a_hindi_line_is_cut_where_it_is_seen_to_be_cut() -> None:
    """The dialog keeps its edges when only the part left of it is drawn again."""
    cells, edge, dialog = 60, 20, "|" + "D" * 18 + "|"
    line = Strip([Segment(measurable(fit(HINDI, cells)))], cells)
    left, right = line.crop(0, edge), line.crop(cells - edge, cells)
    wire = Wire()
    update = LayoutUpdate([[left, Strip([Segment(dialog)], edge), right]], Region(0, 0, cells, 1))
    wire.take(update, cells, 1, ColorSystem.EIGHT_BIT)
    wire.take(
        ChopsUpdate([{0: left, 20: None, 40: None}], [(0, 0, 20)], [[20, 40, 60]]), cells, 1, ColorSystem.EIGHT_BIT
    )
    written = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", wire.changes())
    before, _, after = written.partition(dialog)
    assert (width(before), width(after)) == (edge, edge)
    assert HINDI.startswith(before.rstrip())


def without_sequences(written: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", written)


def outside_isolates(written: str) -> str:
    return re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}", "", written)


@given(FRAMES, st.sampled_from(STYLES))
def test_right_to_left_text_is_closed_in_itself_and_what_is_beside_it_is_not(
    frames: list[list[list[tuple[str, str]]]], style: str
) -> None:
    """Whatever changes around it, and where both have the same colours."""
    wire = Wire()
    beside = "│ 1"
    for frame in frames:
        lines = [[*line[:1], (ARABIC[:5], style), (beside, style)] for line in frame]
        written = without_sequences(sent(wire, whole(lines)))
        assert written.count(OPEN) == written.count(CLOSE)
        assert not re.search("[\u0600-\u06ff]", outside_isolates(written))
        for isolate in re.findall(f"{OPEN}([^{CLOSE}]*){CLOSE}", written):
            assert "│" not in isolate
            assert "1" not in isolate


def test_a_right_to_left_line_cut_by_a_dialog_leaves_no_isolate_open() -> None:
    line = Strip([Segment(fit(ARABIC, WIDTH))], WIDTH)
    box = Strip([Segment("|D|")], 3)
    cut = [line.crop(0, 4), box, line.crop(7, WIDTH)]
    blank = Strip.blank(WIDTH)
    written = without_sequences(
        sent(Wire(), LayoutUpdate([cut, [blank], [blank], [blank]], Region(0, 0, WIDTH, HEIGHT)))
    )
    assert written.count(OPEN) == written.count(CLOSE) == 2
    assert "|D|" in outside_isolates(written)


@given(SPACING)
def test_text_that_textual_measures_itself_takes_the_cells_that_it_was_given(text: str) -> None:
    """As in a Textual input, whose text nothing stands in for: what follows it stays where Textual put it."""
    text = f"x{text}"
    cells = Segment(text).cell_length
    wire = Wire()
    line = [Strip([Segment(text)], cells), Strip([Segment("|")], 1)]
    wire.take(LayoutUpdate([line], Region(0, 0, cells + 1, 1)), cells + 1, 1, ColorSystem.EIGHT_BIT)
    assert re.sub(f"[{OPEN}{CLOSE}]", "", without_sequences(wire.changes())) == f"{text}|"
