"""A user's own parallel corpus: JSON Lines, one row a line.

Required keys: ``group``, ``language``, ``question``, ``passage``. Optional: ``passage_id`` (default: the group; the
prefix ``LANGUAGE:p:`` is added where it is missing), ``cluster`` (default: the group), ``source`` (a note on where the
row comes from; kept in the file only), ``negatives`` (a list of texts: hard negatives, in the row's language). Blank
lines are skipped. Rows with equal ``group`` are translations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.config import ConfigError, split_validation_error
from engine.data.cache import file_identity
from engine.data.corpus import ParallelCorpus
from engine.data.lines import numbered_lines
from engine.data.store import corpora
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.progress import Tick


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file."""

    group: str
    language: str
    question: str
    passage: str
    passage_id: str | None = None
    cluster: str | None = None
    negatives: tuple[str, ...] = ()
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
    decoder = msgspec.json.Decoder(Row)
    for number, line in numbered_lines(path):
        row = _row(decoder, line, f"{path}:{number}")
        yield SourceRow(
            number,
            row.group,
            row.language,
            row.question,
            row.passage,
            passage_id(row.language, row.passage_id or row.group),
            row.cluster or row.group,
            row.negatives,
        )


def _row(decoder: msgspec.json.Decoder[Row], line: bytes, where: str) -> Row:
    try:
        row = decoder.decode(line)
    except msgspec.ValidationError as error:
        field, reason = split_validation_error(str(error))
        raise ConfigError(f"{where}: {field or 'row'}: {reason}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: row: expected one JSON object ({error})") from None
    for field in ("group", "language", "question", "passage"):
        if not getattr(row, field).strip():
            raise ConfigError(f"{where}: {field}: expected a text that is not empty")
    if not all(text.strip() for text in row.negatives):
        raise ConfigError(f"{where}: negatives: expected texts that are not empty")
    if ":" in row.language:
        raise ConfigError(f"{where}: language: expected a language code without a colon, got {row.language!r}")
    return row
