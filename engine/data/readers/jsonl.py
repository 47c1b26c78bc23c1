"""A user's own parallel corpus: JSON Lines, one row a line.

Required keys: ``group``, ``language``, ``question``, ``passage``. Optional: ``passage_id`` (default: the group; the
prefix ``LANGUAGE:p:`` is added where it is missing), ``cluster`` (default: the group), ``source`` (a note on where the
row comes from; kept in the file only), ``negatives`` (a list of texts: hard negatives, in the row's language). Null
stands for what is missing, and ids may be whole numbers. Other keys are left unread, with a warning. Blank lines are
skipped. Rows with equal ``group`` are translations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.data.cache import file_identity
from engine.data.corpus import ParallelCorpus
from engine.data.lines import json_lines
from engine.data.store import corpora
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.progress import Tick


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file; null stands for what is missing, as pandas writes it."""

    group: str | int
    language: str
    question: str
    passage: str
    passage_id: str | int | None = None
    cluster: str | int | None = None
    negatives: tuple[str, ...] | None = None
    source: str | None = None


def passage_id(language: str, name: str) -> str:
    """``LANGUAGE:p:NAME``; a name that has the prefix already stays as it is."""
    prefix = f"{language}:p:"
    return name if name.startswith(prefix) else prefix + name


def jsonl_corpus(
    path: Path, languages: Sequence[str] = (), weight: float = 1.0, tick: Tick | None = None
) -> ParallelCorpus:
    """Reads the rows of ``languages`` (empty: all).

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``.
    """
    source = RowSource(str(path), f"jsonl {file_identity(path)}", lambda: _rows(path), lambda line: f"{path}:{line}")
    return collect(source, languages, weight, large=path.stat().st_size > corpora.LARGE_BYTES, tick=tick)


def _rows(path: Path) -> Iterator[SourceRow]:
    for number, row in json_lines(path, Row, own_keys=True):
        group = str(row.group)
        _check(row, group, f"{path}:{number}")
        yield SourceRow(
            number,
            group,
            row.language,
            row.question,
            row.passage,
            passage_id(row.language, _name(row.passage_id) or group),
            _name(row.cluster) or group,
            row.negatives or (),
        )


def _name(value: str | int | None) -> str:
    return "" if value is None else str(value)


def _check(row: Row, group: str, where: str) -> None:
    """
    Raises:
        ConfigError: a text is empty, or a language has a colon.
    """
    texts = {"group": group, "language": row.language, "question": row.question, "passage": row.passage}
    for field, text in texts.items():
        if not text.strip():
            raise ConfigError(f"{where}: {field}: expected a text that is not empty")
    if not all(text.strip() for text in row.negatives or ()):
        raise ConfigError(f"{where}: negatives: expected texts that are not empty")
    if ":" in row.language:
        raise ConfigError(f"{where}: language: expected a language code without a colon, got {row.language!r}")
