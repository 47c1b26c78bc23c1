"""The built-in corpus: facts of Unicode CLDR as question-passage pairs in eleven languages, without any download."""

from engine.data.cldr.english import english_benchmark, english_facts
from engine.data.cldr.facts import Fact, facts
from engine.data.cldr.pairs import cldr_benchmark, cldr_corpus

__all__ = ["Fact", "cldr_benchmark", "cldr_corpus", "english_benchmark", "english_facts", "facts"]
