"""Many languages whose queries judge the passages of all: found in one pass, each judgement in its place."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.config import ConfigError
from engine.data.retrieval import Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import Passages

FIELDS = Fields("query", "passage")
LANGUAGES = [f"l{number:02}" for number in range(20)]


@dataclass(frozen=True)
class CountingPassages(Passages):
    lookups: list[str]

    def find(self, id: str) -> int | None:
        self.lookups.append(id)
        return super().find(id)


def make_passages(ids: list[str]) -> CountingPassages:
    runs = [(language, sum(id.startswith(language) for id in ids)) for language in sorted({id[:3] for id in ids})]
    return CountingPassages(sorted(ids), sorted(ids), runs, "d", [])  # type: ignore[arg-type]


def test_every_query_judges_passages_of_all_languages_without_a_search_for_each() -> None:
    passages = make_passages([f"{language}:p:{language}.{fact}" for language in LANGUAGES for fact in range(3)])
    topics = [Topic("q", f"{language}.{fact}", language, "?") for language in LANGUAGES for fact in range(3)]
    judgements = [
        Judgement("j", topic.id, f"{language}.{topic.id[-1]}", 1) for topic in topics for language in LANGUAGES
    ]
    benchmark = retrieval_benchmark("own", topics, judgements, passages, FIELDS)
    for query in range(len(topics)):
        relevant = benchmark.relevant[benchmark.offsets[query] : benchmark.offsets[query + 1]]
        fact = benchmark.query_ids[query][-1]
        expected = {f"{language}:p:{language}.{fact}" for language in LANGUAGES}
        assert {benchmark.candidate_ids[index] for index in relevant} == expected
    assert passages.lookups == []


@pytest.mark.parametrize("more", [0, 40])
def test_an_id_is_taken_in_the_query_s_language_else_where_it_is_alone(more: int) -> None:
    """In a small collection and in one that is searched for single ids."""
    filler = [f"l01:p:filler.{number}" for number in range(more)]
    passages = make_passages(["l00:p:a", "l01:p:a", "l01:p:b", *filler])
    topics = [Topic("q", "1", "l00", "?")]
    judged = [Judgement("j", "1", "a", 1), Judgement("j", "1", "b", 1)]
    benchmark = retrieval_benchmark("own", topics, judged, passages, FIELDS)
    assert [benchmark.candidate_ids[index] for index in benchmark.relevant] == ["l00:p:a", "l01:p:b"]
    assert bool(passages.lookups) == bool(more)
    with pytest.raises(ConfigError, match="'a' is in l00, l01: expected ids that differ"):
        retrieval_benchmark("own", [Topic("q", "1", "l07", "?")], judged[:1], passages, FIELDS)
