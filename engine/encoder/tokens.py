"""Texts -> ragged rows of token ids, through the fast tokenizer of any Hugging Face model.

Shapes: N sequences, T tokens of all of them together.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import normalizers

from engine.config import ConfigError

_CHUNK = 8192  # texts tokenised at a time: bounds the memory that the library's encodings take


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Ragged rows of token ids, special tokens included; row n is ``ids[offsets[n]:offsets[n + 1]]``."""

    ids: npt.NDArray[np.int32]  # [T]
    offsets: npt.NDArray[np.int64]  # [N + 1]
    truncated: int = 0  # texts that lost tokens
    segments: npt.NDArray[np.uint8] | None = None  # [T] 1 in the second text of a pair; None where there are none
    skipped: npt.NDArray[np.int32] | None = None  # [N] tokens at the start of a row that are not pooled; None: none

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row, [N]."""
        return np.diff(self.offsets)

    def count(self, rows: npt.NDArray[np.integer]) -> int:
        """Tokens of the given rows together."""
        return int((self.offsets[rows + 1] - self.offsets[rows]).sum())

    def take(self, rows: npt.NDArray[np.integer]) -> TokenRows:
        """The given rows in the given order; ``truncated`` is not known per row and becomes 0."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]  # of these rows only: there may be millions
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        source = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        segments = None if self.segments is None else self.segments[source]
        skipped = None if self.skipped is None else self.skipped[rows]
        return TokenRows(self.ids[source], offsets, 0, segments, skipped)


def concatenate(parts: Sequence[TokenRows]) -> TokenRows:
    """All rows of the first part, then all of the second, and so on."""
    starts = np.cumsum([0, *(len(part.ids) for part in parts)])
    offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    segments = None
    if any(part.segments is not None for part in parts):
        segments = np.concatenate(
            [np.zeros(len(part.ids), np.uint8) if part.segments is None else part.segments for part in parts]
        )
    skipped = None
    if any(part.skipped is not None for part in parts):
        skipped = np.concatenate(
            [np.zeros(len(part), np.int32) if part.skipped is None else part.skipped for part in parts]
        )
    return TokenRows(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([*offsets, starts[-1:]]).astype(np.int64),
        sum(part.truncated for part in parts),
        segments,
        skipped,
    )


class TextTokenizer:
    """Tokenises with the model's own rules, and truncates where this project says.

    A text is ``[CLS] text [SEP]``, a pair ``[CLS] text [SEP] context [SEP]``, or whatever the model's
    post-processor makes of them.

    Attributes:
        unknown_id: of the token that stands for what the tokenizer does not know; None: it knows everything.
    """

    def __init__(self, hub_tokenizer: Any, *, lower_case: bool = False, special_tokens: bool = True) -> None:
        """``hub_tokenizer``: a fast tokenizer of transformers; it is not changed.

        ``special_tokens``: false leaves out what the post-processor adds, as static embeddings do.
        """
        # A copy without truncation and padding: both are state of the library's object, not of a call.
        self._backend = tokenizers.Tokenizer.from_str(hub_tokenizer.backend_tokenizer.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        self._direction = hub_tokenizer.truncation_side
        self._has_segments = "token_type_ids" in hub_tokenizer.model_input_names
        self._special_tokens = special_tokens
        self._special_ids = frozenset(hub_tokenizer.all_special_ids)
        self.unknown_id: int | None = hub_tokenizer.unk_token_id
        if lower_case:
            rules = [normalizers.Lowercase()]
            if self._backend.normalizer is not None:
                rules.append(self._backend.normalizer)
            self._backend.normalizer = normalizers.Sequence(rules)

    def to_json(self) -> str:
        """The tokenizer as the library's own JSON."""
        text: str = self._backend.to_str()
        return text

    def digest(self) -> str:
        """SHA-256 of all that decides the rows, but for ``max_tokens``."""
        special = "" if self._special_tokens else " no special tokens"
        rules = f"{self._direction} {self._has_segments}{special}\n{self.to_json()}"
        return hashlib.sha256(rules.encode()).hexdigest()

    def special_tokens(self, *, pairs: bool) -> int:
        """How many the post-processor adds to a text, or to a pair."""
        return self._backend.num_special_tokens_to_add(pairs) if self._special_tokens else 0

    def prompt_tokens(self, prompt: str) -> int:
        """Tokens at the start of a row that are the prompt's, special tokens before it included.

        As SentenceTransformers counts them: those of the prompt alone, without a special token at its end.
        """
        ids = self._whole(self._encode([prompt])[0], None).ids
        return len(ids) - (bool(ids) and ids[-1] in self._special_ids)

    def __call__(self, texts: Sequence[str], contexts: Sequence[str] | None, max_tokens: int | None) -> TokenRows:
        """Token rows of ``texts`` [N], or of the pairs with ``contexts`` [N].

        ``max_tokens`` includes the special tokens; None: no limit. A pair is truncated on the context; the text
        itself only where it does not fit alone.

        Raises:
            ConfigError: the special tokens leave no room for text.
        """
        budget = self._room(max_tokens, pairs=contexts is not None)
        ids: list[list[int]] = []
        segments: list[list[int]] = []
        truncated = 0
        for start in range(0, len(texts), _CHUNK):
            firsts = self._encode(texts[start : start + _CHUNK])
            seconds = self._encode(contexts[start : start + _CHUNK]) if contexts is not None else [None] * len(firsts)
            for first, second in zip(firsts, seconds, strict=True):
                truncated += self._truncate(first, second, budget)
                whole = self._whole(first, second)
                ids.append(whole.ids)
                if second is not None and self._has_segments:
                    segments.append(whole.type_ids)
        offsets = np.zeros(len(ids) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in ids], out=offsets[1:])
        return TokenRows(
            _flat(ids, offsets[-1], np.int32),
            offsets,
            truncated,
            _flat(segments, offsets[-1], np.uint8) if segments else None,
        )

    def _room(self, max_tokens: int | None, *, pairs: bool) -> int:
        """Tokens that are left for texts."""
        if max_tokens is None:
            return sys.maxsize
        special = self.special_tokens(pairs=pairs)
        if max_tokens <= special:
            what = "a pair of texts" if pairs else "text"
            raise ConfigError(f"model: {max_tokens} tokens, but {special} special tokens leave no room for {what}")
        return max_tokens - special

    def _whole(self, first: Any, second: Any) -> Any:
        """One text, or a pair, with its special tokens."""
        return self._backend.post_process(first, second, self._special_tokens)

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        encodings: list[Any] = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return encodings

    def _truncate(self, first: Any, second: Any, budget: int) -> bool:
        total = len(first) + (len(second) if second is not None else 0)
        if total <= budget:
            return False
        first.truncate(budget, direction=self._direction)  # changes nothing where it is short enough
        if second is not None:
            second.truncate(budget - len(first), direction=self._direction)
        return True


def _flat(rows: list[list[int]], total: int, dtype: type[np.generic]) -> Any:
    return np.fromiter((item for row in rows for item in row), dtype=dtype, count=total)
