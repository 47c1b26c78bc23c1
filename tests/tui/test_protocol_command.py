"""``protocol``: how the newest evaluation was made, line by line, and behind each option who set it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runs_factory import finished

from tui.cli import EXIT_DONE, main

OPTIONS = {"pooling": "cls", "query_prefix": "query: ", "passage_prefix": "", "max_query_tokens": None,
           "include_prompt": True}  # fmt: skip
ORIGINS = {"pooling": "model", "query_prefix": "config", "passage_prefix": "default", "max_query_tokens": "model",
           "include_prompt": "default"}  # fmt: skip
REST = {"similarity": "cosine", "revision": None, "ties": 3, "model_digest": "ab"}


def protocol(home: Path, document: dict[str, Any], capsys: pytest.CaptureFixture[str], *options: str) -> str:
    folder = finished(home, "done").folder.results / "step-000400" / "cldr"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps({"protocol": document}))
    assert main(["--runs", str(home), "protocol", "done", *options]) == EXIT_DONE
    return capsys.readouterr().out


def test_every_option_has_its_origin_behind_it_and_prefixes_their_quotes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = protocol(home, OPTIONS | {"origins": ORIGINS} | REST, capsys)
    assert [" ".join(line.split()) for line in printed.splitlines()] == [
        "cldr", "pooling cls (model)", 'query_prefix "query: " (config)', 'passage_prefix "" (default)',
        "max_query_tokens no limit (model)", "include_prompt true (default)",
        "similarity cosine", "revision none", "ties 3", "model_digest ab",
    ]  # fmt: skip


def test_a_result_of_an_earlier_release_has_no_origins(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = protocol(home, OPTIONS | REST, capsys)
    assert "(" not in printed
    assert "  pooling                  cls\n" in printed


def test_as_json_it_is_the_document_itself(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = OPTIONS | {"origins": ORIGINS} | REST
    assert json.loads(protocol(home, document, capsys, "--json")) == {"cldr": document}
