"""The one reader of text files: lines, JSON Lines, JSON and tables, with every fault named by file, line and field.

Whatever the format, a byte order mark is skipped, either line end is read, a gzipped file is unpacked whatever it is
called, and files that systems and editors leave behind (``._corpus.jsonl``, ``.ipynb_checkpoints``) are not seen.
"""

from __future__ import annotations

import codecs
import gzip
import logging
import zlib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from engine.config import ConfigError, split_validation_error

Row = TypeVar("Row", bound=msgspec.Struct)

LARGEST_GRADE = int(np.iinfo(np.int16).max)

_NEARLY = 0.85  # likeness of two keys from which one is taken for a slip of the pen

logger = logging.getLogger(__name__)

_GZIP = b"\x1f\x8b"
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a name on the way from ``root`` to ``path`` begins with a dot: no data, but what programs leave there."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """The files in ``folder`` that match, by name, without the hidden ones; ``**`` reaches into folders."""
    return sorted(path for path in folder.glob(pattern) if path.is_file() and not is_hidden(path, folder))


def plain_or_gzipped(path: Path) -> Path | None:
    """``path``, or else ``path.gz``, whichever is there."""
    return next((file for file in (path, path.with_name(f"{path.name}.gz")) if file.is_file()), None)


def mark_length(path: Path) -> int:
    """Bytes of the UTF-8 byte order mark that a plain file begins with: 3, or 0."""
    with path.open("rb") as file:
        return len(codecs.BOM_UTF8) if file.read(3) == codecs.BOM_UTF8 else 0


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line with its newline) of every line, without a byte order mark before the first.

    Raises:
        ConfigError: the file cannot be read, is damaged, or is in UTF-16 or UTF-32.
    """
    try:
        with path.open("rb") as file:
            is_gzipped = file.read(len(_GZIP)) == _GZIP
        with gzip.open(path, "rb") if is_gzipped else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, _without_mark(line, path) if number == 1 else line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path}: damaged gzip file: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from None


def _without_mark(start: bytes, path: Path) -> bytes:
    for mark, name in _OTHER_ENCODINGS.items():
        if start.startswith(mark):
            raise ConfigError(f"{path}: expected UTF-8 text, got {name}: convert it (iconv -f {name} -t UTF-8)")
    return start.removeprefix(codecs.BOM_UTF8)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its newline) of every line that is not blank; otherwise as ``whole_lines``."""
    for number, line in whole_lines(path):
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def json_lines(path: Path, row: type[Row], *, own_keys: bool = False) -> Iterator[tuple[int, Row]]:
    """(line number, one object of that type) for each line; keys that the type has not are left unread.

    Args:
        own_keys: the format is this program's own: such keys are named in one warning, and one that is nearly one of
            the type's is an error, since it is a slip of the pen.

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``.
    """
    decoder = msgspec.json.Decoder(row)
    strangers: set[str] = set()
    for number, line in numbered_lines(path):
        try:
            yield number, decoder.decode(line)
        except msgspec.ValidationError as error:
            field, reason = split_validation_error(str(error))
            raise ConfigError(f"{path}:{number}: {field or 'row'}: {reason}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}:{number}: row: expected one JSON object ({error})") from None
        if own_keys:
            strangers |= _strangers(line, row, strangers, f"{path}:{number}")
    if strangers:
        logger.warning("%s: keys left unread: %s", path, ", ".join(sorted(strangers)))


def json_values(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, the object or list in it) for each line, whatever it is made of.

    Raises:
        ConfigError: a line is not JSON, or is a single value.
    """
    for number, line in numbered_lines(path):
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}:{number}: row: expected one JSON object ({error})") from None
        if not isinstance(value, dict | list):
            raise ConfigError(f"{path}:{number}: row: expected an object or a list")
        yield number, value


def _strangers(line: bytes, row: type[msgspec.Struct], former: set[str], where: str) -> set[str]:
    """Keys of a line that the type has not, without ``former`` ones.

    Raises:
        ConfigError: a key is nearly one of the type's.
    """
    expected = row.__struct_encode_fields__
    keys = msgspec.json.decode(line, type=dict[str, msgspec.Raw]).keys() - former
    found = {key for key in keys if key not in expected}
    for key in sorted(found):
        if meant := get_close_matches(key, expected, 1, _NEARLY):
            raise ConfigError(f"{where}: {key}: unknown key, did you mean {meant[0]!r}?")
    return found


def json_file(path: Path, document: type[Row]) -> Row:
    """A file that is one JSON document of that type.

    Raises:
        ConfigError: ``FILE: field: what was expected``.
    """
    content = b"".join(line for _, line in whole_lines(path))
    try:
        return msgspec.json.decode(content, type=document)
    except msgspec.ValidationError as error:
        field, reason = split_validation_error(str(error))
        raise ConfigError(f"{path}: {field or 'document'}: {reason}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line) for each line of a table.

    Raises:
        ConfigError: the file cannot be read, or a line is not UTF-8.
    """
    for number, line in numbered_lines(path):
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            raise ConfigError(f"{path}:{number}: row: expected UTF-8 text") from None


def whole_number(value: str | float, field: str, where: str) -> int:
    """A grade of relevance; 1.0 and "1.0" are read as 1.

    Raises:
        ConfigError: it is not a whole number, or larger than ``LARGEST_GRADE``.
    """
    try:
        number = float(value)
    except ValueError:
        raise ConfigError(f"{where}: {field}: expected a whole number, got {value!r}") from None
    if not number.is_integer():
        advice = "multiply the grades, or round them" if np.isfinite(number) else "leave the row out"
        raise ConfigError(f"{where}: {field}: expected a whole number, got {value!r}: {advice}")
    if number > LARGEST_GRADE:
        raise ConfigError(f"{where}: {field}: expected at most {LARGEST_GRADE:,}, got {value!r}")
    return int(number)
