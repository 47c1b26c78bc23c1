"""Encodes the texts of an evaluation on all ranks.

The rows are split into the very forward calls that one process would make, and the calls are dealt to the ranks: each
row is padded as it would be there. On equal devices with as many threads the vectors are therefore the same, bit for
bit, on any number of ranks.

Shapes: n texts, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.distributed.ranks import Order, TorchRanks
from engine.encoder import DualEncoder, TokenRows
from engine.encoder.encoder import Encoded
from engine.evaluation.vectors import Kind
from engine.progress import Tick


class SharedEncoder:
    """Rank 0's encoder with the help of the others; an Encoder of engine.evaluation.vectors."""

    def __init__(self, encoder: DualEncoder, ranks: TorchRanks) -> None:
        self._encoder, self._ranks = encoder, ranks

    @property
    def width(self) -> int:
        return self._encoder.width

    @property
    def is_normalized(self) -> bool:
        return self._encoder.is_normalized

    def encoding(self, kind: Kind, /) -> dict[str, Any]:
        return self._encoder.encoding(kind)

    def protocol(self) -> dict[str, Any]:
        return self._encoder.protocol()

    def digests(self) -> dict[str, str]:
        return self._encoder.digests()

    def encode_queries(self, texts: Sequence[str], tick: Tick | None = None, /) -> Encoded:
        """Texts [n] -> vectors [n, D].

        ``tick("encoding", done, total)`` may raise to abandon, which parts the ranks for good.
        """
        return self._encode(self._encoder.tokenize(texts, kind="query"), tick)

    def encode_passages(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None, tick: Tick | None = None, /
    ) -> Encoded:
        """The same for passages, each with its context where there are contexts [n]."""
        return self._encode(self._encoder.tokenize(texts, contexts, kind="passage"), tick)

    def _encode(self, rows: TokenRows, tick: Tick | None) -> Encoded:
        ranks = self._ranks
        ranks.give(Order.ENCODE, rows)

        def of_all_ranks(what: str, done: int, _total: int | None) -> None:
            if tick is not None:
                tick(what, min(len(rows), done * ranks.world), len(rows))

        ranks.astray = True
        vectors = encode_part(self._encoder, ranks, rows, of_all_ranks)
        ranks.astray = False
        if tick is not None:
            tick("encoding", len(rows), len(rows))
        return Encoded(vectors, rows.truncated)


def encode_part(
    encoder: DualEncoder, ranks: TorchRanks, rows: TokenRows, tick: Tick | None = None
) -> npt.NDArray[np.float32]:
    """Vectors [n, D] of the rows, whole on rank 0; every rank calls this with the same rows."""
    vectors = encoder.encode_rows(rows, tick, share=slice(ranks.rank, None, ranks.world))
    ranks.sum_at_first(vectors)  # a row is zero on all ranks but one
    return vectors
