"""How a model that is not loaded yet will turn texts into vectors, in words."""

from __future__ import annotations

from engine.config import ConfigError, ModelConfig
from engine.encoding_options import EncodingOptions, ResolvedOptions, resolve_options
from engine.model_description import ModelDescription
from tui.numbers import option_text


def lengths(model: ModelConfig, described: ModelDescription) -> tuple[int | None, int | None]:
    """Tokens that questions and passages are cut to; None: no limit. A model that takes less cuts them shorter."""
    try:
        options = resolve_options(model, described, None).options
    except ConfigError:  # of a former run, whose model has changed since
        return model.max_query_tokens, model.max_passage_tokens
    return options.max_query_tokens, options.max_passage_tokens


def encoding_words(model: ModelConfig, described: ModelDescription) -> str:
    """Pooling and what follows it, prefixes, lengths; what the config sets is marked as such.

    Raises:
        ConfigError: the config asks for something that the model has not; names the field.
    """
    resolved = resolve_options(model, described, None)
    options = resolved.options
    parts = [_modules(resolved, described), _prefixes(model, resolved), _cuts(resolved)]
    if options.similarity == "dot":
        parts.append(f"dot product{_mark(resolved, 'similarity')}")
    if options.truncate_dim is not None:
        parts.append(f"first {options.truncate_dim} dimensions{_mark(resolved, 'truncate_dim')}")
    words = "; ".join(parts)
    silent = described.pooling is None and not described.options and model.name != "tiny"
    return f"no description of its own: {words}" if silent else words


def _modules(resolved: ResolvedOptions, described: ModelDescription) -> str:
    if described.body == "static":
        return described.module_names()
    pooling = f"{resolved.options.pooling} pooling{_mark(resolved, 'pooling')}"
    return ", ".join([pooling, *map(str, described.head)])


def _prefixes(model: ModelConfig, resolved: ResolvedOptions) -> str:
    none = option_text("query_prefix", "")
    texts = []
    for name, prompt in (("query_prefix", model.query_prompt), ("passage_prefix", model.passage_prompt)):
        mark = _mark(resolved, name) if prompt is None else f" (config: {prompt})"
        texts.append(option_text(name, getattr(resolved.options, name)) + mark)
    return "no prefix" if texts == [none, none] else f"queries {texts[0]}, passages {texts[1]}"


def _cuts(resolved: ResolvedOptions) -> str:
    options: EncodingOptions = resolved.options
    query, passage = options.max_query_tokens, options.max_passage_tokens
    marks = [_mark(resolved, name) for name in ("max_query_tokens", "max_passage_tokens")]
    if (query, marks[0]) == (passage, marks[1]):
        return f"any length{marks[0]}" if query is None else f"at most {query:,} tokens{marks[0]}"
    if query is None or passage is None:
        parts = ["any length" if length is None else f"at most {length:,} tokens" for length in (query, passage)]
        return f"queries {parts[0]}{marks[0]}, passages {parts[1]}{marks[1]}"
    return f"at most {query:,}{marks[0]} and {passage:,}{marks[1]} tokens"


def _mark(resolved: ResolvedOptions, name: str) -> str:
    return " (config)" if resolved.origins[name] == "config" else ""
