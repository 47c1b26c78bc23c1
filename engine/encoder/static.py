"""Static embeddings: a table of token vectors that are averaged, SentenceTransformers' StaticEmbedding.

It is an encoder without layers, so that everything that packs, pools, trains and saves encoders works on it.

Shapes: T tokens, V tokens of the vocabulary, D width.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tokenizers
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast
from transformers.modeling_outputs import BaseModelOutput

from engine.config import ConfigError
from engine.encoder.tensor_files import save_file
from engine.encoder.weights import file_fault
from engine.model_description import Files

WEIGHTS = "model.safetensors"


class StaticEmbedding(nn.Module):
    """Token ids -> their rows of the table, with the interface of a transformers encoder."""

    _supports_attention_backend = True  # without attention, packed rows are as good as padded ones

    def __init__(self, table: Tensor) -> None:
        """``table`` [V, D]."""
        super().__init__()
        self.embedding = nn.Embedding(table.shape[0], table.shape[1], _weight=table.float().clone())
        self.config: Any = SimpleNamespace(
            hidden_size=table.shape[1], vocab_size=table.shape[0], num_hidden_layers=0, _attn_implementation="none"
        )

    def forward(self, input_ids: Tensor, **_: Any) -> BaseModelOutput:
        """[n, L] -> last_hidden_state [n, L, D]."""
        return BaseModelOutput(last_hidden_state=self.embedding(input_ids))

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def set_attn_implementation(self, _: str) -> None:
        """Does nothing: there is no attention."""

    def save_pretrained(self, folder: Path) -> None:
        save_file(
            {"embedding.weight": self.embedding.weight.detach().cpu().contiguous()},
            folder / WEIGHTS,
            metadata={"format": "pt"},
        )

    def load_weights(self, folder: Path) -> None:
        """Those that ``save_pretrained`` wrote."""
        self.load_state_dict(load_file(folder / WEIGHTS))


def load_static(path: str, files: Files) -> tuple[StaticEmbedding, PreTrainedTokenizerFast]:
    """The table and its tokenizer, from the folder ``path`` of a model.

    Raises:
        ConfigError: a file is missing or damaged; names it.
    """
    prefix = f"{path}/" if path else ""
    paths = {name: files(prefix + name) for name in (WEIGHTS, "tokenizer.json")}
    for name, file in paths.items():
        if file is None:
            raise ConfigError(f"model.name: a StaticEmbedding without {prefix}{name}")
        if fault := file_fault(file):
            raise ConfigError(f"model.name: cannot load a StaticEmbedding: {fault}")
    weights, rules = paths[WEIGHTS], paths["tokenizer.json"]
    try:
        tensors = load_file(str(weights))
        backend = tokenizers.Tokenizer.from_file(str(rules))
    except Exception as error:  # tokenizers raises nothing narrower
        raise ConfigError(f"model.name: cannot load a StaticEmbedding: {' '.join(str(error).split())}") from error
    table = tensors["embedding.weight"] if "embedding.weight" in tensors else _model2vec_table(tensors)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=["input_ids", "attention_mask"])
    return StaticEmbedding(table), tokenizer


def _model2vec_table(tensors: dict[str, Tensor]) -> Tensor:
    """One row a token, from the layout of model2vec: rows, the row of each token, and the weight of each token."""
    if "embeddings" not in tensors:
        raise ConfigError("model.name: a StaticEmbedding whose weights have no embedding.weight")
    table = tensors["embeddings"]
    if "mapping" in tensors:
        table = table[tensors["mapping"].to(torch.long)]
    if "weights" in tensors:
        table = table.float() * tensors["weights"].float()[:, None]
    return table
