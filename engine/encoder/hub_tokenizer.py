"""A model's files -> its fast tokenizer, as its makers meant it."""

from __future__ import annotations

from typing import Any

import msgspec
import tokenizers
import transformers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from engine.config import ConfigError
from engine.encoder.model_files import ModelFiles
from engine.encoder.tokenizer_file import TokenizerFile, read_tokenizer_file
from engine.encoder.weights import file_fault

# Files that transformers may read a vocabulary from, tokenizer.json aside.
_VOCABULARY_FILES = (
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "bpe.codes",
    "tekken.json",
    "tiktoken.model",
)
# Their tokenizers build the frame of special tokens from add_bos_token and add_eos_token alone, in transformers 4.
_FRAMED_BY_CONFIG = {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"}
_NO_TOKENIZER = "it has no tokenizer (a tokenizer.json, say)"
_STAND_INS = ("eos_token", "unk_token", "bos_token", "sep_token", "cls_token")


def load_hub_tokenizer(files: ModelFiles, model_config: Any, *, trust_remote_code: bool) -> tuple[Any, list[str]]:
    """The fast tokenizer of ``files``, and what a person should know of it, a line each.

    ``model_config``: of transformers, for a tokenizer_config.json that does not name its class.

    It splits texts as tokenizer.json says, where there is one, and adds the special tokens that tokenizer.json or
    tokenizer_config.json ask for. It has a padding token: where the model names none, another token stands in. That
    changes nothing, since padding is masked.

    Raises:
        ConfigError: there is no fast tokenizer, or none at all.
    """
    config = files.json("tokenizer_config.json")
    if fault := _vocabulary_fault(files):
        raise ConfigError(f"model.name: cannot load {files.name!r}: {fault}")
    tokenizer = AutoTokenizer.from_pretrained(
        files.location, config=model_config, trust_remote_code=trust_remote_code, **files.arguments()
    )
    if not tokenizer.is_fast:
        raise ConfigError(
            f"model.name: {files.name!r} has no fast tokenizer ({type(tokenizer).__name__}), which this project needs"
        )
    if not any(files.file(name) for name in _possible_files(tokenizer, files)):
        # transformers makes one without a vocabulary.
        raise ConfigError(f"model.name: cannot load {files.name!r}: {_NO_TOKENIZER}")
    notes: list[str] = []
    path = files.file("tokenizer.json")
    if type(tokenizer).__module__.startswith("transformers."):  # remote code knows what it does
        file = None if path is None else read_tokenizer_file(path)
        if file is not None:
            tokenizer = _as_the_file_says(file, tokenizer, config, files, notes)
        _frame(file, tokenizer, config, notes)
    if tokenizer.pad_token_id is None:
        _pad(tokenizer, files)
    return tokenizer, notes


def tokenizer_fault(files: ModelFiles) -> str | None:
    """Why the tokenizer of ``files`` cannot be read; None: its files show no fault."""
    if fault := _vocabulary_fault(files):
        return fault
    path = files.file("tokenizer.json")
    if path is None:
        may_have_one = not files.is_folder or any(files.file(name) for name in _VOCABULARY_FILES)
        return None if may_have_one else _NO_TOKENIZER
    try:
        tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        try:
            msgspec.json.decode(path.read_bytes())
        except msgspec.DecodeError:
            return f"{path.name} is damaged (not JSON): download it again"
        version = files.json("config.json").get("transformers_version")
        writer = f", of a model saved with transformers {version}," if version else ""
        return (
            f"{path.name}{writer} is not of a version that tokenizers {tokenizers.__version__} reads"
            f" ({' '.join(str(error).split())}): save it with this version, or install the one it was made with"
        )
    return None


def _possible_files(tokenizer: Any, files: ModelFiles) -> set[str]:
    """Where the vocabulary of ``tokenizer`` may have come from."""
    names = {"tokenizer.json", *filter(None, tokenizer.vocab_files_names.values())}
    return names.union(_VOCABULARY_FILES) if files.is_folder else names  # of the hub, asking for a file fetches it


def _vocabulary_fault(files: ModelFiles) -> str | None:
    """Of the files that transformers will read: where there is a tokenizer.json, of this alone."""
    if not files.is_folder:
        return None  # a download is whole, and asking for a file would fetch it
    names = ("tokenizer.json",) if files.file("tokenizer.json") else _VOCABULARY_FILES
    paths = [path for name in names if (path := files.file(name)) is not None]
    return next((fault for path in paths if (fault := file_fault(path))), None)


def _as_the_file_says(
    file: TokenizerFile, tokenizer: Any, config: dict[str, Any], files: ModelFiles, notes: list[str]
) -> Any:
    """``tokenizer``, or the one of tokenizer.json where they differ."""
    if type(tokenizer) is PreTrainedTokenizerFast or file.agrees(tokenizer, config):
        return tokenizer
    # The class still knows what the model takes; special tokens are those of tokenizer_config.json.
    other = PreTrainedTokenizerFast.from_pretrained(
        files.location,
        model_input_names=config.get("model_input_names", tokenizer.model_input_names),
        padding_side=config.get("padding_side", tokenizer.padding_side),
        **files.arguments(),
    )
    file.lower_case(other.backend_tokenizer, config)
    notes.append(
        f"the tokenizer is that of its tokenizer.json ({file.kind}): transformers {transformers.__version__} makes"
        f" another one of it ({type(tokenizer).__name__})"
    )
    return other


def _frame(file: TokenizerFile | None, tokenizer: Any, config: dict[str, Any], notes: list[str]) -> None:
    """Makes ``tokenizer`` add the special tokens around a text that its files ask for."""
    backend = tokenizer.backend_tokenizer
    processor = backend.post_processor if file is None else file.post_processor
    begin, end = _special_ids(backend, processor)
    named = str(config.get("tokenizer_class", "")).removesuffix("Fast") in _FRAMED_BY_CONFIG
    asked = {"bos": config.get("add_bos_token"), "eos": config.get("add_eos_token")}
    if file is None and named and asked["bos"] is None:
        asked["bos"] = True  # the default of these classes
    first, last = list(begin), list(end)
    for kind, ids, place in (("bos", first, 0), ("eos", last, len(last))):
        token = getattr(tokenizer, f"{kind}_token_id")
        if token is None:
            continue
        if asked[kind] and token not in ids:
            ids.insert(place, token)
        elif asked[kind] is False and named and token in ids:
            ids.remove(token)
    if (first, last) != (begin, end):
        processor = _template(backend, first, last)
    if _frames(backend, processor) == _frames(backend, backend.post_processor):
        return
    backend.post_processor = processor
    tokens = [f"{tokenizer.convert_ids_to_tokens(first)} at the start"] if first else []
    tokens += [f"{tokenizer.convert_ids_to_tokens(last)} at the end"] if last else []
    source = "tokenizer.json" if (first, last) == (begin, end) else "tokenizer_config.json"
    notes.append(
        f"the tokenizer adds {' and '.join(tokens) or 'no special tokens'}, as {source} says and transformers"
        f" {transformers.__version__} does not"
    )


def _special_ids(backend: Any, processor: Any) -> tuple[list[int], list[int]]:
    """What ``processor`` puts before and after a text."""
    plain = backend.encode("a", add_special_tokens=False)
    if processor is None:
        return [], []
    text, whole = plain.ids, processor.process(plain, None, True).ids
    for start in range(len(whole) - len(text) + 1):
        if whole[start : start + len(text)] == text:
            return whole[:start], whole[start + len(text) :]
    return [], []


def _frames(backend: Any, processor: Any) -> list[Any]:
    """All that ``processor`` decides of a text and of a pair: ids and segments."""
    first, second = (backend.encode(text, add_special_tokens=False) for text in ("a", "b"))
    if processor is None:
        return [(first.ids, first.type_ids), (first.ids + second.ids, None)]
    encodings = [processor.process(first, None, True), processor.process(first, second, True)]
    return [(encoding.ids, encoding.type_ids) for encoding in encodings]


def _template(backend: Any, first: list[int], last: list[int]) -> Any:
    def part(text: str, segment: int) -> str:
        names = [f"{names_of[index]}:{segment}" for index in first]
        return " ".join([*names, f"{text}:{segment}", *(f"{names_of[index]}:{segment}" for index in last)])

    names_of = {index: f"special{index}" for index in (*first, *last)}
    return tokenizers.processors.TemplateProcessing(
        single=part("$A", 0),
        pair=f"{part('$A', 0)} {part('$B', 1)}",
        special_tokens=[
            {"id": name, "ids": [index], "tokens": [backend.id_to_token(index)]} for index, name in names_of.items()
        ],
    )


def _pad(tokenizer: Any, files: ModelFiles) -> None:
    token = next((token for kind in _STAND_INS if (token := getattr(tokenizer, kind)) is not None), None)
    if token is None:
        raise ConfigError(f"model.name: the tokenizer of {files.name!r} has no padding token, nor one to stand in")
    tokenizer.pad_token = token
