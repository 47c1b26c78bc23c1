"""The dual encoder: one Hugging Face encoder that embeds both queries and passages.

Shapes: N sequences, n those of one forward call, D width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.config import ConfigError
from engine.encoder.adapters import merged
from engine.encoder.buckets import length_buckets, token_chunks
from engine.encoder.encoded import Encoded
from engine.encoder.gradient_checkpointing import enable_gradient_checkpointing
from engine.encoder.layouts import packed_vectors, padded_vectors
from engine.encoder.memory import is_out_of_memory, release_memory
from engine.encoder.options import EncodingOptions
from engine.encoder.packing import packed, why_padded
from engine.encoder.positions import positions_of
from engine.encoder.precision import Precision, autocast_type
from engine.encoder.saving import save_model_folder
from engine.encoder.tokenization import TextTokenizer
from engine.encoder.tokens import TokenRows

Kind = Literal["query", "passage"]
Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CallCost:
    """How rows are split into forward calls; both in tokens, padding included."""

    budget: int  # most of one forward call
    call: int  # what a forward call costs beside its tokens; decides where rows are padded


# Measured: on a CPU small matrices stay in its caches and a call costs little; a GPU wants few large calls.
CPU_COST = CallCost(budget=4096, call=64)
CUDA_COST = CallCost(budget=65536, call=4096)


class DualEncoder(nn.Module):
    """Queries and passages -> L2-normalised vectors, with shared parameters.

    Attributes:
        model: the transformers encoder; returns ``last_hidden_state``.
        hub_tokenizer: its fast tokenizer, as transformers saves and loads it.
        matryoshka_dimensions: widths at which training has made the first dimensions useful; saved with the model.
        precision: of the forward pass, in training and in encoding, as ``runtime.precision`` has it. Parameters,
            pooling and the normalisation are float32 always.
        layout: "auto" is "packed", without padding, wherever the model runs so and gives the same vectors, and else
            "padded", in buckets of similar length.
        compiled: whether the model runs through torch.compile.
        gradient_checkpointing: whether it keeps only the inputs of its layers for a backward pass in training.
    """

    def __init__(self, model: nn.Module, hub_tokenizer: Any, options: EncodingOptions) -> None:
        super().__init__()
        self.model = model
        self.hub_tokenizer = hub_tokenizer
        self.options = options
        self.matryoshka_dimensions: tuple[int, ...] = ()
        self.precision: Precision = "auto"
        self.layout: Literal["auto", "packed", "padded"] = "auto"
        self.compiled = False
        self.gradient_checkpointing = False
        self._why_padded: str | None = None
        self._tried: tuple[object, ...] = ()  # what ``_why_padded`` is true of
        self._tokenizer = TextTokenizer(hub_tokenizer)
        self._pad_id: int = hub_tokenizer.pad_token_id
        self._first_position = positions_of(model).first

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def autocast(self) -> torch.dtype | None:
        """The type that matrix products are computed in where the model is now; None: float32.

        Raises:
            ConfigError: ``precision`` is bfloat16, and this GPU has none.
        """
        return autocast_type(self.device, self.precision)

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

    def why_padded(self) -> str | None:
        """What keeps sequences padded on this device and in this precision, on one line; None: they are packed.

        Raises:
            ConfigError: ``layout`` is "packed", and this model cannot.
        """
        tried = (self.layout, self.device.type, self.autocast)
        if tried != self._tried:
            reason: str | None = "runtime.layout is padded"
            if self.layout != "padded":
                reason = why_padded(self.model, self._pad_id, self.to_device, autocast=self.autocast)
            if reason is not None and self.layout == "packed":
                raise ConfigError(f"runtime.layout: {reason}")
            self._why_padded, self._tried = reason, tried
        return self._why_padded

    def compile_model(self) -> None:
        """From here on the model runs through torch.compile, with lengths that are free to change."""
        self.why_padded()  # settled before: trying compiles nothing
        self.model.compile(dynamic=True)
        self.compiled = True

    def checkpoint_gradients(self) -> None:
        """From here on training takes less memory and computes more; a backward pass goes into ``recomputing``.

        Raises:
            ConfigError: this model cannot.
        """
        enable_gradient_checkpointing(self.model)
        self.gradient_checkpointing = True

    @contextmanager
    def recomputing(self) -> Iterator[None]:
        """Inside, a backward pass may call the model's layers again: they take rows as they did before."""
        again = self.gradient_checkpointing and self.why_padded() is None
        with packed(self.model) if again else nullcontext():
            yield

    def to_device(self, array: npt.NDArray[Any]) -> Tensor:
        """A copy on the model's device, which nothing waits for; on the CPU the array itself."""
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    def embed(self, rows: TokenRows) -> Tensor:
        """Rows [N] -> unit vectors [N, D] in float32, in the order of the rows; differentiable."""
        calls = self._calls(rows)
        with self._calling():  # around all calls: autocast casts the weights once
            vectors = torch.cat([self._embed_call(rows, call) for call in calls])
        return vectors.index_select(0, self.to_device(np.argsort(np.concatenate(calls))))

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
            with self._calling():
                # The longest first: memory that is too small shows at once, and the time left is never underrated.
                calls = self._calls(rows)[::-1][share][::-1]
                while calls:
                    call = calls.pop()
                    if not self._encode_call(rows, call, vectors):
                        calls += np.array_split(call, 2)
                        continue
                    done += len(call)
                    if tick is not None:
                        tick(done, len(rows))
        finally:
            self.train(was_training)
        return vectors

    def _encode_call(self, rows: TokenRows, call: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> bool:
        """Fills in the vectors of one call; false: there was no memory for so many rows at once."""
        try:
            vectors[call] = self._embed_call(rows, call).cpu().numpy()
        except RuntimeError as error:
            if len(call) == 1 or not is_out_of_memory(error):
                raise
        else:
            return True
        release_memory()
        return False

    def _calls(self, rows: TokenRows) -> list[npt.NDArray[np.int64]]:
        """The rows of each forward call, in order of length."""
        cost = CUDA_COST if self.device.type == "cuda" else CPU_COST
        if self.why_padded() is None:
            return token_chunks(rows.lengths, cost.budget)
        return length_buckets(rows.lengths, cost.budget, cost.call)

    def _embed_call(self, rows: TokenRows, call: npt.NDArray[np.int64]) -> Tensor:
        """The given rows [n] -> unit vectors [n, D], through one forward call."""
        part, pooling = rows.take(call), (self.options.pooling,)
        if self._why_padded is None:
            pooled = packed_vectors(self.model, part, pooling, self._first_position, self.to_device)
        else:
            pooled = padded_vectors(self.model, part, pooling, self._pad_id, self.to_device)
        return nn.functional.normalize(pooled, dim=-1)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Inside, the model takes rows as ``layout`` has them; outside it is as transformers made it."""
        with ExitStack() as stack:
            stack.enter_context(
                torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None)
            )
            if self.why_padded() is None:
                stack.enter_context(packed(self.model))
            yield
