"""The log by kind and with its dates, and what the process of the run printed."""

from __future__ import annotations

from pathlib import Path

from helpers.opening import Make, Until, open_first
from helpers.screens import lines_of, text_of
from helpers.sizes import NARROW, WIDE
from hypothesis import given
from hypothesis import strategies as st
from runs_factory import RunWriter, finished, run_config

from engine import events
from engine.runs.annotations import annotate, noted, tagged
from engine.runs.reader import RunReader
from engine.runs.state import Note
from tui.draw.text import row_width
from tui.run.log_tab import LogTab
from tui.run.text_rows import note_rows, wrapped_under_indent

DAY = 86400


def plain(notes: list[Note], today: int) -> list[str]:
    return ["".join(text for text, _ in row) for row in note_rows(notes, 60, 0, today)]


def test_a_line_with_the_date_stands_where_another_day_begins() -> None:
    notes = [Note(DAY * 20_000 + 3600.0, "first"), Note(DAY * 20_000 + 7200.0, "second"), Note(DAY * 20_001, "third")]
    assert plain(notes, 20_001) == [
        "Friday 04 October 2024", "01:00:00  first", "02:00:00  second", "Saturday 05 October 2024, today",
        "00:00:00  third",
    ]  # fmt: skip


def test_notes_of_today_have_no_date() -> None:
    assert plain([Note(DAY * 20_000 + 60.0, "now")], 20_000) == ["00:01:00  now"]


@given(st.text("ab ", max_size=60), st.integers(2, 40))
def test_wrapped_lines_fit_and_keep_the_words(text: str, width: int) -> None:
    lines = wrapped_under_indent(text, width)
    assert all(row_width(((line, ""),)) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_the_fold_says_what_each_note_is_about(home: Path) -> None:
    writer = finished(home, "a").received("u1", "evaluate").done("u1", "evaluate", "failed")
    writer.add(events.Warning(message="odd"))
    reader = RunReader(writer.folder)
    reader.poll()
    about = {note.text.split()[0]: note.kinds for note in reader.state.notes}
    assert about["evaluation"] == ("evaluation",)
    assert about["checkpoint"] == ("checkpoint",)
    assert "command" in about["evaluate"]
    assert about["odd"] == ("other", "problem")


async def test_a_key_shows_one_kind_after_the_other_and_everything_again(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a").add(events.Warning(message="something odd"))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("5")
        shown = {}
        for kind in ("problems", "evaluations", "checkpoints", "commands", "everything"):
            await pilot.press("f")
            await pilot.pause()
            assert f"shows {kind}" in text_of(app)
            shown[kind] = "\n".join(lines_of(app)[3:-3])
        assert "something odd" in shown["problems"]
        assert "evaluation cldr" not in shown["problems"]
        assert "evaluation cldr" in shown["evaluations"]
        assert "checkpoint checkpoints" in shown["checkpoints"]
        assert "nothing of this kind" in shown["commands"]
        assert "something odd" in shown["everything"]
        assert "evaluation cldr" in shown["everything"]


async def test_worker_log_is_a_key_away_readable_to_its_end_and_followed(
    home: Path, dashboard: Make, until: Until
) -> None:
    writer = RunWriter(home, "a", run_config("a")).started().steps(1, 10)
    long = "RuntimeError: CUDA error: " + "an illegal memory access was encountered " * 6 + "END"
    writer.folder.log.write_text(f"Traceback (most recent call last):\n    deep()\n{long}\n\x1b[31mred\n")
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("5", "l")
        await until(pilot, lambda: "    deep()" in text_of(app), "worker.log with its indents")
        assert "END" in text_of(app)
        assert "\x1b" not in text_of(app)
        assert "worker.log" in text_of(app)
        with writer.folder.log.open("a") as file:
            file.write("one more line\n")
        screen.tick(app.now())
        await until(pilot, lambda: "one more line" in text_of(app), "what was printed since")
        await pilot.press("l")
        await pilot.pause()
        assert "one more line" not in text_of(app)


async def test_a_run_without_worker_log_says_so(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a").folder.log.unlink(missing_ok=True)
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("5", "l")
        await until(pilot, lambda: "there is no worker.log" in text_of(app), "the sentence")


async def test_keys_are_text_while_a_search_is_typed_and_the_config_is_searched_too(
    home: Path, dashboard: Make, until: Until
) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        screen = await open_first(pilot, app, until)
        await pilot.press("6", "slash", *"seq", "left", "backspace")
        assert app.screen is screen
        assert screen.active == "config"
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is screen, "escape leaves the search, not the screen"
        await pilot.press("slash", *"seed", "enter")
        await until(pilot, lambda: "with 'seed'" in text_of(app), "the match")
        await pilot.press("5", "slash", *"done", "enter")
        assert isinstance(screen.tab, LogTab)
        await until(pilot, lambda: "3 of 3 with 'done'" in text_of(app), "the last match")


async def test_the_config_tab_has_the_note_and_the_tags_of_the_run(home: Path, dashboard: Make, until: Until) -> None:
    writer = finished(home, "a")
    annotate(writer.folder, noted("with a longer warm-up"))
    annotate(writer.folder, tagged(("thesis", "final")))
    app = dashboard()
    async with app.run_test(size=WIDE) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("6")
        await until(pilot, lambda: "with a longer warm-up" in text_of(app), "the note")
        assert "thesis" in text_of(app)
        assert "final" in text_of(app)
