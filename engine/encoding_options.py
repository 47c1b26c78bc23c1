"""The options that turn a Hugging Face encoder into a dual encoder, and what set each: config, model or default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.config import ConfigError, ModelConfig, model_problems
from engine.model_description import OPTIONS_FILE, ModelDescription, prompt_for_passages, prompt_for_queries

Origin = Literal["config", "model", "default", "benchmark"]

DEFAULT_QUERY_TOKENS, DEFAULT_PASSAGE_TOKENS = 64, 256  # of a model that does not say

_INSTRUCTION = re.compile(r"\AInstruct: .*?(?=\n)", re.DOTALL)  # as Qwen3-Embedding and e5-instruct begin


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """Saved with the model: other values give other vectors. Lengths include the special tokens; None: no limit."""

    pooling: str  # one of config.POOLINGS, or several set side by side: "cls+mean"
    query_prefix: str
    passage_prefix: str
    max_query_tokens: int | None
    max_passage_tokens: int | None
    include_prompt: bool = True  # whether the tokens of the prefix are pooled too
    lower_case: bool = False
    similarity: Literal["cosine", "dot"] = "cosine"
    truncate_dim: int | None = None  # only the first so many dimensions

    @property
    def pooling_modes(self) -> tuple[str, ...]:
        return tuple(self.pooling.split("+"))

    def prefix(self, kind: Literal["query", "passage"]) -> str:
        return self.query_prefix if kind == "query" else self.passage_prefix

    def max_tokens(self, kind: Literal["query", "passage"]) -> int | None:
        return self.max_query_tokens if kind == "query" else self.max_passage_tokens


@dataclass(frozen=True, slots=True)
class TaskPrompts:
    """What a benchmark puts before its texts, as mteb does for a task.

    Attributes:
        query, passage: names of the model's prompts, the first that it has goes before queries (or passages).
        instruction: what a model that begins its queries with "Instruct: " is told, if it has no such prompt.
    """

    query: tuple[str, ...]
    passage: tuple[str, ...]
    instruction: str


@dataclass(frozen=True, slots=True)
class ResolvedOptions:
    """Options, what set each of them, and what is unusual about them."""

    options: EncodingOptions
    origins: dict[str, Origin] = field(default_factory=dict)  # by the names of EncodingOptions
    notes: tuple[str, ...] = ()


def resolve_options(config: ModelConfig, described: ModelDescription, limit: int | None) -> ResolvedOptions:
    """What ``config`` sets goes first, then what the model says of itself, then the defaults.

    Args:
        limit: tokens that the model has positions for; None: any number.

    Raises:
        ConfigError: names the field; a value that is set and cannot be, or a prompt that the model has not.
    """
    for name, wrong in model_problems(config):
        raise ConfigError(f"model.{name}: {wrong}")
    return _Resolver(config, described, limit).resolved()


def options_for_task(
    options: EncodingOptions, origins: Mapping[str, Origin], prompts: Mapping[str, str], task: TaskPrompts
) -> tuple[EncodingOptions, dict[str, Origin]]:
    """The options of a model for the texts of one task, and what set each of them; what the config sets stays.

    Args:
        prompts: all that the model declares, by name.
    """
    changed: dict[str, Any] = {}
    kinds: tuple[tuple[Literal["query", "passage"], tuple[str, ...]], ...] = (
        ("query", task.query),
        ("passage", task.passage),
    )
    for kind, names in kinds:
        field, prefix = f"{kind}_prefix", options.prefix(kind)
        if origins.get(field) == "config":
            continue
        named = next((name for name in names if prompts.get(name)), None)
        if named is not None and named not in ("query", "document"):
            changed[field] = prompts[named]
        elif kind == "query" and _INSTRUCTION.match(prefix):
            changed[field] = _INSTRUCTION.sub(lambda _: f"Instruct: {task.instruction}", prefix)
    found: dict[str, Origin] = {field: "benchmark" for field in changed if changed[field] != getattr(options, field)}
    return replace(options, **changed), {**origins, **found}


class _Resolver:
    def __init__(self, config: ModelConfig, described: ModelDescription, limit: int | None) -> None:
        self._config, self._described, self._limit = config, described, limit
        self._values: dict[str, Any] = {}
        self._origins: dict[str, Origin] = {}
        self._notes: list[str] = []

    def resolved(self) -> ResolvedOptions:
        described = self._described
        pooling = None if described.pooling is None else "+".join(described.pooling)
        self._choose("pooling", pooling, "mean")
        if described.body == "static" and self._values["pooling"] != "mean":
            raise ConfigError(f"model.pooling: {self._values['pooling']}, but static embeddings are always averaged")
        self._prefix("query", prompt_for_queries(described.prompts))
        self._prefix("passage", prompt_for_passages(described.prompts))
        self._task()
        self._length("max_query_tokens", described.max_query_tokens, DEFAULT_QUERY_TOKENS)
        self._length("max_passage_tokens", described.max_passage_tokens, DEFAULT_PASSAGE_TOKENS)
        says = described.pooling is not None
        self._choose("include_prompt", described.include_prompt if says else None, True)
        self._choose("lower_case", described.lower_case if says else None, False)
        self._similarity()
        self._choose("truncate_dim", described.truncate_dim, None)
        self._unused_default_prompt()
        try:
            options = msgspec.convert(self._values, EncodingOptions)
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"model.name: {self._config.name!r} has a {OPTIONS_FILE} that cannot be used: {error}"
            ) from None
        return ResolvedOptions(options, self._origins, tuple(self._notes))

    def _choose(self, name: str, described: Any, default: Any) -> None:
        chosen = getattr(self._config, name, None)
        if chosen is not None:
            self._values[name], self._origins[name] = chosen, "config"
        elif name in self._described.options:
            self._values[name], self._origins[name] = self._described.options[name], "model"
        elif described is not None:
            self._values[name], self._origins[name] = described, "model"
        else:
            self._values[name], self._origins[name] = default, "default"

    def _prefix(self, kind: Literal["query", "passage"], declared: str | None) -> None:
        """``declared``: the name of the model's own prompt for texts of this kind."""
        prompts, name = self._described.prompts, f"{kind}_prefix"
        asked = getattr(self._config, f"{kind}_prompt")
        if asked is None:
            self._choose(name, None if declared is None else prompts[declared], "")
            named = [prompt for prompt in prompts if prompts[prompt]]
            if self._origins[name] == "default" and kind == "query" and named:
                self._notes.append(
                    f"no prompt is put before queries: the model has {', '.join(sorted(named))}, none of them called "
                    "query (model.query_prompt chooses one)"
                )
            elif (
                self._origins[name] == "model"
                and declared in ("passage", "corpus")
                and name not in self._described.options
            ):
                self._notes.append(
                    f'the model\'s prompt "{declared}" is put before passages (encode_document of '
                    "SentenceTransformers 6 passes it over)"
                )
            return
        if asked not in prompts:
            known = f"it has {', '.join(sorted(prompts))}" if prompts else "it has none"
            raise ConfigError(f"model.{kind}_prompt: the model has no prompt {asked!r}; {known}")
        self._values[name], self._origins[name] = prompts[asked], "config"

    def _task(self) -> None:
        """Puts model.task into the query prefix."""
        task, prefix = self._config.task, self._values["query_prefix"]
        if "{task}" in prefix:
            if task is None:
                raise ConfigError(f"model.task: the query prefix {prefix!r} wants one")
            self._values["query_prefix"] = prefix.replace("{task}", task)
        elif task is not None:
            if not _INSTRUCTION.match(prefix):
                raise ConfigError(f"model.task: the query prefix {prefix!r} has no {{task}} to put it in")
            self._values["query_prefix"] = _INSTRUCTION.sub(lambda _: f"Instruct: {task}", prefix)
        if task is not None:
            self._origins["query_prefix"] = "config"

    def _length(self, name: str, described: int | None, default: int) -> None:
        """A length that is set must fit; one that nobody set is cut to what the model takes."""
        unlimited = described is None and self._described.pooling is not None
        self._choose(name, described, None if unlimited else default)
        if unlimited and self._origins[name] == "default":
            self._origins[name] = "model"
        tokens, limit = self._values[name], self._limit
        if limit is None or (tokens is not None and tokens <= limit):
            return
        if self._origins[name] == "config":
            raise ConfigError(f"model.{name}: {tokens}, but this model takes at most {limit} tokens")
        self._values[name], self._origins[name] = limit, "model"

    def _similarity(self) -> None:
        described = self._described
        declared = described.similarity
        if declared in ("euclidean", "manhattan") and self._config.similarity is None:
            unit = bool(described.head) and described.head[-1].kind == "normalize"
            if declared == "manhattan" or not unit:
                raise ConfigError(
                    f"model.similarity: the model compares by {declared} distance, which is not supported; "
                    'set "cosine" or "dot" to measure it by that'
                )
            declared = "cosine"  # of unit vectors the same order
        self._choose("similarity", declared, "cosine")

    def _unused_default_prompt(self) -> None:
        name = self._described.default_prompt
        if name and "default" in (self._origins["query_prefix"], self._origins["passage_prefix"]):
            self._notes.append(
                f'the model\'s default prompt "{name}" is not used, as in encode_query and encode_document of '
                "SentenceTransformers (model.query_prompt and model.passage_prompt choose one)"
            )


class OptionSources(msgspec.Struct, frozen=True, kw_only=True):
    """Where the options came from: a resumed run reports what the run that saved them did."""

    origins: dict[str, Origin] = {}  # of each option
    revision: str | None = None  # the commit of a model of the hub


def write_options(
    options: EncodingOptions, folder: Path, sources: OptionSources, matryoshka_dimensions: tuple[int, ...] = ()
) -> None:
    described: dict[str, object] = asdict(options) | msgspec.to_builtins(sources)
    if matryoshka_dimensions:
        described["matryoshka_dimensions"] = matryoshka_dimensions
    (folder / OPTIONS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n")


def saved_sources(described: ModelDescription) -> OptionSources:
    """What our own file records; empty where an older release wrote it."""
    return msgspec.convert(described.options, OptionSources)
