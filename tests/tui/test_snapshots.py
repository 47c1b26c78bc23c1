"""Snapshots of screens: what they say, what they notice, and that none is left over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.snapshots import as_text, difference
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import Static

FOLDER = Path(__file__).parent
TEXT = Text.assemble("mAP ", (".785", "bold #5fafff"), "  worse", style="#d0d0d0")


class Page(App[None]):
    CSS = "Screen { background: #121212; } Static { background: #121212; }"

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        yield Static(self.text)


async def differing(text: Text, path: Path, *, update: bool = False) -> str:
    app = Page(text)
    async with app.run_test(size=(20, 3)) as pilot:
        await pilot.pause()
        return difference(app, path, update=update)


async def test_a_screen_as_text(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.txt"
    assert not await differing(TEXT, path, update=True)
    assert path.read_text().split("\n") == [
        "mAP .785  worse", "", "",
        "---- styles ----", "1      4a 6b 10a", "2-3    20c",
        "---- legend ----", "a  #d0d0d0 on #121212", "b  bold #5fafff on #121212", "c  on #121212", "",
    ]  # fmt: skip
    assert not await differing(TEXT, path)


@pytest.mark.parametrize(
    ("text", "removed", "added"),
    [
        (
            Text.assemble("mAP ", (".786", "bold #5fafff"), "  worse", style="#d0d0d0"),
            ["mAP .785  worse"],
            ["mAP .786  worse"],
        ),
        (
            Text.assemble("mAP ", (".785", "bold #5fafaf"), "  worse", style="#d0d0d0"),
            ["1      4a 6b 10a", "b  bold #5fafff on #121212"],
            ["1      4a 6d 10a", "d  bold #5fafaf on #121212"],
        ),
        (
            Text.assemble("mAP ", (".785", "#5fafff"), "  worse", style="#d0d0d0"),
            ["1      4a 6b 10a", "b  bold #5fafff on #121212"],
            ["1      4a 6d 10a", "d  #5fafff on #121212"],
        ),
        (
            Text.assemble("mAP ", (".785 ", "bold underline #5fafff"), " worse", style="#d0d0d0"),
            ["1      4a 6b 10a", "b  bold #5fafff on #121212"],
            ["1      4a 5d 1c 10a", "d  bold underline #5fafff on #121212"],
        ),
    ],
    ids=["letter", "colour", "weight", "underlined blank"],
)
async def test_what_differs_is_a_diff(text: Text, removed: list[str], added: list[str], tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    await differing(TEXT, path, update=True)
    former = path.read_text()
    lines = (await differing(text, path)).split("\n")[3:]
    assert [line[1:] for line in lines if line.startswith("-")] == removed
    assert [line[1:] for line in lines if line.startswith("+")] == added
    assert path.read_text() == former


async def test_without_a_snapshot_the_screen_is_told_and_not_written(tmp_path: Path) -> None:
    message = await differing(TEXT, tmp_path / "page.txt")
    assert message.startswith("There is no page.txt")
    assert "+mAP .785" in message
    assert not list(tmp_path.glob("*.txt"))


def test_what_nobody_sees_makes_no_difference() -> None:
    grey, blue = Style.parse("#8a8a8a on #121212"), Style.parse("bold #5fafff on #121212")
    apart = [Segment("a", grey), Segment("  ", blue), Segment("b", grey)]
    assert as_text([apart]) == as_text([[Segment("a  b", grey)]])


def test_cells_are_counted_and_not_characters() -> None:
    assert "1      6a 1b" in as_text([[Segment("日本é́ ", Style(bold=True)), Segment("!", Style(dim=True))]])


def test_more_styles_than_letters() -> None:
    row = [Segment("x", Style.parse(f"#0000{number:02x}")) for number in range(60)]
    legend = as_text([row]).rpartition("----\n")[2].splitlines()
    assert [line.split()[0] for line in (legend[0], legend[51], legend[52], legend[59])] == ["a", "Z", "aa", "ah"]
    assert [line.split()[1] for line in legend] == [f"#0000{number:02x}" for number in range(60)]


@pytest.mark.exhaustive
def test_every_snapshot_is_some_test_s() -> None:
    """Nobody deletes the snapshot of a test that was renamed."""
    kept = {path for folder in FOLDER.rglob("__snapshots__") for path in folder.rglob("*") if path.is_file()}
    files = sorted({path.parents[2] / f"{path.parent.name}.py" for path in kept})
    assert files
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "--collect-only", "-q", *map(str, files)]
    listed = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER.parents[1], check=False).stdout
    tests = [line.partition("::") for line in listed.splitlines() if "::" in line]
    paths = [(FOLDER.parents[1] / file, f"{name}.txt") for file, _, name in tests]
    assert kept - {path.parent / "__snapshots__" / path.stem / name for path, name in paths} == set()
