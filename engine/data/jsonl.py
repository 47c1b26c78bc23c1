"""A user's own parallel corpus: JSON Lines, one row a line.

Required keys: ``group``, ``language``, ``question``, ``passage``. Optional: ``passage_id`` (default: the group; the
prefix ``LANGUAGE:p:`` is added where it is missing), ``cluster`` (default: the group), ``source`` (a note on where the
row comes from; kept in the file only). Blank lines are skipped. Rows with equal ``group`` are translations.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.config import ConfigError, split_validation_error
from engine.data.build import Rows, build_corpus, select_languages
from engine.data.corpus import ParallelCorpus


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file."""

    group: str
    language: str
    question: str
    passage: str
    passage_id: str | None = None
    cluster: str | None = None
    source: str | None = None


def passage_id(language: str, name: str) -> str:
    """``LANGUAGE:p:NAME``; a name that has the prefix already stays as it is."""
    prefix = f"{language}:p:"
    return name if name.startswith(prefix) else prefix + name


def jsonl_corpus(path: Path, languages: Sequence[str] = (), weight: float = 1.0) -> ParallelCorpus:
    """Reads the rows of ``languages`` (empty: all).

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``.
    """
    lines: list[int] = []
    rows: list[Row] = []
    decoder = msgspec.json.Decoder(Row)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    lines.append(number)
                    rows.append(_row(decoder, line, f"{path}:{number}"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from None
    if not rows:
        raise ConfigError(f"{path}: expected at least one row")
    chosen = set(select_languages(languages, (row.language for row in rows), str(path)))
    kept = [(number, row) for number, row in zip(lines, rows, strict=True) if row.language in chosen]
    columns = Rows(
        groups=[row.group for _, row in kept],
        languages=[row.language for _, row in kept],
        questions=[row.question for _, row in kept],
        passages=[row.passage for _, row in kept],
        passage_ids=[passage_id(row.language, row.passage_id or row.group) for _, row in kept],
        clusters=[row.cluster or row.group for _, row in kept],
    )
    return build_corpus(str(path), columns, locate=lambda index: f"{path}:{kept[index][0]}", weight=weight)


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
    if ":" in row.language:
        raise ConfigError(f"{where}: language: expected a language code without a colon, got {row.language!r}")
    return row
