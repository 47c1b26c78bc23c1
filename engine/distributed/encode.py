"""Encodes texts on all ranks, for rank 0.

The rows are split into the very forward calls that one process would make, and the calls are dealt to the ranks: each
row is padded as it would be there. On equal devices with as many threads the vectors are therefore the same, bit for
bit, on any number of ranks.

Shapes: n texts, D width, W ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from engine.distributed.control import Action, lost_ranks
from engine.distributed.mesh import Mesh
from engine.encoder import DualEncoder, TokenRows
from engine.encoder.encoder import Encoded
from engine.encoding_options import TaskPrompts
from engine.evaluation.vectors import Kind
from engine.progress import Tick
from engine.runs.errors import EndOfAttempt, Fatal, RankLost

CarryOut = Callable[[Action, int], object]
_ABANDON = 1  # with GO, after a turn


class SharedEncoder:
    """Rank 0's encoder with the help of the others, who call ``help_encoding`` when they are told to.

    An Encoder of engine.evaluation.vectors.
    """

    def __init__(self, encoder: DualEncoder, mesh: Mesh) -> None:
        self._encoder, self._mesh = encoder, mesh

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

    @contextmanager
    def prompted(self, task: TaskPrompts, /) -> Iterator[None]:
        with self._encoder.prompted(task):  # the others are sent tokens, not texts
            yield

    def digests(self) -> dict[str, str]:
        with self._mesh.sharing.whole(self._encoder):
            return self._encoder.digests()

    def encode_queries(self, texts: Sequence[str], tick: Tick | None = None, /) -> Encoded:
        """Texts [n] -> vectors [n, D]; ``tick("encoding", done, total)`` may raise to abandon."""
        rows = self._encoder.tokenize(texts, kind="query")
        return Encoded(self.encode_rows(rows, tick), rows.truncated)

    def encode_passages(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None, tick: Tick | None = None, /
    ) -> Encoded:
        """The same for passages, each with its context where there are contexts [n]."""
        rows = self._encoder.tokenize(texts, contexts, kind="passage")
        return Encoded(self.encode_rows(rows, tick), rows.truncated)

    def encode_rows(self, rows: TokenRows, tick: Tick | None = None) -> npt.NDArray[np.float32]:
        """Rows [n] -> vectors [n, D]."""
        self._mesh.control.tell(Action.ENCODE)
        self._mesh.control.send(rows)  # arrays of numbers, not texts
        vectors = encode_dealt(self._encoder, self._mesh, rows, tick)
        assert vectors is not None
        return vectors

    def to_device(self, array: npt.NDArray[Any]) -> Tensor:
        return self._encoder.to_device(array)


def help_encoding(encoder: DualEncoder, mesh: Mesh, carry_out: CarryOut) -> None:
    """The others' part in ``SharedEncoder.encode_rows``; ``carry_out``: what rank 0 may need in between."""
    encode_dealt(encoder, mesh, mesh.control.receive(), carry_out=carry_out)


def encode_dealt(
    encoder: DualEncoder,
    mesh: Mesh,
    rows: TokenRows,
    tick: Tick | None = None,
    carry_out: CarryOut | None = None,
) -> npt.NDArray[np.float32] | None:
    """Vectors [n, D] on rank 0, None on the others; every rank calls this with the same rows.

    After each turn, in which every rank makes one call, rank 0 says whether to go on.
    """
    calls = encoder.calls(rows)[::-1]  # the longest first, as ``DualEncoder.encode_rows`` has them
    turns = [calls[start : start + mesh.world] for start in range(0, len(calls), mesh.world)]
    vectors = np.zeros((len(rows), encoder.width), np.float32)
    done = int(np.count_nonzero(rows.lengths == 0))
    with encoder.encoding_calls() as encode:
        for turn in turns:
            done += sum(map(len, turn))
            with _told_of_failure(mesh):
                with _fatal_if(encoder.is_sharded):
                    # Where weights are sharded the others need this rank's part of them, also when it has no call.
                    if mesh.rank < len(turn) or encoder.is_sharded:
                        for part, encoded in encode(rows, turn[mesh.rank % len(turn)]):
                            vectors[part] = encoded
                if mesh.rank == 0 and tick is not None:
                    tick("encoding", done, len(rows))
            if not _goes_on(mesh, carry_out):
                return None
    return _collected(mesh, vectors, calls)


@contextmanager
def _told_of_failure(mesh: Mesh) -> Iterator[None]:
    """Around rank 0's part of a turn: the others do not go on waiting for what it gives up."""
    try:
        yield
    except (Fatal, RankLost):
        raise
    except Exception:
        if mesh.rank == 0:
            mesh.control.tell(Action.GO, _ABANDON)
        raise


@contextmanager
def _fatal_if(is_sharded: bool) -> Iterator[None]:
    """Around a call that, with sharded weights, the others would wait for."""
    try:
        with lost_ranks():
            yield
    except Exception as error:
        if is_sharded and not isinstance(error, EndOfAttempt):
            raise Fatal from error
        raise


def _goes_on(mesh: Mesh, carry_out: CarryOut | None) -> bool:
    if carry_out is None:
        mesh.control.tell(Action.GO)
        return True
    while True:
        action, argument = mesh.control.listen()
        if action is Action.GO:
            return argument != _ABANDON
        carry_out(action, argument)


def _collected(
    mesh: Mesh, vectors: npt.NDArray[np.float32], calls: Sequence[npt.NDArray[np.int64]]
) -> npt.NDArray[np.float32] | None:
    """On rank 0 all rows of ``vectors`` [n, D]: those of rank r are of every W-th call from the r-th."""
    rows_of = [np.concatenate([*calls[rank :: mesh.world], np.empty(0, np.int64)]) for rank in range(mesh.world)]
    most = max(map(len, rows_of))
    own = torch.zeros(most, vectors.shape[1])
    own[: len(rows_of[mesh.rank])] = torch.from_numpy(vectors[rows_of[mesh.rank]])
    parts = [torch.empty_like(own) for _ in rows_of] if mesh.rank == 0 else None
    with lost_ranks():
        dist.gather(own, parts, dst=0, group=mesh.hosts)
    if parts is None:
        return None
    for rows, part in zip(rows_of, parts, strict=True):
        vectors[rows] = part[: len(rows)].numpy()
    return vectors
