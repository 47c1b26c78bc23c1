"""Texts -> token rows, through the fast tokenizer of any Hugging Face model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tokenizers

from engine.encoder.tokens import TokenRows

_CHUNK = 8192  # texts tokenised at a time: bounds the memory that the library's encodings take


class TextTokenizer:
    """Tokenises with the model's own rules, and truncates where this project says.

    A text is ``[CLS] text [SEP]``, a pair ``[CLS] text [SEP] context [SEP]``, or whatever the model's
    post-processor makes of them.
    """

    def __init__(self, hub_tokenizer: Any) -> None:
        """``hub_tokenizer``: a fast tokenizer of transformers; it is not changed."""
        # A copy without truncation and padding: both are state of the library's object, not of a call.
        self._backend = tokenizers.Tokenizer.from_str(hub_tokenizer.backend_tokenizer.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        self._direction = hub_tokenizer.truncation_side
        self._has_segments = "token_type_ids" in hub_tokenizer.model_input_names

    def to_json(self) -> str:
        """The tokenizer as the library's own JSON."""
        text: str = self._backend.to_str()
        return text

    def digest(self) -> str:
        """SHA-256 of all that decides the rows, but for ``max_tokens``."""
        rules = f"{self._direction} {self._has_segments}\n{self.to_json()}"
        return hashlib.sha256(rules.encode()).hexdigest()

    def __call__(self, texts: Sequence[str], contexts: Sequence[str] | None, max_tokens: int) -> TokenRows:
        """Token rows of ``texts`` [N], or of the pairs with ``contexts`` [N].

        ``max_tokens`` includes the special tokens. A pair is truncated on the context; the text itself only
        where it does not fit alone.
        """
        budget = max_tokens - self._backend.num_special_tokens_to_add(contexts is not None)
        ids: list[list[int]] = []
        segments: list[list[int]] = []
        truncated = 0
        for start in range(0, len(texts), _CHUNK):
            firsts = self._encode(texts[start : start + _CHUNK])
            seconds = self._encode(contexts[start : start + _CHUNK]) if contexts is not None else [None] * len(firsts)
            for first, second in zip(firsts, seconds, strict=True):
                truncated += self._truncate(first, second, budget)
                whole = self._backend.post_process(first, second)
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

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        encodings: list[Any] = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return encodings

    def _truncate(self, first: Any, second: Any, budget: int) -> bool:
        wanted = len(first) + (len(second) if second is not None else 0)
        if wanted <= budget:
            return False
        first.truncate(budget, direction=self._direction)  # changes nothing where it is short enough
        if second is not None:
            second.truncate(budget - len(first), direction=self._direction)
        return True


def _flat(rows: list[list[int]], total: int, dtype: type[np.generic]) -> Any:
    return np.fromiter((item for row in rows for item in row), dtype=dtype, count=total)
