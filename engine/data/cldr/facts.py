"""The facts of the built-in corpus, read from the CLDR data inside the ``babel`` package.

Relations and their rules:

- ``currency``: territory -> its legal tender on ``AS_OF``. Left out: territories with none, or with more than one.
- ``official-language``: territory -> the one of its official (or de facto official) languages that the largest part
  of its population uses. Left out: territories without one, and ties for the largest part. Script variants of one
  language count as that language.
- ``script``: language -> the script it is mainly written in (likely subtags), for languages that at least
  ``MIN_SPEAKERS_PERCENT`` of the population of some territory use. Left out: Chinese and Cantonese, whose scripts
  CLDR names only "Simplified" and "Traditional".

Filters on all of them: codes that are no territory of ISO 3166-1 (Kosovo is kept); facts in which the subject or the
object has no name in one of the eleven languages, has its code for a name, or, in a language that is not written in
Latin letters, a name wholly in Latin letters (an untranslated one); subjects whose name in one of the languages is
also the name of another subject of the relation, and which a question could not tell apart.
"""

from __future__ import annotations

import datetime
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from babel.languages import get_territory_language_info
from babel.numbers import get_territory_currencies

from engine.benchmark_names import CLDR_LANGUAGES
from engine.data.cldr.phrases import RELATIONS, Relation

AS_OF = datetime.date(2025, 1, 1)  # a fixed day: currencies change, the corpus of one babel release does not
MIN_SPEAKERS_PERCENT = 2.0
HELD_OUT_ONE_IN = 5  # facts of each relation

# Reserved codes and groupings that CLDR lists among two-letter territories.
_NOT_ISO_3166 = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
_UNNAMED_SCRIPTS = frozenset({"Hans", "Hant"})
_LATIN_LANGUAGES = frozenset({"de", "en", "es", "tr", "vi"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; ``subjects`` and ``objects`` are names by language, in the order of CLDR_LANGUAGES."""

    id: str  # "currency:JP"
    relation: Relation
    cluster: str  # "territory:JP" or "language:ja"
    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    heldout: bool


@lru_cache(maxsize=1)
def facts() -> tuple[Fact, ...]:
    """All facts in ascending order of id; the position in this order numbers queries and passages."""
    locales = [Locale(language) for language in CLDR_LANGUAGES]
    territories = [locale.territories for locale in locales]
    languages = [locale.languages for locale in locales]
    sides = {
        "currency": (_currencies(), "territory", territories, [locale.currencies for locale in locales]),
        "official-language": (_official_languages(), "territory", territories, languages),
        "script": (_scripts(), "language", languages, [locale.scripts for locale in locales]),
    }
    facts: list[Fact] = []
    for relation in RELATIONS:
        pairs, kind, subject_names, object_names = sides[relation]
        named = {
            subject: (subjects, objects)
            for subject, object_ in pairs
            if (subjects := _names(subject, subject_names)) and (objects := _names(object_, object_names))
        }
        shared = [Counter(subjects[column] for subjects, _ in named.values()) for column in range(len(locales))]
        unambiguous = {
            f"{relation}:{subject}": (f"{kind}:{subject}", subjects, objects)
            for subject, (subjects, objects) in named.items()
            if all(shared[column][name] == 1 for column, name in enumerate(subjects))
        }
        heldout = set(sorted(unambiguous, key=_hash)[: len(unambiguous) // HELD_OUT_ONE_IN])
        facts += [Fact(id, relation, *rest, heldout=id in heldout) for id, rest in unambiguous.items()]
    return tuple(sorted(facts, key=lambda fact: fact.id))


def choice(fact_id: str, purpose: str, options: int) -> int:
    """A number below ``options`` that depends on the fact and the purpose only, evenly spread over facts."""
    return int(_hash(f"{purpose}:{fact_id}")[:16], 16) % options


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def territory_codes() -> list[str]:
    """Codes of the territories of ISO 3166-1, and Kosovo's."""
    return sorted(
        code for code in Locale("en").territories if len(code) == 2 and code.isalpha() and code not in _NOT_ISO_3166
    )


def _currencies() -> Iterator[tuple[str, str]]:
    for territory in territory_codes():
        tender = get_territory_currencies(territory, start_date=AS_OF, tender=True)
        if len(tender) == 1:
            yield territory, tender[0]


def official_languages(territory: str) -> list[tuple[str, float]]:
    """Its official (or de facto official) languages and the percentage of people that use each, most used first."""
    users: dict[str, float] = {}
    for code, info in get_territory_language_info(territory).items():
        if info["official_status"] in ("official", "de_facto_official"):
            language = code.partition("_")[0]
            users[language] = max(users.get(language, 0.0), info["population_percent"])
    return sorted(users.items(), key=lambda item: -item[1])


def main_official_language(territory: str) -> str | None:
    """The most used one; None: there is none, or several are used equally."""
    ranked = official_languages(territory)
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]) else None


def main_scripts() -> Iterator[tuple[str, str, float]]:
    """Living languages, the script that each is mainly written in, and the percentage of that territory's people that
    use it where they are most."""
    used: dict[str, float] = {}
    for info in get_global("territory_languages").values():
        for code, use in info.items():
            language = code.partition("_")[0]
            used[language] = max(used.get(language, 0.0), use["population_percent"])
    likely = get_global("likely_subtags")
    for language in sorted(used):
        if language in likely:
            script = likely[language].split("_")[1]
            if script not in _UNNAMED_SCRIPTS:
                yield language, script, used[language]


def _official_languages() -> Iterator[tuple[str, str]]:
    for territory in territory_codes():
        if language := main_official_language(territory):
            yield territory, language


def _scripts() -> Iterator[tuple[str, str]]:
    for language, script, percent in main_scripts():
        if percent >= MIN_SPEAKERS_PERCENT:
            yield language, script


def _names(code: str, tables: list[Mapping[str, str]]) -> tuple[str, ...] | None:
    """The name of ``code`` in each language, or None where one of the filters drops it."""
    names = []
    for language, table in zip(CLDR_LANGUAGES, tables, strict=True):
        name = table.get(code)
        if not name or name == code:
            return None
        if language not in _LATIN_LANGUAGES and not any(map(_is_own_letter, name)):
            return None
        names.append(name)
    return tuple(names)


def _is_own_letter(character: str) -> bool:
    return character.isalpha() and not unicodedata.name(character, "").startswith("LATIN")
