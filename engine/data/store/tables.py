"""Columns of text that lie on disk: Arrow files, memory-mapped, so that millions of passages take no memory.

Shapes: n entries of a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 16_384  # rows of a record batch, in every file that this module reads


def read_table(path: Path) -> pa.Table:
    """The columns of an Arrow file as views of the file: pages come in when they are read, and may leave again."""
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


class TextColumn(Sequence[str]):
    """A string column of such a file; its record batches have CHUNK rows each, but for the last."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._chunks = column.chunks
        self._length = len(column)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return self.take(np.arange(*index.indices(self._length)))
        position = range(self._length)[index]
        text: str = self._chunks[position // CHUNK][position % CHUNK].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            yield from chunk.to_pylist()

    def take(self, indices: npt.NDArray[np.int64]) -> list[str]:
        """The entries at ``indices`` [n], in their order; reads each record batch once."""
        import pyarrow as pa

        order = np.argsort(indices // CHUNK, kind="stable")
        chunk_of = indices[order] // CHUNK
        texts: list[str] = []
        for part in np.split(order, np.flatnonzero(np.diff(chunk_of)) + 1):
            if len(part):
                texts += self._chunks[indices[part[0]] // CHUNK].take(pa.array(indices[part] % CHUNK)).to_pylist()
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return [texts[place] for place in back]


def take(column: Sequence[str], indices: npt.NDArray[np.int64]) -> list[str]:
    """Entries of any column, on disk or in memory, at ``indices`` [n]."""
    if isinstance(column, TextColumn):
        return column.take(indices)
    return [column[index] for index in indices.tolist()]
