"""LaTeX tables hold every cell once and are valid; and a real TeX sets them without overflow."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from export_cases import make_evaluation, make_run
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.export.tables import TABLES, build_table
from engine.export.tables import latex as latex_tables
from engine.export.tables.latex import to_latex
from engine.export.tables.rounding import rounded

TEX = re.compile(
    r"\\(?:begin|end)\{(?:table|center|tabular|adjustbox)\}|\{max width=\\linewidth\}|\{[lr]+\}"
    r"|\\(?:toprule|midrule|bottomrule|centering)\b"
    r"|\\text\w+\{\}|\\[&%$#_{}\\]|\{[\[*]\}|-\{\}|\$-\$|[^\\&%$#_{}~^<>|\[*]|&",
    re.MULTILINE,
)
UNESCAPED = {
    **{f"\\{character}": character for character in "&%$#_{}"},
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    "{[}": "[",
    "{*}": "*",
    "$-$": "-",
    "-{}": "-",
}
TOKEN = re.compile("|".join(re.escape(token) for token in sorted(UNESCAPED, key=len, reverse=True)))

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


def read_tables(text: str) -> list[list[list[str]]]:
    """The rows of every table in ``text``: cells as they will be read, without the header."""
    tables = []
    for body in re.findall(r"\\begin\{tabular\}.*?\\midrule\n(.*?)\\bottomrule\n\\end\{tabular\}", text, re.S):
        rows = [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in body.splitlines()]
        tables.append([[TOKEN.sub(lambda token: UNESCAPED[token[0]], cell) for cell in row] for row in rows])
    return tables


def expected(frame: pl.DataFrame) -> list[list[str]]:
    return [[rounded(name, value, row) or "--" for name, value in row.items()] for row in frame.iter_rows(named=True)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    name = "xquad-r-e5-small-{}-20260801-120000"
    return [
        make_run(home, name.format(mode), mode, {300: {"xquad-r": make_evaluation(3, noise, LANGUAGES, facts=12)}})
        for mode, noise in (("mono", 1.2), ("hybrid", 0.8))
    ]


@pytest.mark.parametrize("kind", ["summary", "heatmap", "bias", "compare", "pareto"])
def test_tables_hold_every_cell_once(runs, kind):
    frame = build_table(kind, runs)
    tables = read_tables(to_latex(frame))
    assert [row for table in tables for row in table] == expected(frame)


@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=9)] * 2), min_size=1, max_size=4),
    st.integers(1, 12),
)
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_a_table(texts, columns):
    """No bare special character, whatever the cells hold; every row has a cell a column, which the environment has."""
    frame = pl.DataFrame(
        {"row": range(len(texts)), "a_b|c": [text for text, _ in texts], "d": [text for _, text in texts]}
        | {f"value_{number}": [-1.5] * len(texts) for number in range(columns)}
    )
    latex = to_latex(frame)
    assert TEX.sub("", latex.split("\n", 1)[1]).strip() == ""
    (table,) = read_tables(latex)
    assert [len(row) for row in table] == [frame.width] * len(texts)
    assert re.search(r"\\begin\{tabular\}\{(\w+)\}", latex)[1] == "rll" + "r" * columns


@pytest.mark.parametrize("rows", [0, 1, 40, 41, 130])
def test_environments_are_balanced_and_every_page_has_the_header(rows):
    frame = pl.DataFrame(
        {"name": [f"n{row}" for row in range(rows)], "v": [0.5] * rows}, schema={"name": pl.String, "v": pl.Float64}
    )
    latex = to_latex(frame)
    for environment in ("table", "center", "adjustbox", "tabular"):
        assert latex.count(f"\\begin{{{environment}}}") == latex.count(f"\\end{{{environment}}}")
    tables = read_tables(latex)
    assert [len(table) for table in tables] == [40] * (rows // 40) + ([rows % 40] if rows % 40 or not rows else [])
    assert latex.count(r"name & v \\") == len(tables)
    assert (r"\begin{table}" in latex) == (rows <= 40)


def test_notes_stand_once_under_the_table():
    frame = pl.DataFrame({"run": ["a", "b", "c"], "value": [1.0, 2.0, 3.0], "note": ["as is", None, "as is"]})
    latex = to_latex(frame)
    assert [row[-1] for row in read_tables(latex)[0]] == [r"\textsuperscript{1}", "--", r"\textsuperscript{1}"]
    assert latex.count("as is") == 1
    assert latex.index("as is") > latex.index(r"\bottomrule")


def test_abbreviated_headings_are_explained(runs):
    latex = to_latex(build_table("summary", runs))
    assert "% mAP Mo = map_monolingual;" in latex
    assert " & mAP Mo & " in latex


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs and adjustbox")
def test_every_table_compiles_and_fits_the_page(runs, tmp_path):
    """In the narrowest common class: nothing sticks out into the margin, nothing falls off the page."""
    document = [r"\documentclass{article}", r"\usepackage{booktabs,adjustbox}", r"\begin{document}"]
    for kind in TABLES:
        (tmp_path / f"{kind}.tex").write_text(to_latex(build_table(kind, runs).head(150)))
        document.append(rf"\input{{{kind}.tex}}\clearpage")
    (tmp_path / "all.tex").write_text("\n".join([*document, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    log = Path(tmp_path / "all.log").read_text(errors="replace")
    assert re.findall(r"Overfull.*|.*too large.*|Missing character.*", log) == []
    assert (tmp_path / "all.pdf").read_bytes().startswith(b"%PDF")


def test_a_long_table_looks_at_each_cell_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of ranks has tens of thousands of rows."""
    written: list[object] = []

    def counted(name: str, value: object, record: Mapping[str, Any]) -> str:
        written.append(value)
        return rounded(name, value, record)

    monkeypatch.setattr(latex_tables, "rounded", counted)
    to_latex(pl.DataFrame({"query": [f"q{index}" for index in range(2000)], "rank": range(2000)}))
    assert len(written) == 2 * 2000
