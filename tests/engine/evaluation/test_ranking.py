"""The fast exact ranking equals an obvious one, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_cases import LANGUAGES, cases, make_benchmark, ranking
from hypothesis import given, settings

from engine.evaluation.ranking import rank
from engine.evaluation.shards import CANDIDATE_TILE, QUERY_TILE


@given(cases())
@settings(max_examples=150, deadline=None)
def test_ranks_equal_a_sorted_list_of_the_pool(case):
    benchmark, queries, candidates = case
    ranks, top = rank(benchmark, queries, candidates, k=4)
    scores = queries @ candidates.T
    everyone = range(len(candidates))
    row = 0
    for query in range(len(queries)):
        assert top.passage[query].tolist() == ranking(scores[query], everyone)[:4]
        assert top.score[query].tolist() == [scores[query, c] for c in ranking(scores[query], everyone)[:4]]
        for passage in benchmark.relevant[benchmark.offsets[query] : benchmark.offsets[query + 1]]:
            own = [c for c in everyone if benchmark.candidate_language[c] == benchmark.candidate_language[passage]]
            same = [c for c in everyone if scores[query, c] == scores[query, passage] and c != passage]
            found = {name: getattr(ranks, name)[row].item() for name in ranks.__slots__}
            assert found == {
                "query": query,
                "passage": passage,
                "score": scores[query, passage],
                "rank_pool": ranking(scores[query], everyone).index(passage) + 1,
                "rank_language": ranking(scores[query], own).index(passage) + 1,
                "tied_pool": len(same),
                "tied_language": len(set(same) & set(own)),
                "above_pool": sum(scores[query, c] > scores[query, passage] for c in everyone),
                "above_language": sum(scores[query, c] > scores[query, passage] for c in own),
            }
            row += 1
    assert row == len(ranks.query)


def large_case(seed: int):
    rng = np.random.default_rng(seed)
    candidates = sorted(rng.choice(LANGUAGES, CANDIDATE_TILE + 300))
    queries = sorted(rng.choice(LANGUAGES, QUERY_TILE + 40))
    relevant = {query: rng.choice(len(candidates), 3, replace=False).tolist() for query in range(len(queries))}
    vectors = [rng.standard_normal((len(texts), 24)).astype(np.float32) for texts in (queries, candidates)]
    return make_benchmark(candidates, queries, relevant), *vectors


def test_tiles_join_without_a_seam():
    """More queries and candidates than one tile: whole numbers, so that any other order of sums gives the same."""
    benchmark, queries, candidates = large_case(0)
    queries, candidates = np.rint(queries), np.rint(candidates)
    ranks, top = rank(benchmark, queries, candidates)
    scores = queries @ candidates.T
    by_id = np.arange(len(candidates))
    for row in range(0, len(ranks.query), 7):
        mine = scores[ranks.query[row]]
        level = mine[ranks.passage[row]]
        assert ranks.rank_pool[row] == 1 + (mine > level).sum() + ((mine == level) & (by_id > ranks.passage[row])).sum()
    for query in (0, QUERY_TILE - 1, QUERY_TILE, len(queries) - 1):
        assert top.passage[query].tolist() == ranking(scores[query], range(len(candidates)))[:100]


def test_equal_vectors_tie_wherever_they_lie():
    """Copies of one vector in different tiles have one score, to the last bit."""
    benchmark, queries, candidates = large_case(1)
    copies = np.arange(5, len(candidates), 97)
    candidates[copies] = candidates[copies[0]]
    ranks, _ = rank(benchmark, queries, candidates)
    tied = ranks.tied_pool[np.isin(ranks.passage, copies)]
    assert len(tied) > 5
    assert (tied >= len(copies) - 1).all()


def test_a_query_ranks_the_same_alone_and_among_others():
    """The fixed tile shape: the number of queries does not change a rank or a score."""
    benchmark, queries, candidates = large_case(2)
    ranks, _ = rank(benchmark, queries, candidates)
    few = 3
    smaller = make_benchmark(
        [i.split(":")[0] for i in benchmark.candidate_ids],
        [i.split(":")[0] for i in benchmark.query_ids[:few]],
        {q: benchmark.relevant[3 * q : 3 * q + 3].tolist() for q in range(few)},
    )
    alone, _ = rank(smaller, queries[:few], candidates)
    assert alone.score.tobytes() == ranks.score[: 3 * few].tobytes()
    assert alone.rank_pool.tolist() == ranks.rank_pool[: 3 * few].tolist()


def test_a_diverged_model_ranks_last_by_id():
    """Scores that are not numbers rank below all others instead of poisoning the counts."""
    benchmark = make_benchmark(["de"] * 4, ["de"], {0: [0, 2]})
    candidates = np.array([[np.nan], [1], [np.nan], [2]], np.float32)
    ranks, top = rank(benchmark, np.ones((1, 1), np.float32), candidates)
    assert ranks.rank_pool.tolist() == [4, 3]
    assert top.passage.tolist() == [[3, 1, 2, 0]]


def test_progress_reaches_the_end_and_may_abandon_the_work():
    benchmark, queries, candidates = large_case(3)
    seen = []
    rank(benchmark, queries, candidates, tick=lambda *progress: seen.append(progress))
    assert seen == [("ranking", QUERY_TILE, len(queries)), ("ranking", len(queries), len(queries))]

    def leave(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rank(benchmark, queries, candidates, tick=leave)


def test_arrays_that_do_not_fit_the_benchmark_are_refused():
    benchmark = make_benchmark(["de", "en"], ["de"], {0: [1]})
    with pytest.raises(ValueError, match="1 queries and 2 candidates"):
        rank(benchmark, np.ones((1, 2), np.float32), np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="1 queries and 2 candidates"):
        rank(benchmark, np.ones((1, 3), np.float32), np.ones((2, 2), np.float32))
