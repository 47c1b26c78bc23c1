"""At every width, each number of the table stands there whole or its column is not there at all."""

from __future__ import annotations

import itertools
import re

import msgspec
import pytest
from helpers.rows import make_run_row
from runs_factory import run_config

from engine.config import OptimizerConfig
from tui.draw.glyphs import ASCII, BRAILLE
from tui.draw.text import row_width
from tui.follow.rows import RunRow
from tui.runs.listing import Group, Order, arrange
from tui.runs.table import columns, head, key_at, lay_out, lines

NOW = 1_790_000_000.0
DAY = 86400.0
WIDTHS = range(40, 201)
CHOSEN = ("lr", "max_steps", "xquad-r.map_monolingual", "model", "state", "rank_distance", "mono", "tag", "age")


def rows() -> list[RunRow]:
    """With the widest numbers that there can be: 1.00, sampled, huge losses, millions of steps, runs of years ago."""
    made = []
    for number, (loss, score, step, age) in enumerate(
        itertools.product(
            (None, 0.00149, 123456.7, float("nan")), (0.0, 0.7914, 1.0), (7, 1_999_999), (3.0, 4000 * DAY)
        )
    ):
        metrics = {"map_monolingual": score, "map_crosslingual": score, "map_multilingual": score,
                   "rank_distance": 1234567.0 * score}  # fmt: skip
        config = msgspec.structs.replace(
            run_config("x"), optimizer=OptimizerConfig(learning_rate=1.2345678e-05, max_steps=2_000_000)
        )
        made.append(
            make_run_row(
                number, name=f"a-sweep-with-a-long-name-{number}", loss=loss, metrics=metrics, step=step,
                max_steps=2_000_000, updated=NOW - age, is_sampled=number % 2 == 0, best=score, mode="hybrid",
                mono_share=0.25, state=("running", "evaluating", "finished")[number % 3], study="s" * (number % 2),
                device="GPU3 NVIDIA H200", host=("box-a", "box-b")[number % 2], tags=("paper",), note="a note",
                results={"xquad-r": metrics}, config=config, spark=(1.0, 2.0), reason="killed",
            )
        )  # fmt: skip
    return made


ROWS = rows()


@pytest.mark.parametrize("chosen", [None, CHOSEN], ids=["usual", "chosen"])
@pytest.mark.parametrize("cells", WIDTHS)
def test_no_number_is_cut(cells: int, chosen: tuple[str, ...] | None) -> None:
    for glyphs in (BRAILLE, ASCII):
        entries = arrange(ROWS, Order())
        layout = lay_out(entries, columns(chosen, ROWS), cells, glyphs, NOW, {})
        keys = [column.key for column, _ in layout.columns]
        assert "state" in keys or chosen, "whether a run lives is always said"
        for entry in entries:
            drawn = lines(entry, layout, cells, glyphs, NOW, False, False)
            assert all(row_width(row) <= cells for row in drawn)
            if isinstance(entry, Group):
                assert re.findall(r"\d+ (?:runs|running|evaluating|finished)", _text(drawn[0])), _text(drawn[0])
                assert not re.search(rf"\d{re.escape(glyphs.ellipsis)}", _text(drawn[0]))
                continue
            text = _text(drawn[0])
            for column, size in layout.columns:
                cell = column.cell(entry.row, glyphs, NOW)[0]
                if column.align == "right":
                    assert len(cell) <= size, f"{column.key} {cell!r} at {cells}"
                    assert cell in text
        assert row_width(head(layout, Order(), glyphs)) <= cells


def test_the_last_of_the_chosen_columns_go_first_where_it_is_narrow() -> None:
    entries = arrange(ROWS, Order())
    asked = columns(CHOSEN, ROWS)
    before = len(asked) + 1
    for cells in reversed(WIDTHS):
        layout = lay_out(entries, asked, cells, BRAILLE, NOW, {})
        shown = [column.key for column, _ in layout.columns]
        assert shown == [column.key for column in asked[: len(shown)]]
        assert len(shown) <= before
        before = len(shown)


def test_columns_that_say_nothing_are_not_among_the_usual_ones() -> None:
    plain = [make_run_row(1, host="box"), make_run_row(2, host="box")]
    keys = [column.key for column in columns(None, plain)]
    assert "host" not in keys
    assert "tag" not in keys
    several = [make_run_row(1, host="box", tags=("paper",)), make_run_row(2, host="other")]
    assert {"host", "tag"} < {column.key for column in columns(None, several)}
    assert "host" in [column.key for column in columns(("host",), plain)], "but who asks for it has it"


def test_a_title_is_found_where_it_stands() -> None:
    layout = lay_out(arrange(ROWS, Order()), columns(None, ROWS), 160, BRAILLE, NOW, {})
    titles = _text(head(layout, Order(), BRAILLE))
    assert key_at(layout, titles.index("name")) == "name"
    assert key_at(layout, titles.index("loss")) == "loss"
    assert key_at(layout, titles.index("rank dist") + 3) == "rank_distance"
    assert key_at(layout, 0) is None
    assert key_at(layout, 159) in (None, "age")


def _text(row: tuple[tuple[str, str], ...]) -> str:
    return "".join(text for text, _ in row)
