"""A tokenizer.json, and whether the tokenizer that transformers made of it does what it says.

transformers 5 rebuilds most tokenizers from the vocabulary of tokenizer.json and the rules of the class that a model's
config names. Where the rules of the file differ, the model would get other ids than it was trained on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import tokenizers

# Letters of many scripts, and what normalisers and pre-tokenisers treat in ways of their own: case, accents composed
# and not, full width, ligatures, runs of spaces, line ends, digits, punctuation, symbols.
SAMPLE = (
    "Hello, World! It's naïve: CAFÉ, e\u0301, ﬁnal １２ Ａ, x²",
    " two  spaces\tand\nlines  ",
    "Straße Größe Éléphant ŁÓDŹ İstanbul",
    "дом Собака ёлка Київ",
    "中文 字符，漢字。日本語ひらがなカタカナ",
    "ภาษาไทย น้ำ",
    "مَرْحَبًا بالعالم שָׁלוֹם",
    "नमस्ते दुनिया বাংলা தமிழ்",
    "한국어 각",
    "user_name@mail.org 1,234.56 #tag https://a.b/c?d=e 👍🏽",
)
_UNKNOWABLE = "\ue123"  # of a private plane: in no vocabulary
_WINDOWS = 200  # places in a vocabulary where a token is compared
_WINDOW = 400  # bytes
# Entries without an escaped character in the token, nor a bracket or colon that might be of the JSON around it.
_ENTRY_OF_OBJECT = re.compile(rb'("[^"\\,:{}]+")\s*:\s*(?P<id>\d+)\s*[,}]')
_ENTRY_OF_LIST = re.compile(rb'\[\s*("[^"\\,:\[\]]+")\s*,\s*-?\d')


class _Model(msgspec.Struct):
    type: str | None = None
    vocab: msgspec.Raw = msgspec.Raw(b"{}")
    unk_id: int | None = None
    unk_token: str | msgspec.UnsetType | None = msgspec.UNSET
    continuing_subword_prefix: str | msgspec.UnsetType | None = msgspec.UNSET
    end_of_word_suffix: str | msgspec.UnsetType | None = msgspec.UNSET
    byte_fallback: bool | msgspec.UnsetType = msgspec.UNSET
    fuse_unk: bool | msgspec.UnsetType = msgspec.UNSET
    ignore_merges: bool | msgspec.UnsetType = msgspec.UNSET
    max_input_chars_per_word: int | msgspec.UnsetType = msgspec.UNSET


class _AddedToken(msgspec.Struct):
    id: int
    content: str


class _File(msgspec.Struct):
    model: _Model
    normalizer: dict[str, Any] | None = None
    pre_tokenizer: dict[str, Any] | None = None
    post_processor: dict[str, Any] | None = None
    added_tokens: list[_AddedToken] = []


_RULES = (
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "byte_fallback",
    "fuse_unk",
    "ignore_merges",
    "max_input_chars_per_word",
)


@dataclass(frozen=True, slots=True)
class TokenizerFile:
    """A parsed tokenizer.json, but for its vocabulary."""

    path: Path
    _file: _File

    @property
    def kind(self) -> str:
        """Of the model in it, such as "Unigram"; files of old versions do not say."""
        return self._file.model.type or "a model without a type"

    @property
    def post_processor(self) -> Any:
        """What adds the special tokens; None: nothing does."""
        return self._pipeline().post_processor

    def agrees(self, tokenizer: Any, config: dict[str, Any]) -> bool:
        """Whether a fast ``tokenizer`` cuts texts as this file says, special tokens aside.

        ``config``: of tokenizer_config.json, whose ``do_lower_case`` and the like may rightly differ from the file.
        """
        backend = tokenizer.backend_tokenizer
        if self._file.model.type not in (None, type(backend.model).__name__):
            return False
        if not self._same_vocabulary(backend):
            return False
        if not self._same_rules(backend):
            return self._same_ids(backend)
        pipelines = [self._pipeline(), self._pipeline(config)]
        return any(all(_pieces(backend, text) == _pieces(pipeline, text) for text in SAMPLE) for pipeline in pipelines)

    def lower_case(self, backend: Any, config: dict[str, Any]) -> None:
        """Gives a backend made of this file what ``config`` says of lower case and accents, as BERT's classes do."""
        if _bert_settings(self._file.normalizer, config):
            backend.normalizer = self._pipeline(config).normalizer

    def _same_vocabulary(self, backend: Any) -> bool:
        """Whether tokens from all over the file's vocabulary are in the backend's; all of them would take long."""
        added = {token.content: token.id for token in self._file.added_tokens}
        for token, index in _some_tokens(bytes(self._file.model.vocab)):
            expected = added.get(token, index)
            given = backend.token_to_id(token)
            if given is None or (expected is not None and given != expected):
                return False
        return all(backend.token_to_id(token) == index for token, index in added.items())

    def _same_rules(self, backend: Any) -> bool:
        """Whether the model treats what it does not know alike; a no may be a false alarm."""
        model = self._file.model
        if type(backend.model).__name__ == "Unigram":
            if model.byte_fallback is True or model.unk_id is None:
                return False
            unknown = backend.model.tokenize(_UNKNOWABLE)
            return [token.id for token in unknown] == [model.unk_id]
        return all(
            (getattr(model, rule) or None) == (getattr(backend.model, rule, None) or None)
            for rule in _RULES
            if getattr(model, rule) is not msgspec.UNSET
        )

    def _same_ids(self, backend: Any) -> bool:
        """The slow way: a second tokenizer, of the whole file."""
        other = tokenizers.Tokenizer.from_file(str(self.path))
        return all(_ids(backend, text) == _ids(other, text) for text in (*SAMPLE, _UNKNOWABLE))

    def _pipeline(self, config: dict[str, Any] | None = None) -> Any:
        """A tokenizer with the rules of this file and no vocabulary."""
        normalizer = self._file.normalizer
        if normalizer is not None and config is not None:
            normalizer = normalizer | _bert_settings(normalizer, config)
        description: dict[str, Any] = {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": normalizer,
            "pre_tokenizer": self._file.pre_tokenizer,
            "post_processor": self._file.post_processor,
            "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""},
        }
        return tokenizers.Tokenizer.from_str(json.dumps(description))


