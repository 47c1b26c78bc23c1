"""The words on the screen: every tab has those that it shows, and the documentation says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tui import keymap
from tui.glossary import GLOSSARY, words_of

MEASURES = Path(__file__).parents[2] / "docs" / "measures.md"


def test_the_documentation_has_the_same_sentences() -> None:
    section = MEASURES.read_text(encoding="utf-8").split("## The words on the screen\n")[1].split("\n## ")[0]
    entries = [" ".join(entry.split()) for entry in re.split(r"(?m)^- ", section)[1:]]
    assert entries == [f"**{word}**: {meaning}" for word, meaning in GLOSSARY.items()]


@pytest.mark.parametrize("part", ["overview", "heatmap", "bias", "queries"])
def test_each_tab_of_results_explains_its_words(part: str) -> None:
    assert words_of("run", part)
    assert words_of("run", part) == [(word, GLOSSARY[word]) for word, _ in words_of("run", part)]


@pytest.mark.parametrize(
    ("screen", "part", "words"),
    [
        (
            "compare",
            "differences",
            ("Holm p", "margin", "not inferior", "undecided", "rank distance", "null", "clusters"),
        ),
        ("compare", "pairs", ("Holm p", "margin")),
        ("compare", "overlay", ("smoothed",)),
        ("compare", "places", ("front", "rank distance", "null")),
        ("study", "", ("Holm p", "margin", "not inferior", "rank distance", "null")),
    ],
)
def test_comparisons_explain_their_words(screen: str, part: str, words: tuple[str, ...]) -> None:
    assert set(words) <= {word for word, _ in words_of(screen, part)}


def test_every_word_is_of_some_screen() -> None:
    places = [("run", part) for part in ("overview", "heatmap", "bias", "queries")] + [("study", "")]
    places += [("compare", part) for (part, *_) in keymap.PARTS["compare"]]
    assert {word for screen, part in places for word, _ in words_of(screen, part)} == GLOSSARY.keys()
