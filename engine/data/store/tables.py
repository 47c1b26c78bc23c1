"""Tables on disk: Arrow files, written row by row and memory-mapped, so that millions of passages take no memory.

Shapes: n entries of a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 16_384  # rows of a record batch, in every such file


class TableWriter:
    """Writes rows to a file, whole when it is closed; ``columns``: name -> "string", "int16", "int32" or "int64"."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        import pyarrow as pa

        types = {"string": pa.utf8(), "int16": pa.int16(), "int32": pa.int32(), "int64": pa.int64()}
        self._schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, self._schema)
        self._rows: list[tuple[Any, ...]] = []

    def append(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) == CHUNK:
            self._write()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._write()
        self._writer.close()
        self._file.close()

    def _write(self) -> None:
        import pyarrow as pa

        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
            self._rows.clear()


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