def read_tokenizer_file(path: Path) -> TokenizerFile:
    """Parses ``path``.

    Raises:
        msgspec.DecodeError: it is not JSON, or not of a tokenizer.
    """
    return TokenizerFile(path, msgspec.json.decode(path.read_bytes(), type=_File))


def _some_tokens(vocabulary: bytes) -> list[tuple[str, int | None]]:
    """Tokens of a vocabulary in JSON with their ids; of a list with scores the ids are places, and stay unknown."""
    pattern = _ENTRY_OF_LIST if vocabulary.lstrip().startswith(b"[") else _ENTRY_OF_OBJECT
    tokens = []
    for start in range(0, len(vocabulary), max(1, len(vocabulary) // _WINDOWS)):
        entry = pattern.search(vocabulary, start, start + _WINDOW)
        if entry is not None:
            index = entry.groupdict().get("id")
            tokens.append((json.loads(entry.group(1)), None if index is None else int(index)))
    return tokens


def _bert_settings(normalizer: dict[str, Any] | None, config: dict[str, Any]) -> dict[str, Any]:
    """The fields of BERT's normaliser that a tokenizer_config.json sets."""
    if normalizer is None or normalizer.get("type") != "BertNormalizer":
        return {}
    names = {
        "do_lower_case": "lowercase",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "handle_chinese_chars",
    }
    return {field: config[name] for name, field in names.items() if name in config}


def _pieces(backend: Any, text: str) -> list[str]:
    """What is left of ``text`` for the model to look up."""
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return [text]
    return [piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text)]


def _ids(backend: Any, text: str) -> list[int]:
    """Untruncated, whatever the file says of lengths."""
    encoding = backend.encode(text, add_special_tokens=False)
    return [*encoding.ids, *(index for part in encoding.overflowing for index in part.ids)]
