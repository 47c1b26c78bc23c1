"""A benchmark of one language has no measure of bias: no command, table, figure, document or screen shows one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from helpers.opening import Until
from helpers.screens import text_of
from helpers.sizes import NARROW, WIDE
from single_language_runs import BENCHMARK, MEANINGLESS, PLANTED, RunWriter, single_language
from textual.pilot import Pilot

from engine.evaluation.results import read_summary
from engine.export.card_results import results_text
from engine.export.evaluation import evaluation_document, evaluation_report
from engine.export.tables import TABLES
from engine.export.tables.formats import BINARY_FORMATS, FORMATS
from engine.measures import ONE_LANGUAGE
from tui.app import Dashboard
from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main
from tui.compare import comparator

_NAMES = re.compile("|".join(sorted(map(re.escape, MEANINGLESS), key=len, reverse=True)))
_VALUE = re.compile(r" *[:|,&]? *[-+]?\d")  # right behind a name: columns, cells of tables, JSON

RUNS = ["new-mono", "old-mono", "old-cross"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunWriter]:
    """One run of this version, and two of an earlier one, which measured bias on one language."""
    home = tmp_path_factory.mktemp("single") / "runs"
    return [
        single_language(home, "new-mono", "mono", 1, earlier=False),
        single_language(home, "old-mono", "mono", 2, earlier=True),
        single_language(home, "old-cross", "cross", 3, earlier=True),
    ]


def check_text(text: str) -> None:
    """Neither a planted number, nor a number right behind the name of a measure that means nothing."""
    assert not PLANTED.search(text), text
    for name in _NAMES.finditer(text):
        assert not _VALUE.match(text, name.end()), text[max(0, name.start() - 60) : name.end() + 60]


def check_document(value: Any, name: str = "") -> None:
    """No number under the name of such a measure, nor in a row that is about it."""
    if isinstance(value, dict):
        about = next((part for part in value.values() if part in MEANINGLESS), name) if name != "needs" else name
        for key, part in value.items():
            check_document(part, key if key in MEANINGLESS else about)
    elif isinstance(value, list):
        for part in value:
            check_document(part, name)
    elif isinstance(value, float):
        assert not name, f"{name}: {value}"


def command(runs: list[RunWriter], capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["--runs", str(runs[0].folder.path.parent), *words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["list", "--json"],
        *([kind, run, *more] for run in RUNS for kind, more in [("status", []), ("status", ["--json"]), ("show", [])]),
        ["log", RUNS[1]],
        ["protocol", RUNS[1]],
        ["queries", RUNS[1]],
        ["compare", *RUNS],
        ["compare", *RUNS, "--json"],
        *(["export", RUNS[1], "--format", format] for format in ("mteb",)),
        *(
            ["export", *RUNS, "--table", table, "--format", format]
            for table in TABLES
            for format in FORMATS
            if format not in BINARY_FORMATS and table not in ("ranks", "paper")  # ranks: the ranks themselves
        ),
        ["export", *RUNS, "--figure", "heatmap", "--format", "svg"],
    ],
    ids=" ".join,
)
def test_commands_show_none(words: list[str], runs: list[RunWriter], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(runs, capsys, *words)
    assert (code, err) == (EXIT_DONE, "")
    assert out.strip()
    check_text(out)
    if out.lstrip()[0] in "{[":
        check_document(json.loads(out))


@pytest.mark.parametrize(
    "words",
    [
        ["compare", *RUNS, "--metric", "rank_distance"],
        ["compare", *RUNS, "--metric", "own_language_advantage"],
        ["compare", *RUNS, "--metric", "map_multilingual"],
        ["export", *RUNS, "--figure", "ranks", "--format", "svg"],
        ["export", *RUNS, "--figure", "pareto", "--format", "svg"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_whoever_asks_for_one_is_told_why_there_is_none(
    words: list[str], runs: list[RunWriter], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = command(runs, capsys, *words)
    assert (code, out) == (EXIT_WRONG_USE, "")
    assert err.count("\n") == 1
    assert ("cannot be compared: " if words[0] == "compare" else f"{BENCHMARK} has no ") in err
    assert ONE_LANGUAGE in err


@pytest.mark.parametrize("name", RUNS)
def test_documents_and_cards_give_the_reason_and_no_number(name: str, runs: list[RunWriter]) -> None:
    folder = next(run.folder for run in runs if run.config.name == name).results / "step-000400" / BENCHMARK
    summary = read_summary(folder)
    assert {measure: summary.metrics.get(measure) for measure in MEANINGLESS} == dict.fromkeys(MEANINGLESS)
    assert summary.bias is not None
    assert summary.bias.not_applicable == dict.fromkeys(MEANINGLESS, ONE_LANGUAGE)
    card = "\n\n".join(results_text(summary, summary))
    report = evaluation_report("m", folder)
    for text in (card, report):
        check_text(text)
        assert ONE_LANGUAGE in text
    document = evaluation_document("m", folder)
    assert document.rank_distance == document.own_language_advantage == document.map_multilingual_by_language == {}
    assert document.micro["map_multilingual"] is document.bounds.optimistic["map_multilingual"] is None


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_screens_show_none(
    size: tuple[int, int], runs: list[RunWriter], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.export.compare_job.send", lambda message: None)
    monkeypatch.setattr(comparator, "compute", lambda request, *_: _computed(request))
    app = Dashboard(Path(runs[0].folder.path.parent), now=lambda: runs[0].t + 3, minutes_east=0)
    seen: dict[str, str] = {}
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot is not None and len(app.snapshot.rows) == 3, "the runs")
        seen["runs"] = text_of(app)
        await pilot.press("end", "enter")
        for tab in "12345":
            await pilot.press(tab)
            await until(pilot, lambda: text_of(app) not in seen.values(), f"tab {tab}")
            seen[f"tab {tab}"] = text_of(app)
            if tab == "3":
                assert ONE_LANGUAGE in " ".join(seen["tab 3"].split())
            for more in range(4 if size[0] < 84 else 0):  # the tab's other panels
                await pilot.press("o")
                seen[f"tab {tab}, panel {more}"] = text_of(app)
        await pilot.press("escape")
        await _compared(pilot, app, until, seen)
    for place, text in seen.items():
        assert not PLANTED.search(text), f"{place}\n{text}"
    assert ONE_LANGUAGE in re.sub(r"\W+", " ", seen["view p"])  # however it is wrapped


async def _compared(pilot: Pilot[None], app: Dashboard, until: Until, seen: dict[str, str]) -> None:
    await until(pilot, lambda: type(app.screen).__name__ == "RunsScreen", "the list")
    await pilot.press("home", "space", "space", "space", "c")
    await until(pilot, lambda: type(app.screen).__name__ == "CompareScreen", "the comparison")
    await until(pilot, lambda: getattr(app.screen, "comparison", None) is not None, "its numbers")
    seen["compare"] = text_of(app)
    assert "nDCG@10" in seen["compare"]
    for view in "lop":
        await pilot.press(view)
        await pilot.pause()
        seen[f"view {view}"] = text_of(app)


def _computed(request: Any) -> Any:
    from engine.export import compare_job

    return compare_job.compare(request)
