"""What can be asked of a run by a name: what its line says, its metrics, and every key of its config.

A filter compares them, the table has columns of them, and runs are sorted and grouped by them.
"""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec

from engine import measures
from engine.config import RunConfig
from tui.follow.rows import RunRow
from tui.numbers import exact

Value = float | str | bool | tuple[str, ...] | None  # None: the run has none


class Field(msgspec.Struct, frozen=True, eq=False):
    """``best_first``: sorted from the greatest, unless it is turned around."""

    key: str
    about: str
    value: Callable[[RunRow], Value]
    best_first: bool = False


class UnknownFieldError(ValueError):
    """One line that names what comes closest."""


STATES = (
    "running", "evaluating", "pausing", "stopping", "starting", "queued", "stalled", "crashed", "failed", "paused",
    "stopped", "finished",
)  # fmt: skip
METRICS = {
    "mono": "map_monolingual", "cross": "map_crosslingual", "pool": "map_multilingual",
    "rank_distance": "rank_distance", "ndcg": "ndcg_at_10", "recall": "recall_at_100",
}  # fmt: skip
ALIASES = {
    "lr": "optimizer.learning_rate", "model": "model.name", "batch": "batch.size", "steps": "optimizer.max_steps",
    "temperature": "loss.temperature", "warmup": "optimizer.warmup_steps", "max_steps": "optimizer.max_steps",
    "benchmarks": "evaluation.benchmarks", "tags": "tag",
}  # fmt: skip


def metric(name: str, row: RunRow) -> float | None:
    return row.metrics.get(name)


def _best_first(name: str) -> bool:
    return name not in measures.MEASURES or measures.MEASURES[name].wanted == "higher"


def _progress(row: RunRow) -> float | None:
    return row.step / row.max_steps if row.max_steps else None


OWN = (
    Field("name", "of the run", lambda row: row.name),
    Field("id", "the name of its folder", lambda row: row.id),
    Field("study", "the study that it is a part of", lambda row: row.study or None),
    Field("mode", "of the batches; eval for an evaluation", lambda row: row.mode),
    Field("state", "running, paused, failed, ...; live for all that work", lambda row: row.state),
    Field("tag", "one of its tags", lambda row: row.tags),
    Field("note", "what was noted on it", lambda row: row.note or None),
    Field("pinned", "yes or no", lambda row: row.pinned),
    Field("device", "what it runs on", lambda row: row.device or None),
    Field("host", "the machine", lambda row: row.host or None),
    Field("benchmark", "that its metrics are of", lambda row: row.benchmark),
    Field("kind", "training or evaluation", lambda row: row.kind),
    Field("alpha", "the share of monolingual batches at the start", lambda row: row.mono_share),
    Field("seed", "of the run", lambda row: float(row.seed)),
    Field("step", "updates that are done", lambda row: float(row.step), best_first=True),
    Field("progress", "the share of the steps that is done", _progress, best_first=True),
    Field("loss", "the mean of the last stretch", lambda row: row.loss),
    Field("best", "map_multilingual of the best evaluation", lambda row: row.best, best_first=True),
    Field("age", "of the last event", lambda row: row.updated or None, best_first=True),
    *(
        Field(key, name, partial(metric, name), best_first=_best_first(name))
        for key, name in METRICS.items()
    ),
)  # fmt: skip
_TEXTS = ("name", "id", "study", "mode", "state", "tag", "note", "pinned", "device", "host", "benchmark", "kind")
_OWN = {field.key: field for field in OWN}


@lru_cache(1)
def config_keys() -> Mapping[str, tuple[str, ...]]:
    """The attributes that lead to each key of a config, by the key."""
    return {".".join(path): path for path in _paths(RunConfig, ())}


@lru_cache(1)
def short_keys() -> Mapping[str, str]:
    """Last parts of config keys that only one key has."""
    ends = Counter(path[-1] for path in config_keys().values())
    return {path[-1]: key for key, path in config_keys().items() if ends[path[-1]] == 1}


