"""What a model says of itself, in the files that SentenceTransformers writes beside the weights; read without torch.

``modules.json`` lists the modules from text to vector: a Transformer (or a StaticEmbedding), a Pooling, and what
follows it. Each has its settings in a folder of its own; prompts and the similarity stand in
``config_sentence_transformers.json``. The layouts of versions 2 to 6 are read: they differ in where the Transformer
lies, in the module paths, and in how pooling modes and lengths are spelt. A module that is not known is refused by
name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from engine.config import ConfigError

OPTIONS_FILE = "dual_encoder.json"  # ours: written by DualEncoder.save, and goes before what SentenceTransformers says

Files = Callable[[str], Path | None]  # a file of the model by its name there; None: it has no such file

_TRANSFORMER_FILES = (
    "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
    "sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)  # fmt: skip

# Version 6 writes one name, the versions before it a flag for each mode; several modes are set side by side in this
# order.
POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_POOLING_NAMES = {**{mode: mode for mode in POOLING_FLAGS.values()}, "mean_sqrt_len_tokens": "mean_sqrt_len"}

# Settings of the Transformer module that change no vector, or that are read below.
_HARMLESS = {
    "max_seq_length", "do_lower_case", "query_length", "document_length", "transformer_task", "modality_config",
    "module_output_name", "processing_kwargs", "unpad_inputs", "query_expansion", "model_args", "model_kwargs",
    "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs", "tokenizer_name_or_path",
}  # fmt: skip
_TEXT_FORWARD = {"method": "forward", "method_output_name": "last_hidden_state"}
_UNLIMITED = 10**9  # tokenizers write 10**30 where they have no limit

_OTHER_KINDS = {  # of models that SentenceTransformers writes
    "CrossEncoder": "a re-ranker (CrossEncoder), which scores pairs and gives no vectors",
    "SparseEncoder": "a sparse encoder (SparseEncoder), which gives no dense vectors",
    "MultiVectorEncoder": "a multi-vector encoder (MultiVectorEncoder), which gives a vector of every token",
}

HeadKind = Literal["dense", "layer_norm", "normalize"]
_HEAD_KINDS: dict[str, HeadKind] = {"Dense": "dense", "LayerNorm": "layer_norm", "Normalize": "normalize"}


class HeadModule(msgspec.Struct, frozen=True, kw_only=True):
    """One module between pooling and the vector."""

    kind: HeadKind
    path: str = ""  # its folder, where its weights lie
    inputs: int | None = None  # width; dense only
    outputs: int | None = None  # width; dense and layer_norm
    bias: bool = True
    activation: str = "torch.nn.modules.activation.Tanh"  # dense: a module of torch, by its full name
    residual: bool = False  # dense: the input is added to the output

    def __str__(self) -> str:
        if self.kind == "dense":
            activation = self.activation.rpartition(".")[2]
            return f"Dense {self.outputs}" + ("" if activation == "Identity" else f" {activation}")
        return "LayerNorm" if self.kind == "layer_norm" else "Normalize"


class ModelDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What was read; None where the model does not say."""

    body: Literal["transformer", "static"] = "transformer"
    body_path: str = ""  # where the transformer and its tokenizer lie in the model
    pooling: tuple[str, ...] | None = None  # None: there is no modules.json
    include_prompt: bool = True  # whether tokens of the prompt are pooled too
    head: tuple[HeadModule, ...] = ()
    max_query_tokens: int | None = None
    max_passage_tokens: int | None = None
    lower_case: bool = False
    prompts: dict[str, str] = {}
    default_prompt: str | None = None  # a name in ``prompts``
    similarity: str | None = None  # cosine, dot, euclidean, manhattan
    truncate_dim: int | None = None
    options: dict[str, Any] = {}  # of our own file

    def module_names(self) -> str:
        """In words: "Transformer, cls pooling, Dense 768 Tanh, Normalize"."""
        if self.body == "static":
            return ", ".join(["StaticEmbedding", *map(str, self.head)])
        pooling = f"{'+'.join(self.pooling or ('mean',))} pooling"
        return ", ".join(["Transformer", pooling, *map(str, self.head)])


def files_of(folder: Path) -> Files:
    """The files of a local folder."""

    def file(name: str) -> Path | None:
        path = folder / name
        return path if path.is_file() else None

    return file


