"""A user's own parallel corpus: JSON Lines, one row a line.

Required keys: ``group``, ``language``, ``question``, ``passage``. Optional: ``passage_id`` (default: the group; the
prefix ``LANGUAGE:p:`` is added where it is missing), ``cluster`` (default: the group), ``source`` (a note on where the
row comes from; kept in the file only), ``negatives`` (a list of texts: hard negatives, in the row's language). Null
stands for what is missing, and ids may be whole numbers. Other keys are left unread, with a warning. Blank lines are
skipped. Rows with equal ``group`` are translations.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from engine.config import ConfigError
from engine.data.cache import file_identity
from engine.data.corpus import ParallelCorpus
from engine.data.lines import json_lines, json_values
from engine.data.readers.mapping import check_columns, mapped
from engine.data.store import corpora
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.progress import Tick

logger = logging.getLogger(__name__)


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
    path: Path,
    languages: Sequence[str] = (),
    weight: float = 1.0,
    tick: Tick | None = None,
    columns: Mapping[str, str] | None = None,
) -> ParallelCorpus:
    """Reads the rows of ``languages`` (empty: all).

    Args:
        columns: of a file with other fields, where ours are in it, see ``engine.data.readers.mapping``. Rows without a
            question or a passage, and repeats of a group in one language, are then left out and counted in a warning;
            the language comes from its column, or is the only one of ``languages``.

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``.
    """
    identity = f"jsonl {file_identity(path)}"
    if columns:
        check_columns(columns, str(path))
        if "language" not in columns and len(languages) != 1:
            raise ConfigError(f"{path}: languages: expected one, or columns.language, to know that of the rows")
        identity = f"{identity} {sorted(columns.items())} {'' if 'language' in columns else languages[0]}"

    def rows() -> Iterator[SourceRow]:
        return _mapped_rows(path, columns, languages) if columns else _rows(path)

    source = RowSource(str(path), identity, rows, lambda line: f"{path}:{line}")
    large = path.stat().st_size > corpora.LARGE_BYTES
    return collect(source, languages, weight, large=large, drop_repeats=bool(columns), tick=tick)


def _mapped_rows(path: Path, columns: Mapping[str, str], languages: Sequence[str]) -> Iterator[SourceRow]:
    empty = 0
    for number, content in json_values(path):
        row = mapped(content, columns, f"{path}:{number}")
        question, passage = row["question"], row["passage"]
        if not question.strip() or not passage.strip():
            empty += 1
            continue
        language = row["language"] if "language" in columns else languages[0]
        if not language or ":" in language:
            raise ConfigError(f"{path}:{number}: language: expected a code without a colon, got {language!r}")
        group = row.get("group") or f"{language}:{number:09d}"
        yield SourceRow(
            number,
            group,
            language,
            question,
            passage,
            passage_id(language, row.get("passage_id") or group),
            row.get("cluster") or group,
            tuple(row.get("negatives", ())),
        )
    if empty:
        logger.warning("%s: left out %d rows without a question or a passage", path, empty)


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
