"""Text files read line by line, plain or gzipped, with every fault named by file, line and field."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.config import ConfigError, split_validation_error

Row = TypeVar("Row", bound=msgspec.Struct)


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line with its newline) of every line; ``.gz`` is unpacked on the way.

    Raises:
        ConfigError: the file cannot be read or is damaged.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from enumerate(file, start=1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path}: damaged gzip file: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from None


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its newline) of every line that is not blank; otherwise as ``whole_lines``."""
    for number, line in whole_lines(path):
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def json_lines(path: Path, row: type[Row]) -> Iterator[tuple[int, Row]]:
    """(line number, one object of that type) for each line.

    Raises:
        ConfigError: ``FILE:LINE: field: what was expected``.
    """
    decoder = msgspec.json.Decoder(row)
    for number, line in numbered_lines(path):
        try:
            yield number, decoder.decode(line)
        except msgspec.ValidationError as error:
            field, reason = split_validation_error(str(error))
            raise ConfigError(f"{path}:{number}: {field or 'row'}: {reason}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}:{number}: row: expected one JSON object ({error})") from None


def json_file(path: Path, document: type[Row]) -> Row:
    """A file that is one JSON document of that type.

    Raises:
        ConfigError: ``FILE: field: what was expected``.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=document)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from None
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


def whole_number(text: str, field: str, where: str) -> int:
    """A grade of relevance; "1.0" is read as 1.

    Raises:
        ConfigError: it is not a whole number.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value.is_integer():
        raise ConfigError(f"{where}: {field}: expected a whole number, got {text!r}")
    return int(value)