def read_description(name: str, files: Files) -> ModelDescription:
    """Reads the description of the model that the config calls ``name``.

    Raises:
        ConfigError: a file cannot be read, or says something that would give other vectors here; names it.
    """
    reader = _Reader(name, files)
    try:
        return _described(reader)
    except (AttributeError, TypeError, ValueError) as error:  # a list where an object was expected, and the like
        raise reader.error(f"has a description that cannot be used: {error}") from None


def _described(reader: _Reader) -> ModelDescription:
    ours = reader.json(OPTIONS_FILE) or {}
    overall = reader.json("config_sentence_transformers.json") or {}
    kind = overall.get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise reader.error(f"is {_OTHER_KINDS.get(kind, f'a {kind}, which is not supported')}: take a dual encoder")
    modules = reader.value("modules.json")
    if modules is None:
        return ModelDescription(options=ours)
    body, *others = reader.modules(modules)
    prompts = {str(key): text for key, text in (overall.get("prompts") or {}).items() if isinstance(text, str)}
    described: dict[str, Any] = {
        "options": ours,
        "prompts": prompts,
        "default_prompt": overall.get("default_prompt_name"),
        "similarity": _similarity(overall.get("similarity_fn_name")),
        "truncate_dim": overall.get("truncate_dim"),
        "body_path": body[1],
    }
    if body[0] == "StaticEmbedding":
        described |= {"body": "static", "pooling": ("mean",), **_static_lengths(reader, body[1])}
    else:
        if not others or others[0][0] != "Pooling":
            raise reader.error(f"has {others[0][0] if others else 'no module'} where a Pooling was expected")
        described |= reader.transformer(body[1]) | reader.pooling(others[0][1])
        others = others[1:]
    described["head"] = tuple(reader.head(kind, path) for kind, path in others)
    return reader.convert(described)


