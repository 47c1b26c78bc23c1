"""The dual encoder: one Hugging Face encoder that embeds both queries and passages.

Shapes: N sequences, n those of one length bucket, L length of a bucket's longest one, D width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.encoder.adapters import merged
from engine.encoder.buckets import length_buckets
from engine.encoder.encoded import Encoded
from engine.encoder.options import EncodingOptions
from engine.encoder.saving import save_model_folder
from engine.encoder.tokenization import TextTokenizer
from engine.encoder.tokens import TokenRows

Kind = Literal["query", "passage"]
Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BucketCost:
    """How ``embed`` splits its rows; both in padded tokens."""

    budget: int  # most of one forward call
    call: int  # what a forward call costs beside its tokens


# Measured: on a CPU small matrices stay in its caches and a call costs little; a GPU wants few large calls.
CPU_COST = BucketCost(budget=4096, call=64)
CUDA_COST = BucketCost(budget=65536, call=4096)


class DualEncoder(nn.Module):
    """Queries and passages -> L2-normalised vectors, with shared parameters.

    Attributes:
        model: the transformers encoder; returns ``last_hidden_state``.
        hub_tokenizer: its fast tokenizer, as transformers saves and loads it.
        matryoshka_dimensions: widths at which training has made the first dimensions useful; saved with the model.
        precision: of the forward pass, in training and in encoding: "auto" is bfloat16 autocast on CUDA and
            float32 elsewhere. Parameters, pooling and the normalisation are float32 always.
    """

    def __init__(self, model: nn.Module, hub_tokenizer: Any, options: EncodingOptions) -> None:
        super().__init__()
        self.model = model
        self.hub_tokenizer = hub_tokenizer
        self.options = options
        self.matryoshka_dimensions: tuple[int, ...] = ()
        self.precision: Literal["auto", "float32", "bfloat16"] = "auto"
        self._tokenizer = TextTokenizer(hub_tokenizer)
        self._pad_id: int = hub_tokenizer.pad_token_id

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def width(self) -> int:
        """D."""
        width: int = self.model.config.hidden_size  # type: ignore[union-attr, assignment]
        return width

    def tokenize(self, texts: Sequence[str], contexts: Sequence[str] | None = None, *, kind: Kind) -> TokenRows:
        """Texts [N] -> rows [N], prefix applied. With ``contexts``: pairs, truncated on the context."""
        options = self.options
        prefix, limit = (
            (options.query_prefix, options.max_query_tokens)
            if kind == "query"
            else (options.passage_prefix, options.max_passage_tokens)
        )
        return self._tokenizer([prefix + text for text in texts] if prefix else texts, contexts, limit)

    def tokenization(self) -> dict[str, str | int]:
        """All that decides what ``tokenize`` returns, as a part of a cache's key."""
        options = self.options
        return {
            "tokenizer": self._tokenizer.digest(),
            "query_prefix": options.query_prefix,
            "passage_prefix": options.passage_prefix,
            "max_query_tokens": options.max_query_tokens,
            "max_passage_tokens": options.max_passage_tokens,
        }

    def embed(self, rows: TokenRows) -> Tensor:
        """Rows [N] -> unit vectors [N, D] in float32, in the order of the rows; differentiable."""
        buckets = self._buckets(rows)
        with self._autocast():  # around all buckets: it casts the weights once
            vectors = torch.cat([self._embed_bucket(rows, bucket) for bucket in buckets])
        order = torch.from_numpy(np.argsort(np.concatenate(buckets)))
        return vectors.index_select(0, order.to(self.device, non_blocking=True))

    def encode_queries(self, texts: Sequence[str], tick: Tick | None = None) -> Encoded:
        """Texts [n] -> vectors [n, D], without gradients and without dropout.

        ``tick(done, total)`` is called after each chunk of texts, and may raise to abandon the work.
        """
        return self._encode(self.tokenize(texts, kind="query"), tick)

    def encode_passages(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None, tick: Tick | None = None
    ) -> Encoded:
        """The same for passages, each with its context where there are contexts [n]."""
        return self._encode(self.tokenize(texts, contexts, kind="passage"), tick)

    def save(self, folder: Path) -> None:
        """Writes a folder that ``load_encoder``, transformers and SentenceTransformer load with equal vectors."""
        with merged(self.model):
            save_model_folder(self.model, self.hub_tokenizer, self.options, folder, self.matryoshka_dimensions)

    def digests(self) -> dict[str, str]:
        """SHA-256 of what decides the vectors: "model" (names, shapes, weights) and "tokenizer"."""
        weights = hashlib.sha256()
        with merged(self.model):
            for name, tensor in sorted(self.model.state_dict().items()):
                weights.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
                weights.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return {
            "model": weights.hexdigest(),
            "tokenizer": hashlib.sha256(self._tokenizer.to_json().encode()).hexdigest(),
        }

    def _encode(self, rows: TokenRows, tick: Tick | None) -> Encoded:
        return Encoded(self.encode_rows(rows, tick), rows.truncated)

    @torch.inference_mode()
    def encode_rows(
        self, rows: TokenRows, tick: Tick | None = None, share: slice = slice(None)
    ) -> npt.NDArray[np.float32]:
        """Rows [n] -> vectors [n, D] as ``encode_queries`` gives them.

        ``share``: only these of the forward calls, in their order; all other rows are zero.
        """
        vectors = np.zeros((len(rows), self.width), dtype=np.float32)
        done, was_training = 0, self.training
        self.eval()
        try:
            with self._autocast():
                # The longest first: memory that is too small shows at once, and the time left is never underrated.
                for bucket in self._buckets(rows)[::-1][share]:
                    vectors[bucket] = self._embed_bucket(rows, bucket).cpu().numpy()
                    done += len(bucket)
                    if tick is not None:
                        tick(done, len(rows))
        finally:
            self.train(was_training)
        return vectors

    def _buckets(self, rows: TokenRows) -> list[npt.NDArray[np.int64]]:
        cost = CUDA_COST if self.device.type == "cuda" else CPU_COST
        return length_buckets(rows.lengths, cost.budget, cost.call)

    def _embed_bucket(self, rows: TokenRows, bucket: npt.NDArray[np.int64]) -> Tensor:
        """The given rows [n] -> unit vectors [n, D], through one padded forward call."""
        part = rows.take(bucket)
        lengths = part.lengths
        inside = np.arange(lengths.max())[None, :] < lengths[:, None]  # [n, L]
        ids = np.full(inside.shape, self._pad_id, dtype=np.int64)
        ids[inside] = part.ids
        inputs = {"input_ids": self._to_device(ids)}
        if part.segments is not None:
            segments = np.zeros(inside.shape, dtype=np.int64)
            segments[inside] = part.segments
            inputs["token_type_ids"] = self._to_device(segments)
        # Known here, on the host: without padding the model may take its attention path without a mask.
        mask = None if inside.all() else self._to_device(inside.astype(np.int64))
        hidden = self.model(**inputs, attention_mask=mask).last_hidden_state.float()  # [n, L, D]
        return nn.functional.normalize(self._pool(hidden, mask), dim=-1)

    def _autocast(self) -> AbstractContextManager[None]:
        reduced = self.precision == "bfloat16" or (self.precision == "auto" and self.device.type == "cuda")
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _pool(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """[n, L, D], [n, L] -> [n, D]."""
        if self.options.pooling == "cls":
            return hidden[:, 0]
        if mask is None:
            return hidden.mean(dim=1)
        weights = mask.unsqueeze(-1).to(hidden.dtype)  # [n, L, 1]
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

    def _to_device(self, array: npt.NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor
