"""The dual encoder: one Hugging Face encoder, its pooling and its head, that embeds both queries and passages.

Shapes: N sequences, n those of one forward call, D width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.config import ConfigError
from engine.encoder.adapters import merged
from engine.encoder.compatibility import requirements
from engine.encoder.head import Head
from engine.encoder.layouts import (
    CPU_COST,
    CUDA_COST,
    CallCost,
    length_buckets,
    packed_vectors,
    padded_vectors,
    token_chunks,
)
from engine.encoder.memory import enable_gradient_checkpointing, is_out_of_memory, release_memory
from engine.encoder.packing import AttentionReport, attention_report, packed, positions_of
from engine.encoder.precision import Precision, arithmetic, autocast_type
from engine.encoder.saving import save_model_folder
from engine.encoder.static import StaticEmbedding
from engine.encoder.tokens import TextTokenizer, TokenRows
from engine.encoding_options import EncodingOptions, OptionSources, Origin, TaskPrompts, options_for_task
from engine.model_description import HeadModule, ModelDescription
from engine.progress import Tick

Kind = Literal["query", "passage"]
Call = npt.NDArray[np.int64]  # rows of one forward call
Encode = Callable[[TokenRows, Call], Iterator[tuple[Call, npt.NDArray[np.float32]]]]


@dataclass(frozen=True, slots=True)
class Encoded:
    """n texts as vectors of D dimensions, in the order they were given; see ``DualEncoder.is_normalized``."""

    vectors: npt.NDArray[np.float32]  # [n, D]
    truncated: int  # texts longer than the encoder's limit, out of n


class DualEncoder(nn.Module):
    """Queries and passages -> vectors, with shared parameters: tokens, encoder, pooling, head.

    The vectors are L2-normalised, unless the model compares them by their dot product as they are.

    Attributes:
        model: the transformers encoder, or a table of static embeddings; returns ``last_hidden_state``.
        hub_tokenizer: its fast tokenizer, as transformers saves and loads it.
        head: what follows the pooling.
        options: how texts become vectors; ``origins`` says whether config, model or default set each of them.
        prompts: all that the model declares, by name; saved with it.
        notes: what is unusual about how the model was loaded, a line each.
        revision: the commit of a model that was loaded from the hub.
        matryoshka_dimensions: widths at which training has made the first dimensions useful; saved with the model.
        precision: of the forward pass, in training and in encoding, as ``runtime.precision`` has it. Parameters,
            pooling and the normalisation are float32 always.
        layout: "auto" is "packed", without padding, wherever the model runs so and gives the same vectors, and else
            "padded", in buckets of similar length.
        compiled: whether the model runs through torch.compile.
        gradient_checkpointing: whether it keeps only the inputs of its layers for a backward pass in training.
        is_sharded: whether other processes hold parts of its weights. They all call it at once, so that ``embed`` makes
            one forward call, whatever the lengths.
    """

    def __init__(
        self, model: nn.Module, hub_tokenizer: Any, options: EncodingOptions, head: Sequence[HeadModule] | None = None
    ) -> None:
        """``head``: the modules after pooling, with random weights; None: unit vectors, as nothing is described.

        Raises:
            ConfigError: the head does not fit the model, or the lengths leave no room for text.
        """
        super().__init__()
        self.model = model
        self.hub_tokenizer = hub_tokenizer
        self.options = options
        self.origins: dict[str, Origin] = {}
        self.prompts: dict[str, str] = {}
        self.notes: tuple[str, ...] = ()
        self.revision: str | None = None
        hidden: int = model.config.hidden_size  # type: ignore[union-attr, assignment]
        specs = [HeadModule(kind="normalize")] if head is None else head
        self.head = Head(specs, hidden * len(options.pooling_modes))
        if options.truncate_dim is not None and options.truncate_dim > self.head.width:
            raise ConfigError(
                f"model.truncate_dim: {options.truncate_dim}, but this model's vectors have {self.head.width}"
            )
        self.matryoshka_dimensions: tuple[int, ...] = ()
        self.precision: Precision = "auto"
        self.layout: Literal["auto", "packed", "padded"] = "auto"
        self.compiled = False
        self.gradient_checkpointing = False
        self.is_sharded = False
        self._attention: AttentionReport | None = None
        self._attention_key: tuple[object, ...] = ()  # the layout, device and type that ``_attention`` is of
        self._static = isinstance(model, StaticEmbedding)
        self._tokenizer = TextTokenizer(hub_tokenizer, lower_case=options.lower_case, special_tokens=not self._static)
        # Attention never sees padding, so any token will do where the tokenizer has none for it.
        self._pad_id: int = hub_tokenizer.pad_token_id or 0
        self._first_position = positions_of(model).first
        self._prompt_tokens = {kind: self._check_room(kind) for kind in ("query", "passage")}

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
        return self.options.truncate_dim or self.head.width

    @property
    def is_normalized(self) -> bool:
        """Whether the vectors have unit length."""
        return self.options.similarity == "cosine" or (self.head.is_normalized and self.options.truncate_dim is None)

    @property
    def is_plain(self) -> bool:
        """Whether nothing but a normalisation stands between the encoder's pooled states and the vectors."""
        return not self._static and all(spec.kind == "normalize" for spec in self.head.specs)

    @property
    def unknown_id(self) -> int | None:
        """Of the token that stands for what the tokenizer does not know."""
        return self._tokenizer.unknown_id

    def module_names(self) -> str:
        """From text to vector, in words: "Transformer, cls pooling, Dense 768 Tanh, Normalize"."""
        modes = tuple(self.options.pooling_modes)
        body: Literal["static", "transformer"] = "static" if self._static else "transformer"
        return ModelDescription(body=body, pooling=modes, head=self.head.specs).module_names()

    def requirements(self) -> tuple[str, ...]:
        """What must be installed for a saved folder to give these vectors, a line each; often nothing unusual."""
        return requirements(self.model, self.head.specs, self.options)

    def tokenize(self, texts: Sequence[str], contexts: Sequence[str] | None = None, *, kind: Kind) -> TokenRows:
        """Texts [N] -> rows [N], prefix applied. With ``contexts``: pairs, truncated on the context."""
        prefix = self.options.prefix(kind)
        prefixed = [prefix + text for text in texts] if prefix else texts
        return self.skipping(self._tokenizer(prefixed, contexts, self.options.max_tokens(kind)), kind)

    def skipping(self, rows: TokenRows, kind: Kind) -> TokenRows:
        """``rows`` of texts of that kind, with the tokens of the prompt marked where they are not pooled."""
        if self.options.include_prompt or not self._prompt_tokens[kind]:
            return rows
        return replace(rows, skipped=np.broadcast_to(np.int32(self._prompt_tokens[kind]), len(rows)))

    @contextmanager
    def prompted(self, task: TaskPrompts) -> Iterator[None]:
        """Inside, texts are encoded with the prefixes that a benchmark puts before them.

        Raises:
            ConfigError: a prefix leaves no room for text.
        """
        before = self.options, self.origins, self._prompt_tokens
        self.options, self.origins = options_for_task(self.options, self.origins, self.prompts, task)
        try:
            self._prompt_tokens = {kind: self._check_room(kind) for kind in ("query", "passage")}
            yield
        finally:
            self.options, self.origins, self._prompt_tokens = before

    def protocol(self) -> dict[str, Any]:
        """How texts become vectors, and what set each option: the encoder's part of an EncodingProtocol."""
        names = [field.name for field in fields(self.options)]
        return {
            **{name: getattr(self.options, name) for name in names},
            "origins": self.origins,
            "modules": self.module_names(),
            "revision": self.revision,
            "precision": arithmetic(self.device, self.autocast),
            "tf32": torch.get_float32_matmul_precision() != "highest" if self.device.type == "cuda" else None,
            "attention": str(self.attention()),
        }

    def encoding(self, kind: Kind) -> dict[str, Any]:
        """All but weights and tokenizer that decides the vectors of texts of that kind, as a part of a cache's key."""
        options = self.options
        return {
            "kind": kind,
            "prefix": options.prefix(kind),
            "tokens": options.max_tokens(kind),
            "pooling": options.pooling,
            "include_prompt": options.include_prompt,
            "similarity": options.similarity,
            "truncate_dim": options.truncate_dim,
            "modules": self.module_names(),
            "precision": arithmetic(self.device, self.autocast),
            "attention": str(self.attention()),
            "device": self.device.type,
            "torch": str(torch.__version__),
        }

    def tokenization(self) -> dict[str, str | int | None]:
        """All that decides what ``tokenize`` returns, as a part of a cache's key."""
        options = self.options
        return {
            "tokenizer": self._tokenizer.digest(),
            "query_prefix": options.query_prefix,
            "passage_prefix": options.passage_prefix,
            "max_query_tokens": options.max_query_tokens,
            "max_passage_tokens": options.max_passage_tokens,
        }

    def _check_room(self, kind: Literal["query", "passage"]) -> int:
        """The number of tokens of the prompt of that kind of text.

        Raises:
            ConfigError: prompt and special tokens leave no room for text.
        """
        prefix, limit = self.options.prefix(kind), self.options.max_tokens(kind)
        special = self._tokenizer.special_tokens(pairs=False)
        prompt = self._tokenizer.prompt_tokens(prefix) if prefix else 0
        if limit is not None and limit <= max(special, prompt):
            what = f"{special} special token{'' if special == 1 else 's'}"
            what += f" and the prefix {prefix!r}" if prefix else ""
            raise ConfigError(f"model.max_{kind}_tokens: {limit}, but {what} leave no room for text")
        return prompt

    def why_padded(self) -> str | None:
        """What keeps sequences padded on this device and in this precision, on one line; None: they are packed.

        Raises:
            ConfigError: ``layout`` is "packed", and this model cannot.
        """
        return self.attention().why_padded

    def attention(self) -> AttentionReport:
        """What the model really attends through; raises as ``why_padded`` does."""
        key = (self.layout, self.device.type, self.autocast)
        if self._attention is None or key != self._attention_key:
            if self.layout == "padded":
                report = AttentionReport.padded(self.model, "runtime.layout is padded")
            elif self._static:
                report = AttentionReport("no attention")
            else:
                report = attention_report(self.model, self._pad_id, self.to_device, autocast=self.autocast)
            if report.why_padded is not None and self.layout == "packed":
                raise ConfigError(f"runtime.layout: {report.why_padded}")
            self._attention, self._attention_key = report, key
        return self._attention

    def compile_model(self) -> None:
        """From now on the model runs through torch.compile, for rows of any length."""
        self.why_padded()  # before, so that the trial of packed rows compiles nothing
        self.model.compile(dynamic=True)
        self.compiled = True

    def checkpoint_gradients(self) -> None:
        """From now on training takes less memory and computes more; a backward pass must run inside ``recomputing``.

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
        """A copy on the model's device, without waiting for it; on the CPU the array itself."""
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    def forward(self, rows: TokenRows) -> Tensor:
        """``embed``, for what wraps modules."""
        return self.embed(rows)

    def embed(self, rows: TokenRows) -> Tensor:
        """Rows [N] -> vectors [N, D] in float32, in the order of the rows; differentiable.

        A row without tokens, of an empty text and a tokenizer that adds none, has no vector: it is zero.
        """
        calls = self._one_call(rows) if self.is_sharded else self.calls(rows)
        if not calls:
            return torch.zeros(len(rows), self.width, device=self.device)
        with self._calling():  # around all calls: autocast casts the weights once
            vectors = torch.cat([self._embed_call(rows, call) for call in calls])
        order = np.concatenate(calls)
        if len(order) < len(rows):
            zeros = torch.zeros(len(rows), self.width, device=self.device)
            return zeros.index_copy(0, self.to_device(order), vectors)
        return vectors.index_select(0, self.to_device(np.argsort(order)))

    def encode_queries(self, texts: Sequence[str], tick: Tick | None = None) -> Encoded:
        """Texts [n] -> vectors [n, D], without gradients and without dropout.

        ``tick("encoding", done, total)`` is called after each chunk of texts, and may raise to abandon the work.
        """
        return self._encode(self.tokenize(texts, kind="query"), tick)

    def encode_passages(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None, tick: Tick | None = None
    ) -> Encoded:
        """The same for passages, each with its context where there are contexts [n]."""
        return self._encode(self.tokenize(texts, contexts, kind="passage"), tick)

    def save(self, folder: Path) -> None:
        """Writes a folder that ``load_encoder``, transformers and SentenceTransformer load with equal vectors.

        It has the modules that the model was loaded with.
        """
        with merged(self.model):
            save_model_folder(
                self.model, self.hub_tokenizer, self.head, self.options, folder,
                prompts=self.prompts, sources=OptionSources(origins=self.origins, revision=self.revision),
                matryoshka_dimensions=self.matryoshka_dimensions,
            )  # fmt: skip

    def digests(self) -> dict[str, str]:
        """SHA-256 of what decides the vectors: "model" (names, shapes, weights, the head's with its modules) and
        "tokenizer"."""
        weights = hashlib.sha256()
        with merged(self.model):
            tensors = dict(self.model.state_dict())
            tensors |= {f"head.{name}": tensor for name, tensor in self.head.state_dict().items()}
            for name, tensor in sorted(tensors.items()):
                weights.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
                weights.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        if any(spec.kind != "normalize" for spec in self.head.specs):
            weights.update(self.module_names().encode())
        return {
            "model": weights.hexdigest(),
            "tokenizer": hashlib.sha256(self._tokenizer.to_json().encode()).hexdigest(),
        }

    def _encode(self, rows: TokenRows, tick: Tick | None) -> Encoded:
        return Encoded(self.encode_rows(rows, tick), rows.truncated)

    def encode_rows(self, rows: TokenRows, tick: Tick | None = None) -> npt.NDArray[np.float32]:
        """Rows [n] -> vectors [n, D] as ``encode_queries`` gives them."""
        vectors = np.zeros((len(rows), self.width), dtype=np.float32)
        done = int(np.count_nonzero(rows.lengths == 0))
        with self.encoding_calls() as encode:
            # The longest first: memory that is too small shows at once, and the time left is never underrated.
            for call in reversed(self.calls(rows)):
                for part, encoded in encode(rows, call):
                    vectors[part] = encoded
                    done += len(part)
                    if tick is not None:
                        tick("encoding", done, len(rows))
        return vectors

    @contextmanager
    def encoding_calls(self) -> Iterator[Encode]:
        """Yields what encodes one of the ``calls``, without gradients and without dropout; it may have to split it."""
        was_training = self.training
        self.eval()
        # Weights that are gathered in inference mode could not be trained.
        without_gradients = torch.no_grad() if self.is_sharded else torch.inference_mode()
        try:
            with without_gradients, self._calling():
                yield self._encode_call
        finally:
            self.train(was_training)

    def _encode_call(self, rows: TokenRows, call: Call) -> Iterator[tuple[Call, npt.NDArray[np.float32]]]:
        """The rows of each part of the call, and their vectors; more than one where memory runs out."""
        parts = [call]
        while parts:
            part = parts.pop()
            try:
                vectors = self._embed_call(rows, part).cpu().numpy()
            except RuntimeError as error:
                if len(part) == 1 or self.is_sharded or not is_out_of_memory(error):
                    raise
            else:
                yield part, vectors
                continue
            release_memory()
            parts += np.array_split(part, 2)

    def calls(self, rows: TokenRows) -> list[Call]:
        """The rows of each forward call, in order of length; rows without tokens are in none."""
        cost = CUDA_COST if self.device.type == "cuda" else CPU_COST
        lengths = rows.lengths
        if lengths.all():
            return self._split(lengths, cost)
        with_tokens = np.flatnonzero(lengths)
        return [with_tokens[call] for call in self._split(lengths[with_tokens], cost)]

    def _one_call(self, rows: TokenRows) -> list[Call]:
        order = np.argsort(rows.lengths, kind="stable")
        return [order[np.count_nonzero(rows.lengths == 0) :]]

    def _split(self, lengths: npt.NDArray[np.int64], cost: CallCost) -> list[npt.NDArray[np.int64]]:
        if self.why_padded() is None:
            return token_chunks(lengths, cost.budget)
        return length_buckets(lengths, cost.budget, cost.call)

    def _embed_call(self, rows: TokenRows, call: Call) -> Tensor:
        """The given rows [n] -> vectors [n, D], through one forward call."""
        part, modes = rows.take(call), self.options.pooling_modes
        if self.why_padded() is None:
            pooled = packed_vectors(self.model, part, modes, self._first_position, self.to_device)
        else:
            pooled = padded_vectors(self.model, part, modes, self._pad_id, self.to_device)
        with torch.autocast(self.device.type, enabled=False):  # a few products in float32 cost nothing
            vectors: Tensor = self.head(pooled)
        if self.options.truncate_dim is not None:
            vectors = vectors[:, : self.options.truncate_dim]
        elif self.head.is_normalized:
            return vectors
        return nn.functional.normalize(vectors, dim=-1) if self.options.similarity == "cosine" else vectors

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