@lru_cache(512)
def field(key: str) -> Field:
    """The field of that name: of the line, an alias, a config key or the end of one, a metric, BENCHMARK.METRIC.

    Raises:
        UnknownFieldError: there is none.
    """
    key = ALIASES.get(key, key)
    if key in _OWN:
        return _OWN[key]
    full = key if key in config_keys() else short_keys().get(key, "")
    if full:
        return Field(full, "of the config", partial(_of_config, config_keys()[full]))
    benchmark, dot, name = key.rpartition(".")
    name = METRICS.get(name, name)
    if name in measures.METRICS or name == measures.RANK_DISTANCE_NULL:
        if not dot:
            return Field(name, "of the main benchmark", partial(metric, name), _best_first(name))
        return Field(f"{benchmark}.{name}", f"on {benchmark}", partial(_on, benchmark, name), _best_first(name))
    close = difflib.get_close_matches(key, names(), 1, 0.6)
    raise UnknownFieldError(f"no key {key!r}" + (f"; {close[0]}?" if close else ""))


@lru_cache(1)
def names() -> tuple[str, ...]:
    """What a key can be called: the short ones first."""
    return tuple(dict.fromkeys((*_OWN, *ALIASES, *config_keys(), *short_keys(), *measures.METRICS)))


def names_for(rows: Sequence[RunRow]) -> tuple[str, ...]:
    """The same, and the metrics that these runs have."""
    measured = {f"{benchmark}.{name}" for row in rows for benchmark, metrics in row.results.items() for name in metrics}
    return tuple(dict.fromkeys((*names(), *filter(is_key, sorted(measured)))))


def is_key(key: str) -> bool:
    """Whether a field is called so."""
    try:
        field(key)
    except UnknownFieldError:
        return False
    return True


def is_number(asked: Field) -> bool:
    """Whether it is shown as one: to the right."""
    if asked.key in config_keys():
        return _is_number(config_keys()[asked.key])
    return asked.key not in _TEXTS


def title(key: str) -> str:
    """What a field is called above its column: as short as it can be."""
    aliases = [alias for alias, full in ALIASES.items() if full == key and alias != "tags"]
    if key == "age":
        return "last event"
    before, dot, last = key.rpartition(".")
    if short := next((short for short, name in METRICS.items() if name == last), ""):
        return f"{before}{dot}{short}".replace("_", " ")
    return aliases[0] if aliases else last if short_keys().get(last) == key else key.replace("_", " ")


def is_missing(value: Value) -> bool:
    """A run without it, or one whose value is no number."""
    return value is None or value == () or (isinstance(value, float) and math.isnan(value))


def text(value: Value) -> str:
    """As it stands in a column or above a group; numbers as short as they are exact."""
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, float):
        short = f"{value:g}"
        return exact(value) if value.is_integer() else short if float(short) == value else repr(value)
    return value


def _on(benchmark: str, name: str, row: RunRow) -> float | None:
    return row.results.get(benchmark, {}).get(name)


def _of_config(path: tuple[str, ...], row: RunRow) -> Value:
    value: Any = row.config
    for name in path:
        several = isinstance(value, tuple)
        value = tuple(getattr(each, name) for each in value) if several else getattr(value, name, None)
    return _plain(value)


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, dict):
        return tuple(f"{key}={each}" for key, each in value.items())
    return tuple(str(each) for each in value if each is not None)


def _paths(section: type[msgspec.Struct], before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for each in msgspec.structs.fields(section):
        path = (*before, each.name)
        inner = _struct_in(each.type)
        if inner is None:
            yield path
        else:
            yield from _paths(inner, path)


def _is_number(path: tuple[str, ...]) -> bool:
    section: Any = RunConfig
    for name in path[:-1]:
        section = _struct_in(_type(section, name))
    kinds = typing.get_args(_type(section, path[-1])) or (_type(section, path[-1]),)
    return any(kind in (int, float) for kind in (*kinds, *(each for kind in kinds for each in typing.get_args(kind))))


def _type(section: type[msgspec.Struct], name: str) -> Any:
    return next(each.type for each in msgspec.structs.fields(section) if each.name == name)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The section that a key holds, be it one of several."""
    if isinstance(kind, type) and not isinstance(kind, types.GenericAlias) and issubclass(kind, msgspec.Struct):
        return kind
    return next((inner for each in typing.get_args(kind) if (inner := _struct_in(each)) is not None), None)