class _Reader:
    """Reads the files of one model, and names it in every error."""

    def __init__(self, name: str, files: Files) -> None:
        self._name, self._files = name, files

    def error(self, what: str) -> ConfigError:
        return ConfigError(f"model.name: {self._name!r} {what}")

    def json(self, name: str) -> dict[str, Any] | None:
        """The object in a file; None: there is no such file."""
        value = self.value(name)
        if value is not None and not isinstance(value, dict):
            raise self.error(f"has a {name} that holds no JSON object")
        return value

    def value(self, name: str) -> Any:
        """The content of a file; None: there is none."""
        path = self._files(name)
        if path is None:
            return None
        try:
            return msgspec.json.decode(path.read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"model.name: cannot use {path}: {error}") from None

    def convert(self, described: dict[str, Any]) -> ModelDescription:
        try:
            return msgspec.convert(described, ModelDescription)
        except msgspec.ValidationError as error:
            raise self.error(f"has a description that cannot be used: {error}") from None

    def modules(self, listed: Any) -> list[tuple[str, str]]:
        """(class, folder) of every module."""
        modules = []
        try:
            for module in listed:
                package, _, kind = module["type"].rpartition(".")
                path = module.get("path") or ""
                if package.partition(".")[0] != "sentence_transformers":
                    raise self.error(f"has a module of its own code, {module['type']}, which is not supported")
                if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                    raise self.error(f"has a module outside its folder, {path!r}")
                modules.append((kind, path))
        except (TypeError, KeyError, AttributeError):
            raise self.error("has a modules.json that cannot be used") from None
        if not modules or modules[0][0] not in ("Transformer", "StaticEmbedding"):
            first = modules[0][0] if modules else "no module"
            raise self.error(f"begins with {first}; supported are Transformer and StaticEmbedding")
        for kind, _ in modules[1:]:
            if kind != "Pooling" and kind not in _HEAD_KINDS:
                known = ", ".join(["Pooling", *_HEAD_KINDS])
                raise self.error(f"has a module {kind}, which is not supported (supported: {known})")
        return modules

    def transformer(self, path: str) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for name in _TRANSFORMER_FILES:
            settings = self.json(_join(path, name)) or {}
            if settings:
                break
        if unknown := sorted(set(settings) - _HARMLESS):
            raise self.error(f"has a Transformer with {unknown[0]}, which is not supported")
        task = settings.get("transformer_task", "feature-extraction")
        if task != "feature-extraction":
            raise self.error(f"has a Transformer for {task}, which gives no vectors")
        if settings.get("query_expansion") is not None:
            raise self.error("has a Transformer with query_expansion, which is not supported")
        modalities = settings.get("modality_config")
        if modalities is not None and (modalities.get("text") != _TEXT_FORWARD or "message" in modalities):
            raise self.error(f"has a Transformer for {', '.join(sorted(modalities))}; supported is plain text")
        for key in ("config_args", "config_kwargs"):
            if changed := sorted(set(settings.get(key) or ()) - {"use_cache", "trust_remote_code"}):
                raise self.error(f"has a Transformer with {key}.{changed[0]}, which is not supported")
        tokenizer = {**(settings.get("tokenizer_args") or {}), **(settings.get("processor_kwargs") or {})}
        text = (settings.get("processing_kwargs") or {}).get("text") or {}
        if changed := sorted(set(text) - {"max_length", "padding", "truncation"}):
            raise self.error(f"has a Transformer with processing_kwargs.text.{changed[0]}, which is not supported")
        limit = text.get("max_length") or settings.get("max_seq_length") or tokenizer.get("model_max_length")
        limit = limit or self._tokenizer_limit(path)
        return {
            "lower_case": bool(settings.get("do_lower_case")),
            "max_query_tokens": settings.get("query_length") or limit,
            "max_passage_tokens": settings.get("document_length") or limit,
        }

    def _tokenizer_limit(self, path: str) -> int | None:
        """As SentenceTransformers 6 keeps the length: with the tokenizer, and never above the model's positions."""
        limit = (self.json(_join(path, "tokenizer_config.json")) or {}).get("model_max_length")
        positions = (self.json(_join(path, "config.json")) or {}).get("max_position_embeddings")
        limits = [
            int(value) for value in (limit, positions) if isinstance(value, int | float) and 0 < value < _UNLIMITED
        ]
        return min(limits, default=None)

    def pooling(self, path: str) -> dict[str, Any]:
        settings = self.json(_join(path, "config.json")) or {}
        names = settings.get("pooling_mode")
        if names is None:
            names = [mode for flag, mode in POOLING_FLAGS.items() if settings.get(flag)] or ["mean"]
        names = [names] if isinstance(names, str) else list(names)
        if unknown := [name for name in names if name not in _POOLING_NAMES]:
            raise self.error(f"has a pooling {unknown[0]!r}, which is not supported")
        return {
            "pooling": tuple(_POOLING_NAMES[name] for name in names),
            "include_prompt": bool(settings.get("include_prompt", True)),
        }

    def head(self, kind: str, path: str) -> HeadModule:
        if kind == "Pooling":
            raise self.error("has two Pooling modules, which is not supported")
        settings = self.json(_join(path, "config.json")) or {}
        for key in ("module_input_name", "module_output_name"):
            if settings.get(key) not in (None, "sentence_embedding"):
                raise self.error(f"has a {kind} of {settings[key]}, which is not supported")
        try:
            if kind == "Dense":
                activation = settings.get("activation_function", HeadModule(kind="dense").activation)
                if not str(activation).startswith("torch.nn."):
                    raise self.error(f"has a Dense with the activation {activation}, which is none of torch")
                return HeadModule(
                    kind="dense",
                    path=path,
                    inputs=int(settings["in_features"]),
                    outputs=int(settings["out_features"]),
                    bias=bool(settings.get("bias", True)),
                    activation=str(activation),
                    residual=bool(settings.get("use_residual", False)),
                )
            if kind == "LayerNorm":
                return HeadModule(kind="layer_norm", path=path, outputs=int(settings["dimension"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self.error(f"has a {kind} whose config.json cannot be used: {error}") from None
        return HeadModule(kind=_HEAD_KINDS[kind], path=path)


def _static_lengths(reader: _Reader, path: str) -> dict[str, Any]:
    """A StaticEmbedding cuts texts only where its tokenizer.json does."""
    truncation = (reader.json(_join(path, "tokenizer.json")) or {}).get("truncation") or {}
    limit = truncation.get("max_length")
    return {"max_query_tokens": limit, "max_passage_tokens": limit}


def _similarity(name: str | None) -> str | None:
    """Version 2 had other names."""
    return {"cos_sim": "cosine", "dot_score": "dot"}.get(name or "", name)


def _join(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}" if path else name


def prompt_for_queries(prompts: Mapping[str, str]) -> str | None:
    """The name of the prompt that SentenceTransformer.encode_query looks for; None: the model has none."""
    return "query" if prompts.get("query") else None


def prompt_for_passages(prompts: Mapping[str, str]) -> str | None:
    """The same for encode_document: the first of its three names that has a text."""
    return next((name for name in ("document", "passage", "corpus") if prompts.get(name)), None)
