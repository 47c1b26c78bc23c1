"""The built-in corpus and its benchmark: facts put into words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.benchmark_names import CLDR_LANGUAGES
from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.data.cldr.facts import Fact, choice, facts
from engine.data.cldr.phrases import PHRASES
from engine.data.corpus import CorpusRows, ParallelCorpus, build_corpus, select_languages

SPLITS = ("train", "heldout", "all")


@dataclass(frozen=True, slots=True)
class Pair:
    """One fact in one language; ``number`` is the fact's position among all facts."""

    number: int
    fact: Fact
    language: str
    question: str
    passage: str

    @property
    def query_id(self) -> str:
        return f"{self.language}:q:{self.number:04d}"

    @property
    def passage_id(self) -> str:
        return f"{self.language}:p:{self.number:04d}"


def cldr_corpus(split: str = "train", languages: Sequence[str] = ()) -> ParallelCorpus:
    """The pairs of one split ("train", "heldout" or "all"); no languages means all eleven.

    Raises:
        ConfigError: a language the corpus does not have.
        ValueError: an unknown split.
    """
    pairs = list(_pairs(split, select_languages(languages, CLDR_LANGUAGES, "cldr")))
    rows = CorpusRows(
        groups=[pair.fact.id for pair in pairs],
        languages=[pair.language for pair in pairs],
        questions=[pair.question for pair in pairs],
        passages=[pair.passage for pair in pairs],
        passage_ids=[pair.passage_id for pair in pairs],
        clusters=[pair.fact.cluster for pair in pairs],
    )
    return build_corpus("cldr", rows)


def cldr_benchmark(languages: Sequence[str] = ()) -> Benchmark:
    """The held-out questions against the held-out passages; one relevant passage per language.

    Raises:
        ConfigError: a language the corpus does not have.
    """
    chosen = select_languages(languages, CLDR_LANGUAGES, "cldr")
    pairs = list(_pairs("heldout", chosen))
    relevant: dict[str, dict[str, int]] = {}
    for pair in pairs:
        relevant.setdefault(pair.fact.id, {})[pair.passage_id] = 1
    return build_benchmark(
        "cldr",
        (
            Query(pair.query_id, pair.language, pair.question, pair.fact.id, pair.fact.cluster, relevant[pair.fact.id])
            for pair in pairs
        ),
        (Candidate(pair.passage_id, pair.language, pair.passage) for pair in pairs),
        unit="fact",
        pool=f"the passages of {len(relevant)} held-out facts in {len(chosen)} languages",
    )


def _pairs(split: str, languages: Sequence[str]) -> Iterator[Pair]:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}, expected one of {', '.join(SPLITS)}")
    for number, fact in enumerate(facts()):
        if split != "all" and fact.heldout != (split == "heldout"):
            continue
        for language in languages:
            column = CLDR_LANGUAGES.index(language)
            subject, object_ = fact.subjects[column], fact.objects[column]
            phrasing = PHRASES[language][fact.relation]
            # The two choices are independent: which way of asking was drawn says nothing about the passage.
            question = phrasing.questions[choice(fact.id, "question", len(phrasing.questions))]
            passage = phrasing.passages[choice(fact.id, "passage", len(phrasing.passages))]
            yield Pair(number, fact, language, question.format(s=subject), passage.format(s=subject, o=object_))
