"""Text of any script, on any terminal and in any encoding: nothing beside it moves, and nothing fails."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from helpers.terminal import HYBRID_TUI, Terminal
from helpers.tmux import Tmux, needs_tmux
from queried_runs import queried
from query_cases import _QUESTIONS

from tui.commands.output import Shown
from tui.terminal.direction import CLOSE, OPEN

ARABIC = "ما هي الحقيقة {}؟"


@pytest.fixture
def arabic_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose "German" questions are Arabic."""
    monkeypatch.setitem(_QUESTIONS, "de", ARABIC)
    queried(home, "asked", steps=(400,))
    return home


def as_reordered(text: str) -> list[str]:
    """The lines as a terminal shows them that takes each for a left-to-right paragraph."""
    command = ["fribidi", "--nopad", "--nobreak", "--ltr", "--charset", "UTF-8"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return re.sub("[\u2066-\u2069]", "", _unshaped(done.stdout)).split("\n")


def _unshaped(text: str) -> str:
    """Letters without the shapes that fribidi gives them."""
    return unicodedata.normalize("NFKC", text.replace("…", "\0")).replace("\0", "…")


@needs_tmux
@pytest.mark.skipif(shutil.which("fribidi") is None, reason="fribidi is not installed")
def test_beside_arabic_questions_nothing_changes_places(arabic_home: Path, tmp_path: Path) -> None:
    session = Tmux(tmp_path, [HYBRID_TUI, "--runs", str(arabic_home)])
    try:
        session.until(lambda text: "asked" in text, "the run")
        session.press("Enter")
        session.until(lambda text: "pairs/s" in text, "the overview")
        session.press("4")
        session.until(lambda text: text.count("ما هي") > 5, "the questions")
        text = session.text()
    finally:
        session.kill()
    lines = [re.sub("[\u2066-\u2069]", "", line) for line in _unshaped(text).split("\n")]
    arabic = [index for index, line in enumerate(lines) if re.search("[\u0600-\u06ff]", line)]
    for index in arabic:
        fields, shown = lines[index].split("│"), as_reordered(text)[index].split("│")
        assert len(fields) == len(shown)
        for field, seen in zip(fields, shown, strict=True):
            assert sorted(field) == sorted(seen)
            if not re.search("[\u0600-\u06ff]", field):
                assert field == seen
    assert len(arabic) > 5


def test_a_printed_table_keeps_its_columns_on_a_terminal_and_its_characters_in_a_pipe(arabic_home: Path) -> None:
    command = [HYBRID_TUI, "--runs", str(arabic_home), "queries", "asked", "--cell", "de,en"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "ما هي" in done.stdout
    assert OPEN not in done.stdout
    terminal = Terminal(command)
    terminal.wait()
    written = bytes(terminal.written).decode()
    assert re.search(f"de-0000  {OPEN}{ARABIC.format(0)}{CLOSE}\r\n", written)
    assert written.count(OPEN) == written.count(CLOSE)


class Latin(io.StringIO):
    encoding = "latin-1"


def test_columns_are_closed_one_by_one() -> None:
    stream = io.StringIO()
    Shown(stream).write("1  سؤال أول  3.5\nسؤال | 1\n")
    assert stream.getvalue() == f"1  {OPEN}سؤال أول{CLOSE}  3.5\n{OPEN}سؤال{CLOSE} | 1\n"
    plain = Latin()
    Shown(plain).write("سؤال  1")
    assert OPEN not in plain.getvalue()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize("arguments", ["show asked", "queries asked --cell de,en", "status asked", "list", "log asked"])
def test_what_an_encoding_does_not_have_is_an_escape(arabic_home: Path, encoding: str, arguments: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [HYBRID_TUI, "--runs", str(arabic_home), *arguments.split()]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    if arguments.startswith("show"):
        assert text.isascii()
        assert "\\u28" not in text  # drawn in ASCII, not braille written out
    if arguments.startswith("queries"):
        assert "\\u0645" in text


def test_a_document_is_ascii_where_the_encoding_is_not_utf8(arabic_home: Path) -> None:
    command = [HYBRID_TUI, "--runs", str(arabic_home), "queries", "asked", "--cell", "de,en", "--json"]
    documents = []
    for encoding in ("utf-8", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=True)
        documents.append(done.stdout)
    assert documents[1].isascii()
    assert json.loads(documents[0]) == json.loads(documents[1])
    assert "ما هي" in documents[0].decode()
