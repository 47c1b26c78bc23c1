"""LaTeX tables hold every cell once, however they were fitted on a page; and a real TeX sets them without overflow."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from export_cases import make_evaluation, make_run
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.export.tables import TABLES, build_table
from engine.export.tables.latex import to_latex
from engine.export.tables.rounding import shown

TEX = re.compile(
    r"\\(?:begin|end)\{(?:table|tabular|longtable)\}|\{(?:>\{\\raggedright\\arraybackslash\}p\{\d+pt\}|[lr])+\}"
    r"|\\(?:toprule|midrule|bottomrule|centering|addlinespace|endhead|endfoot|normalsize|small|footnotesize)\b"
    r"|\\par\\medskip|\\setlength\{\\tabcolsep\}\{[\d.]+pt\}|\\multicolumn\{\d+\}\{l\}\{\\textit\{.*\}\} \\\\\*"
    r"|^[{}]$|\\text\w+\{\}|\\allowbreak\{\}|\\[&%$#_{}\\]|\{[\[*]\}|-\{\}|\$-\$|[^\\&%$#_{}~^<>|\[*]|&",
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
    r"\allowbreak{}": "",
}
TOKEN = re.compile("|".join(re.escape(token) for token in sorted(UNESCAPED, key=len, reverse=True)))

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


def read_panels(text: str) -> list[list[list[str]]]:
    """The rows of every table in ``text``: cells as they will be read, block headings in front of their rows."""
    panels = []
    for body in re.findall(r"\\begin\{(?:tabular|longtable)\}.*?\n(.*?)\\end\{(?:tabular|longtable)\}", text, re.S):
        rows, heading = [], []
        for line in body.rpartition("\\midrule\n")[2].replace("\\endhead\n\\bottomrule\n\\endfoot\n", "").splitlines():
            if found := re.fullmatch(r"\\multicolumn\{\d+\}\{l\}\{\\textit\{(.*)\}\} \\\\\*", line):
                heading = [found[1]]
            elif line.endswith(r" \\"):
                rows.append([*heading, *re.split(r"(?<!\\) & ", line.removesuffix(r" \\"))])
        panels.append([[TOKEN.sub(lambda token: UNESCAPED[token[0]], cell) for cell in row] for row in rows])
    return panels


def joined(frame: pl.DataFrame, panels: list[list[list[str]]]) -> list[list[str]]:
    """Panels side by side again, without the columns that they repeat."""
    keys = next(count for count in range(1, frame.width + 1) if frame[:, :count].n_unique() == frame.height)
    first, *others = panels
    return [row + [cell for panel in others for cell in panel[index][keys:]] for index, row in enumerate(first)]


def expected(frame: pl.DataFrame) -> list[list[str]]:
    return [[shown(name, value, row) or "--" for name, value in row.items()] for row in frame.iter_rows(named=True)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    name = "xquad-r-e5-small-{}-20260801-120000"
    return [
        make_run(home, name.format(mode), mode, {300: {"xquad-r": make_evaluation(3, noise, LANGUAGES, facts=12)}})
        for mode, noise in (("mono", 1.2), ("hybrid", 0.8))
    ]


@pytest.mark.parametrize("kind", ["summary", "heatmap", "bias", "compare"])
def test_panels_and_headings_hold_every_cell(runs, kind):
    frame = build_table(kind, runs)
    assert joined(frame, read_panels(to_latex(frame))) == expected(frame)


@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=9)] * 2), min_size=1, max_size=4),
    st.integers(1, 30),
)
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_a_table(texts, columns):
    """No bare special character, whatever the cells hold and however many columns there are."""
    frame = pl.DataFrame(
        {"row": range(len(texts)), "a_b|c": [text for text, _ in texts], "d": [text for _, text in texts]}
        | {f"value_{number}": [-1.5] * len(texts) for number in range(columns)}
    )
    latex = to_latex(frame)
    assert TEX.sub("", latex.split("\n", 1)[1]).strip() == ""
    assert all(len(panel) == len(texts) for panel in read_panels(latex))
    assert {len(row) for panel in read_panels(latex) for row in panel} <= set(range(2, frame.width + 1))


def test_notes_stand_once_under_the_table():
    frame = pl.DataFrame({"run": ["a", "b", "c"], "value": [1.0, 2.0, 3.0], "note": ["as is", None, "as is"]})
    latex = to_latex(frame)
    assert [row[-1] for row in read_panels(latex)[0]] == [r"\textsuperscript{1}", "--", r"\textsuperscript{1}"]
    assert latex.count("as is") == 1
    assert latex.index("as is") > latex.index(r"\bottomrule")


def test_what_is_too_long_for_a_page_breaks_over_pages():
    short, long = (to_latex(pl.DataFrame({"n": range(rows), "v": [0.5] * rows})) for rows in (30, 60))
    assert (r"\begin{table}" in short, "longtable" in short) == (True, False)
    assert (r"\begin{table}" in long, "usepackage{booktabs,longtable}" in long) == (False, True)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs")
def test_every_table_compiles_and_fits_the_page(runs, tmp_path):
    """In the narrowest common class: nothing sticks out into the margin, nothing falls off the page."""
    document = [r"\documentclass{article}", r"\usepackage{booktabs,array,longtable}", r"\begin{document}"]
    for kind in TABLES:
        (tmp_path / f"{kind}.tex").write_text(to_latex(build_table(kind, runs).head(150)))
        document.append(rf"\input{{{kind}.tex}}\clearpage")
    (tmp_path / "all.tex").write_text("\n".join([*document, r"\end{document}"]))
    for _ in range(3):  # longtable settles its widths over runs
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    log = Path(tmp_path / "all.log").read_text(errors="replace")
    assert re.findall(r"Overfull.*|.*too large.*|Missing character.*", log) == []
    assert (tmp_path / "all.pdf").read_bytes().startswith(b"%PDF")
