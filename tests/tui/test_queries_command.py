"""``queries``: the worst questions of a cell and their passages, as text and as JSON; wrong use is one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tui.cli import EXIT_DONE, EXIT_WRONG_USE, main

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from export_cases import make_evaluation, make_run
from query_cases import own_run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYBRID_TUI_CACHE", str(home.parent / "cache"))
        for name, seed in (("mono", 1), ("hybrid", 2)):
            own_run(home, name, seed)
        make_run(home, "textless", "mono", {400: {"toy": make_evaluation(0)}})
        yield home


def queries(home, *arguments):
    return main(["--runs", str(home), "queries", *map(str, arguments)])


def test_text_names_question_rank_and_passages_with_a_star_on_the_relevant_ones(home, capsys):
    assert queries(home, "mono", "--cell", "en,th", "--worst", 2, "--against", "hybrid") == EXIT_DONE
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "mono step 400 on own/small: en asks, th answers"
    assert "2 of 6 queries, mAP" in lines[1]
    assert lines[2].startswith("against hybrid step 400, mAP")
    assert printed.count("  mono: AP .") + printed.count("  mono: AP 1.") == 2
    starred = [line for line in lines if " * th " in line]
    assert len(starred) == 4  # two queries, two runs
    assert all("คำตอบ" in line for line in starred)


def test_json_is_one_document_with_the_same_queries(home, capsys):
    assert queries(home, "mono", "--cell", "en,th", "--worst", 3, "--json") == EXIT_DONE
    document = json.loads(capsys.readouterr().out)
    assert [row["query_id"] for row in document["found"]["rows"]] == [
        ranking["query_id"] for ranking in document["rankings"]
    ]
    assert document["found"]["cell"] == {"query_language": "en", "candidate_language": "th"}


def test_one_query_is_shown_by_its_id(home, capsys):
    assert queries(home, "mono", "--query", "en:q:en-0003") == EXIT_DONE
    assert "What is fact 3" in capsys.readouterr().out
    assert queries(home, "mono", "--query", "en:q:en-0999") == EXIT_WRONG_USE
    assert capsys.readouterr().err == "hybrid-tui: own/small has no query 'en:q:en-0999'\n"


def test_control_characters_of_the_data_are_shown_as_marks(home, capsys):
    """A passage that would wipe the screen and set the title."""
    assert queries(home, "mono", "--query", "en:q:en-0000", "--top", 30) == EXIT_DONE
    printed = capsys.readouterr().out
    assert "␛]0;owned" in printed
    assert "\x1b" not in printed


def test_results_without_their_data_name_ids_and_say_why(home, capsys):
    assert queries(home, "textless", "--worst", 1) == EXIT_DONE
    printed = capsys.readouterr().out
    assert "no texts: the run's config names no benchmark toy" in printed
    assert ":p:0" in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("mono", "--cell", "en,xx"), "no language 'xx', it has de, en, th"),
        (("mono", "--cell", "en,de,th"), "--cell: expected QUERY-LANGUAGE,CANDIDATE-LANGUAGE"),
        (("mono", "--step", "7"), "has no results at step 7"),
        (("mono", "--against", "textless"), "textless has no results on own/small"),
        (("mono", "--order", "lost"), "needs an evaluation to compare with"),
    ],
)
def test_wrong_use_is_one_line(home, capsys, arguments, told):
    assert queries(home, *arguments) == EXIT_WRONG_USE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1
