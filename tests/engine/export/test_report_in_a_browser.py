"""A report in a real browser with the network off: on a screen, in the dark, and printed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
import pytest
from browser import chromium, needs_chromium
from export_cases import make_evaluation, make_run

from engine.export.page.report_page import report_page
from engine.export.tables import build_table
from engine.export.tables.rounding import rounded
from engine.runs.folder import Provenance, RunFolder, read_spec

pypdf = pytest.importorskip("pypdf")
pytestmark = [needs_chromium, pytest.mark.long]

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
A4 = (595, 842)  # points


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> tuple[list[Path], Path]:
    home = tmp_path_factory.mktemp("runs")
    runs = [
        make_run(home, f"toy-{mode}", mode, {6: {"toy": make_evaluation(seed, noise, LANGUAGES, facts=8)}})
        for seed, (mode, noise) in enumerate((("mono", 2.0), ("cross", 1.4), ("hybrid", 0.6)))
    ]
    for run in runs:  # words that no line end divides
        spec = read_spec(RunFolder(run))
        provenance = Provenance(command_line=("hybrid-tui", "run", f"/data/{'x' * 150}.toml"), git_commit="c" * 40)
        (run / "spec.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, provenance=provenance)))
    file = home / "report.html"
    file.write_text(report_page(runs), encoding="utf-8")
    return runs, file


async def test_it_loads_alone_and_shows_the_numbers(report, tmp_path):
    runs, file = report
    async with chromium(tmp_path / "profile") as page:
        await page.open(file.as_uri())
        shown = await page.value_of("document.body.innerText")
        record, *_ = build_table("summary", runs).iter_rows(named=True)
        for name in ("map_monolingual", "rank_distance"):
            assert rounded(name, record[name], record) in shown
        assert set(page.requests) == {file.as_uri()}
        assert page.errors == []
        bright = await page.screenshot(tmp_path / "bright.png")
        await page.open(file.as_uri(), dark=True)
        assert await page.screenshot(tmp_path / "dark.png") != bright
        background = await page.value_of("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, re.findall(r"\d+", background))) < 60


@pytest.mark.parametrize("width", [360, 800, 1400])
async def test_nothing_is_wider_than_the_window(report, tmp_path, width):
    """Tables scroll in a frame of their own, and the page stays still."""
    _, file = report
    async with chromium(tmp_path / "profile") as page:
        await page.open(file.as_uri(), width=width)
        assert await page.value_of("document.documentElement.scrollWidth") <= width


async def test_printed_it_has_every_number(report, tmp_path):
    runs, file = report
    async with chromium(tmp_path / "profile") as page:
        await page.open(file.as_uri())
        printed = pypdf.PdfReader(io.BytesIO(await page.pdf()))
    assert {(round(each.mediabox.width), round(each.mediabox.height)) for each in printed.pages} == {A4}
    text = " ".join(each.extract_text() for each in printed.pages)
    heatmap = build_table("heatmap", runs)
    for record in heatmap.iter_rows(named=True):
        for name in heatmap.columns[2:]:
            assert rounded(name, record[name], record) in text
    assert "Comparison on toy" in text
    assert "differences by language" not in text  # what is folded stays out of print


async def test_no_cell_is_cut_in_print(report, tmp_path):
    """Laid out for A4, no table is wider than the page's text."""
    _, file = report
    async with chromium(tmp_path / "profile") as page:
        await page.open(file.as_uri(), width=673, height=1000)  # 178 mm at 96 dots an inch
        await page.call("Emulation.setEmulatedMedia", media="print")
        widest = await page.value_of("Math.max(...[...document.querySelectorAll('table')].map((t) => t.offsetWidth))")
    assert 0 < widest <= 673
