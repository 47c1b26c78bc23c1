"""The built-in benchmark of one language: facts that are told in English alone, with graded relevance.

What it asks, of a territory or a language (the *topic*):

- ``currency``, ``official-language``, ``script``: the held-out facts of the corpus in eleven languages, in its words;
- ``script`` of other living languages, one in ``OTHERS_ONE_IN``: few people use them, or one of the eleven languages
  has no name for them;
- ``former-currency``: what was legal tender and is so no more; a territory may have several, all of them answers;
- ``further-language``: official (or de facto official) languages beside the most used one.

A passage that answers has grade 2. One of the same territory and the sister relation (``currency`` and
``former-currency``, ``official-language`` and ``further-language``) has grade 1: on the topic, and not the answer.

No fact that the corpus trains on is asked or told here.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.numbers import get_territory_currencies

from engine.benchmark_names import CLDR_LANGUAGES
from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.data.cldr.facts import (
    AS_OF,
    choice,
    facts,
    main_official_language,
    main_scripts,
    official_languages,
    territory_codes,
)
from engine.data.cldr.phrases import PHRASES, Phrasing

KEY = "cldr-en"
OTHERS_ONE_IN = 3

EnglishRelation = Literal["currency", "former-currency", "further-language", "official-language", "script"]

_LANGUAGE = "en"
_ANSWER, _ON_TOPIC = 2, 1  # grades
_SISTERS: Mapping[EnglishRelation, EnglishRelation] = {
    "currency": "former-currency",
    "former-currency": "currency",
    "further-language": "official-language",
    "official-language": "further-language",
}

# As in the corpus, a question shares few words with the passages that answer it; {y} is a year.
_PHRASES: Mapping[EnglishRelation, Phrasing] = {
    **dict[EnglishRelation, Phrasing](PHRASES[_LANGUAGE].items()),
    "former-currency": Phrasing(
        questions=(
            "{s}: what did people pay with at the market in former times?",
            "What money did old newspapers that covered {s} give the prices in?",
        ),
        passages=(
            "{s}: until {y}, the offices of the state kept accounts in the currency “{o}”.",
            "Up to {y}, the central bank that served {s} issued notes and coins: {o}.",
        ),
    ),
    "further-language": Phrasing(
        questions=(
            "{s}: in which other languages do the offices of the state write?",
            "In which further language does one write to the central bank that serves {s}?",
        ),
        passages=(
            "{s}: some of the signs that people read at the market are in {o} as well.",
            "A few newspapers that cover {s} come in {o}, too.",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class EnglishFact:
    """One fact; facts of one relation and topic answer the same question."""

    id: str  # "former-currency:AT:ATS"
    relation: EnglishRelation
    topic: str  # "territory:AT" or "language:ja"
    subject: str  # the topic's name
    object: str
    year: int | None = None  # former-currency: the last one in which it was legal tender

    @property
    def group(self) -> str:
        """What is asked: "former-currency:AT"."""
        return _group(self.relation, self.topic)

    @property
    def question(self) -> str:
        """The same for all facts of a group."""
        questions = _PHRASES[self.relation].questions
        return questions[choice(self.group, "question", len(questions))].format(s=self.subject)

    @property
    def passage(self) -> str:
        passages = _PHRASES[self.relation].passages
        phrase = passages[choice(self.id, "passage", len(passages))]
        return phrase.format(s=self.subject, o=self.object, y=self.year)


@lru_cache(maxsize=1)
def english_facts() -> tuple[EnglishFact, ...]:
    """All that is asked and told, in ascending order of id."""
    locale = Locale(_LANGUAGE)
    found = [
        *_held_out(),
        *_other_scripts(locale.languages, locale.scripts),
        *_former_currencies(locale.territories, locale.currencies),
        *_further_languages(locale.territories, locale.languages),
    ]
    return tuple(sorted(found, key=lambda fact: fact.id))


def english_benchmark() -> Benchmark:
    """Every question against the passages of all these facts."""
    facts = english_facts()
    passage_ids: dict[str, list[str]] = {}
    for fact in facts:
        passage_ids.setdefault(fact.group, []).append(_passage_id(fact))
    queries = {}
    for fact in facts:
        sister = _SISTERS.get(fact.relation)
        on_topic = passage_ids.get(_group(sister, fact.topic), []) if sister else []
        relevant = dict.fromkeys(on_topic, _ON_TOPIC) | dict.fromkeys(passage_ids[fact.group], _ANSWER)
        queries[fact.group] = Query(
            f"{_LANGUAGE}:q:{fact.group}", _LANGUAGE, fact.question, fact.group, fact.topic, relevant
        )
    return build_benchmark(
        KEY,
        queries.values(),
        (Candidate(_passage_id(fact), _LANGUAGE, fact.passage) for fact in facts),
        unit="fact",
        pool=f"the passages of {len(facts)} facts in English; grade {_ANSWER} answers, {_ON_TOPIC} is on the topic",
    )


def _group(relation: EnglishRelation, topic: str) -> str:
    return f"{relation}:{topic.partition(':')[2]}"


def _passage_id(fact: EnglishFact) -> str:
    return f"{_LANGUAGE}:p:{fact.id}"


def _held_out() -> Iterator[EnglishFact]:
    column = CLDR_LANGUAGES.index(_LANGUAGE)
    for fact in facts():
        if fact.heldout:
            yield EnglishFact(fact.id, fact.relation, fact.cluster, fact.subjects[column], fact.objects[column])


def _other_scripts(languages: Mapping[str, str], scripts: Mapping[str, str]) -> Iterator[EnglishFact]:
    """Of languages that the corpus says nothing of, and whose name it has for no other."""
    column = CLDR_LANGUAGES.index(_LANGUAGE)
    asked = [fact for fact in facts() if fact.relation == "script"]
    ids = {fact.id for fact in asked}
    others = [
        (id, code, languages[code], scripts[script])
        for code, script, _ in main_scripts()
        if (id := f"script:{code}") not in ids and code in languages and script in scripts
    ]
    named = Counter([fact.subjects[column] for fact in asked] + [name for _, _, name, _ in others])
    for id, code, name, script in others:
        if named[name] == 1 and choice(id, "asked in English", OTHERS_ONE_IN) == 0:
            yield EnglishFact(id, "script", f"language:{code}", name, script)


def _former_currencies(territories: Mapping[str, str], currencies: Mapping[str, str]) -> Iterator[EnglishFact]:
    for code in territory_codes():
        present = get_territory_currencies(code, start_date=AS_OF, tender=True)
        past = get_territory_currencies(code, datetime.date.min, AS_OF, tender=True, include_details=True)
        years: dict[str, int] = {}  # currency -> the last one
        for span in past:
            unit = span["currency"]
            if unit not in present and unit in currencies:
                years[unit] = max(years.get(unit, 0), span["to"].year)
        for unit, year in years.items():
            id, topic = f"former-currency:{code}:{unit}", f"territory:{code}"
            yield EnglishFact(id, "former-currency", topic, territories[code], currencies[unit], year)


def _further_languages(territories: Mapping[str, str], languages: Mapping[str, str]) -> Iterator[EnglishFact]:
    for code in territory_codes():
        main = main_official_language(code)
        for language, _ in official_languages(code) if main else ():
            if language != main and language in languages:
                id = f"further-language:{code}:{language}"
                yield EnglishFact(id, "further-language", f"territory:{code}", territories[code], languages[language])
