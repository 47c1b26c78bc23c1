"""Help of a tab: its own keys first, then those of the screen, then what its words mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.opening import Make, Until, open_first
from helpers.screens import text_of
from helpers.sizes import NARROW
from runs_factory import finished

from tui.glossary import words_of
from tui.keymap import RUN_TABS, help_lines


@pytest.mark.parametrize("tab", RUN_TABS)
def test_the_keys_of_the_tab_come_first(tab: str) -> None:
    lines = help_lines("run", tab)
    (pause,) = [index for index, (_, text) in enumerate(lines) if text.startswith("pause a live run")]
    of_tab = [text for _, text in lines[:pause]]
    assert any("up or down" in text or "move" in text or "large chart" in text for text in of_tab)
    assert not any("evaluate the run" in text for text in of_tab)


async def test_the_words_of_the_bias_tab_are_explained(home: Path, dashboard: Make, until: Until) -> None:
    finished(home, "a")
    app = dashboard()
    async with app.run_test(size=NARROW) as pilot:
        await open_first(pilot, app, until)
        await pilot.press("3", "question_mark")
        seen = ""
        for _ in range(12):
            await pilot.pause()
            seen += " ".join(line.strip("│ ") for line in text_of(app).splitlines()) + " "
            await pilot.press("pagedown")
        for word, meaning in words_of("run", "bias"):
            assert word in seen
            assert meaning.split(":")[0].split(",")[0][:20] in seen
