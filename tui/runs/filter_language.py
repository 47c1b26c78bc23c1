"""The language of filters: words, and comparisons of what can be asked of a run.

    lr>=1e-4 model~xlmr mono>.7 state:running tag:paper -sweep

A run is kept where every term fits. A word fits where name, id, study, mode, state, device, host, benchmark or a tag
contains it, whatever the case; a minus turns a term around; "two words" is one; /x/ is a regular expression.

    = :     equal; of tags: one of them         !=      anything else, also nothing
    < <= > >=                                   ~       contains, or ~/x/

The value ``none`` stands for what a run does not have.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from tui.follow.rows import LIVE_STATES, RunRow
from tui.runs import fields
from tui.runs.fields import Field, UnknownFieldError, Value

if TYPE_CHECKING:
    import regex

_TERM = re.compile(r"(?P<minus>-?)(?:(?P<key>[A-Za-z_][\w./-]*?)(?P<op>!=|<=|>=|=|<|>|~|:))?")
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_YES, _NO = ("yes", "true"), ("no", "false")
LONGEST_PATTERN = 200  # characters
_PATIENCE = 1.0  # seconds for all that one filter's expressions have to search

Judge = Callable[[str, str], bool]  # whether a regular expression is found in a text


class FilterError(ValueError):
    """One short line that says what is wrong with a filter."""


class Term(msgspec.Struct, frozen=True, eq=False):
    """One condition. ``field`` None: a word, which is looked for in all that a line says."""

    field: Field | None
    operator: str
    value: str  # folded, where it is no expression
    number: float | None = None
    is_pattern: bool = False
    negated: bool = False

    def fits(self, row: RunRow, words: Sequence[str], judge: Judge) -> bool:
        return self._holds(row, words, judge) is not self.negated

    def texts(self, row: RunRow, words: Sequence[str]) -> Iterable[str]:
        """What a regular expression is looked for in."""
        if self.field is None:
            return words
        value = self.field.value(row)
        return value if isinstance(value, tuple) else (fields.text(value),)

    def _holds(self, row: RunRow, words: Sequence[str], judge: Judge) -> bool:
        if self.is_pattern:
            return any(judge(self.value, text) for text in self.texts(row, words))
        if self.field is None:
            return any(self.value in word.casefold() for word in words)
        value = self.field.value(row)
        if self.operator in _ORDERS:
            return (
                self.number is not None
                and isinstance(value, float)
                and not math.isnan(value)
                and _ORDERS[self.operator](value, self.number)
            )
        if self.operator == "~":
            return any(self.value in text.casefold() for text in self.texts(row, words))
        if self.operator == "!=":
            return not self._equals(value)
        return self._equals(value)

    def _equals(self, value: Value) -> bool:
        if fields.is_missing(value):
            return self.value in ("none", "-")
        if isinstance(value, bool):
            return self.value in (_YES if value else _NO)
        if isinstance(value, float):
            return self.number is not None and math.isclose(value, self.number, rel_tol=1e-9)
        if isinstance(value, tuple):
            return any(each.casefold() == self.value for each in value)
        assert value is not None
        live = self.value == "live" and self.field is not None and self.field.key == "state" and value in LIVE_STATES
        return live or value.casefold() == self.value


class Filter(msgspec.Struct, frozen=True, eq=False):
    """``terms`` of which a run has to fit each one; none keeps every run."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    @property
    def has_patterns(self) -> bool:
        return any(term.is_pattern for term in self.terms)

    def fits(self, row: RunRow, label: str, judge: Judge) -> bool:
        words = words_of(row, label)
        return all(term.fits(row, words, judge) for term in self.terms)

    def without_last(self) -> Filter:
        return Filter(self.text, self.terms[:-1])

    @property
    def is_open(self) -> bool:
        """Whether its last term may go on: nothing ends it yet."""
        return bool(self.terms) and not self.text[-1:].isspace() and self.text[-1:] not in ('"', "/")


def words_of(row: RunRow, label: str) -> tuple[str, ...]:
    """What a word is looked for in, each by itself."""
    return (label, row.name, row.id, row.study, row.mode, row.state, row.device, row.host, row.benchmark or "",
            *row.tags)  # fmt: skip


@lru_cache(64)
def parse(text: str) -> Filter:
    """The filter that ``text`` says.

    Raises:
        FilterError: one short line.
    """
    terms: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        term = _TERM.match(text, at)
        assert term is not None
        value, kind, at = _value(text, term.end())
        if term["key"] is None and not value and kind != "quoted":
            continue  # a minus before what is still to be typed
        terms.append(_term(term["key"], term["op"] or "", value, kind, bool(term["minus"])))
    return Filter(text, tuple(terms))


