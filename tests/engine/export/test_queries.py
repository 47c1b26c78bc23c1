"""What a cell's worst questions and their rankings say is what the stored results say."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import polars as pl
import pytest
from export_cases import make_evaluation, make_run
from query_cases import FACTS, HOSTILE, own_run, write_benchmark

from engine.config import EvaluationConfig
from engine.data import download
from engine.evaluation.results import read_ranks
from engine.export.queries import Cell, rankings, worst_queries
from engine.export.run_results import ExportError, counterpart, find_results
from engine.export.texts import Texts, load_texts

NO_TEXTS = Texts(None)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """More candidates than are kept of a ranking: 3 x 60."""
    home = tmp_path_factory.mktemp("wide")
    run = make_run(home, "wide", "mono", {0: {"toy": make_evaluation(3, 4.0, facts=60)}})
    return find_results([run])[0]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "runs"


def test_the_mean_of_a_cell_is_the_number_in_the_heatmap(wide):
    for asked, row in wide.summary.matrix.items():
        for answered, value in row.items():
            found = worst_queries(wide, NO_TEXTS, Cell(asked, answered), 1)
            assert found.mean_average_precision == pytest.approx(value)
        pool = worst_queries(wide, NO_TEXTS, Cell(asked), 1)
        assert pool.mean_average_precision == pytest.approx(wide.summary.map_multilingual_by_language[asked])


def test_queries_come_worst_first_and_the_limit_cuts_the_best(wide):
    everything = worst_queries(wide, NO_TEXTS, Cell("en", "th"), 1000).rows
    values = [row.standing.average_precision for row in everything]
    assert len(everything) == 60
    assert values == sorted(values)
    assert worst_queries(wide, NO_TEXTS, Cell("en", "th"), 7).rows == everything[:7]


def test_a_ranking_is_the_kept_candidates_and_the_relevant_ones_below_them(wide):
    ranks = read_ranks(wide.folder)
    ids = ranks["query_id"].unique().sort().to_list()
    below = 0
    for ranking in rankings(wide, NO_TEXTS, ids):
        judged = ranks.filter(pl.col("query_id") == ranking.query_id)
        assert [passage.rank for passage in ranking.passages[: ranking.kept]] == list(range(1, 101))
        relevant = {passage.passage_id: passage for passage in ranking.passages if passage.relevance}
        assert relevant.keys() == set(judged["passage_id"])
        for row in judged.iter_rows(named=True):
            passage = relevant[row["passage_id"]]
            assert (passage.rank, passage.rank_language) == (row["rank_pool"], row["rank_language"])
            assert passage.score == pytest.approx(row["score"])
        scores = [passage.score for passage in ranking.passages]
        assert scores == sorted(scores, reverse=True)
        below += len(ranking.passages) - ranking.kept
    assert below > 0


def test_results_from_before_scores_were_kept_have_none_below_the_kept_candidates(wide, tmp_path):
    run = make_run(tmp_path, "old", "mono", {0: {"toy": make_evaluation(3, 4.0, facts=60)}})
    result = find_results([run])[0]
    path = result.folder / "ranks.parquet"
    pl.read_parquet(path).drop("score").write_parquet(path)
    ids = read_ranks(result.folder)["query_id"].unique().to_list()
    found = [ranking for ranking in rankings(result, NO_TEXTS, ids) if len(ranking.passages) > ranking.kept]
    assert {passage.score for ranking in found for passage in ranking.passages[ranking.kept :]} == {None}


def test_another_run_stands_beside_it_and_orders_by_what_was_lost(home):
    runs = [own_run(home, "a", 1), own_run(home, "b", 2)]
    result = find_results(runs[:1])[0]
    against = counterpart(runs[1], result)
    found = worst_queries(result, load_texts(result), Cell("de", "en"), 99, against, "lost")
    gains = [
        row.standing.average_precision - row.against.average_precision for row in found.rows if row.against is not None
    ]
    assert len(gains) == FACTS
    assert gains == sorted(gains)
    alone = worst_queries(against, NO_TEXTS, Cell("de", "en"), 99)
    assert found.against_mean_average_precision == alone.mean_average_precision
    assert {row.query_id: row.standing for row in alone.rows} == {row.query_id: row.against for row in found.rows}


def test_the_counterpart_is_at_the_same_step_where_there_is_one(home):
    runs = [own_run(home, "a", 1, (0, 400)), own_run(home, "b", 2, (0, 300))]
    first, last = find_results(runs[:1], step=0)[0], find_results(runs[:1])[0]
    assert counterpart(runs[1], first).step == 0
    assert counterpart(runs[1], last).step == 300


def test_texts_are_those_that_were_ranked(home):
    result = find_results([own_run(home, "a")])[0]
    texts = load_texts(result)
    assert texts.missing == ""
    assert texts.query("th:q:th-0003") == "ข้อเท็จจริง 3 คืออะไร?"
    assert texts.passage("en:p:en-0000") == HOSTILE  # as it is: whoever shows it makes it visible
    assert texts.passage("en:p:en-0099") is None


def test_texts_of_data_that_have_changed_are_not_shown(home):
    result = find_results([own_run(home, "a", facts=4)])[0]
    write_benchmark(home.parent / "runs-data", facts=5)
    texts = load_texts(result)
    assert texts.benchmark is None
    assert texts.missing == "no texts: the data of own/small have changed since this evaluation"


def test_texts_are_never_downloaded(tmp_path, monkeypatch):
    """A result on xquad-r whose files are on no disk: the reason is told, and nothing is asked of the network."""
    monkeypatch.setenv("HYBRID_TUI_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(download, "ADDRESS", "http://127.0.0.1:1")
    run = make_run(tmp_path, "a", "mono", {0: {"xquad-r": make_evaluation()}})
    result = find_results([run])[0]
    named = msgspec.structs.replace(result.config, evaluation=EvaluationConfig(benchmarks=("xquad-r",)))
    result = replace(result, config=named)
    assert "nothing is downloaded for a look" in load_texts(result).missing


def test_other_data_cannot_be_compared_and_unknown_names_are_told(wide, tmp_path):
    other = find_results([make_run(tmp_path, "x", "mono", {0: {"toy": make_evaluation(0)}})])[0]
    with pytest.raises(ExportError, match="x at step 0 was evaluated on other data of toy"):
        worst_queries(wide, NO_TEXTS, Cell(), 1, other)
    with pytest.raises(ExportError, match="has no language 'xx', it has de, en, th"):
        worst_queries(wide, NO_TEXTS, Cell("xx", "en"), 1)
    with pytest.raises(ExportError, match="toy has no query 'en:q:none'"):
        rankings(wide, NO_TEXTS, ["en:q:none"])
