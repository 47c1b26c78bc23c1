"""How a model that is not loaded yet will turn texts into vectors: what the config sets, over what the model says of
itself, over the defaults."""

from __future__ import annotations

from typing import Literal

from engine.config import ModelConfig
from engine.model_description import ModelDescription, prompt_for_passages, prompt_for_queries
from tui.format import option_text

_LENGTHS = {"max_query_tokens": 64, "max_passage_tokens": 256}  # and what they are where nobody sets them


def lengths(model: ModelConfig, described: ModelDescription) -> tuple[int | None, int | None]:
    """Tokens that questions and passages are cut to; None: no limit. A model that takes less cuts them shorter."""
    query, passage = (_length(model, described, name) for name in _LENGTHS)
    return query, passage


def encoding_words(model: ModelConfig, described: ModelDescription) -> str:
    """Pooling and what follows it, prefixes, lengths; what the config sets is marked as such."""
    parts = [_modules(model, described), _prefixes(model, described), _cuts(model, described)]
    if _value(model, described, "similarity", described.similarity) == "dot":
        parts.append(f"dot product{_mark(model, 'similarity')}")
    dimensions = _value(model, described, "truncate_dim", described.truncate_dim)
    if dimensions is not None:
        parts.append(f"first {dimensions} dimensions{_mark(model, 'truncate_dim')}")
    words = "; ".join(parts)
    silent = described.pooling is None and not described.options and model.name != "tiny"
    return f"no description of its own: {words}" if silent else words


def _modules(model: ModelConfig, described: ModelDescription) -> str:
    if described.body == "static":
        return described.module_names()
    pooling = _value(model, described, "pooling", "+".join(described.pooling or ("mean",)))
    return ", ".join([f"{pooling} pooling{_mark(model, 'pooling')}", *map(str, described.head)])


def _prefixes(model: ModelConfig, described: ModelDescription) -> str:
    prompts = described.prompts
    query = _prefix(model, described, "query", prompts.get(prompt_for_queries(prompts) or "", ""))
    passage = _prefix(model, described, "passage", prompts.get(prompt_for_passages(prompts) or "", ""))
    none = option_text("query_prefix", "")
    if (query, passage) == (none, none):
        return "no prefix"
    return f"queries {query}, passages {passage}"


def _prefix(model: ModelConfig, described: ModelDescription, kind: Literal["query", "passage"], said: str) -> str:
    name, prompt = f"{kind}_prefix", getattr(model, f"{kind}_prompt")
    if prompt is not None:
        return f"{option_text(name, described.prompts.get(prompt))} (config: {prompt})"
    text = _value(model, described, name, said)
    if kind == "query" and model.task is not None:
        text = str(text).replace("{task}", model.task)
    return option_text(name, text) + _mark(model, name)


def _cuts(model: ModelConfig, described: ModelDescription) -> str:
    query, passage = lengths(model, described)
    marks = [_mark(model, name) for name in _LENGTHS]
    if (query, marks[0]) == (passage, marks[1]):
        return f"any length{marks[0]}" if query is None else f"at most {query:,} tokens{marks[0]}"
    if query is None or passage is None:
        parts = ["any length" if length is None else f"at most {length:,} tokens" for length in (query, passage)]
        return f"queries {parts[0]}{marks[0]}, passages {parts[1]}{marks[1]}"
    return f"at most {query:,}{marks[0]} and {passage:,}{marks[1]} tokens"


def _length(model: ModelConfig, described: ModelDescription, name: str) -> int | None:
    # A description that speaks of pooling and sets no length sets no limit.
    default = None if described.pooling is not None else _LENGTHS[name]
    said = getattr(described, name)
    length = _value(model, described, name, default if said is None else said)
    return length if isinstance(length, int) else None


def _value(model: ModelConfig, described: ModelDescription, name: str, said: object) -> object:
    """The config's, else that of the options file which a run leaves with its model, else what is ``said``."""
    chosen = getattr(model, name)
    return described.options.get(name, said) if chosen is None else chosen


def _mark(model: ModelConfig, name: str) -> str:
    return "" if getattr(model, name) is None else " (config)"