def _value(text: str, at: int) -> tuple[str, str, int]:
    """(value, how it is written: "", quoted or pattern, where it ends)."""
    if text[at : at + 1] == '"':
        end = text.find('"', at + 1)
        if end < 0:
            raise FilterError('a quote is open: " is missing')
        return text[at + 1 : end], "quoted", end + 1
    if text[at : at + 1] == "/":
        end = _pattern_end(text, at)
        if end > 0:
            return text[at + 1 : end], "pattern", end + 1
        raise FilterError("an expression is open: / is missing")
    end = next((index for index in range(at, len(text)) if text[index].isspace()), len(text))
    return text[at:end], "", end


def _pattern_end(text: str, at: int) -> int:
    """Where the slash stands that closes the expression: before a blank or the end; -1 where none does."""
    for index in range(at + 2, len(text)):
        if text[index] == "/" and (index + 1 == len(text) or text[index + 1].isspace()):
            return index
    return -1


def _term(key: str | None, operator: str, value: str, kind: str, negated: bool) -> Term:
    if key is None:
        if kind == "pattern":
            return Term(None, "~", _checked(value), is_pattern=True, negated=negated)
        return Term(None, "~", value.casefold(), negated=negated)
    try:
        asked = fields.field(key)
    except UnknownFieldError as error:
        raise FilterError(str(error)) from None
    if not value and kind != "quoted":
        raise FilterError(f"{key}{operator} needs a value")
    if kind == "pattern":
        if operator != "~":
            raise FilterError(f"an expression goes with ~: {key}~/{value}/")
        return Term(asked, "~", _checked(value), is_pattern=True, negated=negated)
    number = _number(value)
    if operator in _ORDERS and number is None:
        raise FilterError(f"{key}{operator} needs a number, not {value!r}")
    if asked.key == "state" and operator in ("=", ":", "!=") and value.casefold() not in (*fields.STATES, "live"):
        raise FilterError(f"no state {value!r}: live, {', '.join(fields.STATES)}")
    return Term(asked, operator, value.casefold(), number, negated=negated)


def _number(text: str) -> float | None:
    """``1e-4``, ``.7``, ``10_000``, ``70%``; None for anything else."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _checked(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN:
        raise FilterError(f"an expression has at most {LONGEST_PATTERN} characters")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise FilterError(f"not a regular expression: {error}") from None
    return pattern


class Verdicts(msgspec.Struct, eq=False):
    """In which texts regular expressions are found. Searching may take long, so it is not done where keys are waited
    for: there ``look_up`` says what is known, and ``missing`` what ``search`` has still to be asked, in a thread."""

    found: dict[tuple[str, str], bool] = msgspec.field(default_factory=dict)
    missing: set[tuple[str, str]] = msgspec.field(default_factory=set)

    def look_up(self, pattern: str, text: str) -> bool:
        verdict = self.found.get((pattern, text))
        if verdict is None:
            self.missing.add((pattern, text))
        return bool(verdict)


def search(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    """Each expression in its text. It gives other threads their turn, and ends after a second.

    Raises:
        FilterError: it would take longer.
    """
    deadline = time.monotonic() + _PATIENCE
    return {(pattern, text): _search(pattern, text, deadline) for pattern, text in pairs}


def judge_at_once() -> Judge:
    """Searches while it is asked, for a second in all.

    Raises (when called):
        FilterError: it would take longer.
    """
    deadline = time.monotonic() + _PATIENCE
    return lambda pattern, text: _search(pattern, text, deadline)


def _search(pattern: str, text: str, deadline: float) -> bool:
    left = deadline - time.monotonic()
    try:
        if left <= 0:
            raise TimeoutError
        return _compiled(pattern).search(text, timeout=left, concurrent=True) is not None
    except TimeoutError:
        raise FilterError(f"/{pattern}/ takes too long: write a simpler one, or plain words") from None
    except Exception as error:  # what Python's own expressions allow and this library does not
        raise FilterError(f"not a regular expression: {error}") from None


@lru_cache(32)
def _compiled(pattern: str) -> regex.Pattern[str] | Any:
    import regex  # its searches can be given a time limit, Python's own cannot

    return regex.compile(pattern, regex.IGNORECASE)
