"""What benchmarks are called in a config and on the command line, and which languages a name stands for.

A suite is a pattern of names, such as ``beir/*``: all data sets of a kind together. A config has the names only, one a
data set; a suite in it is written out when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from engine.config_error import ConfigError
from engine.language_codes import flores_names
from engine.paths import expanded

CLDR_LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
XQUAD_R_LANGUAGES = CLDR_LANGUAGES
MLQA_R_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
MIRACL_LANGUAGES = (
    "ar", "bn", "de", "en", "es", "fa", "fi", "fr", "hi", "id", "ja", "ko", "ru", "sw", "te", "th", "yo", "zh",
)  # fmt: skip

BELEBELE_LANGUAGES = tuple(sorted(flores_names()))
NANOBEIR_LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "no", "pt", "sv")
NEUCLIR_LANGUAGES = ("en", "fa", "ru", "zh")  # English is only asked

# Benchmarks whose key alone says which languages they have.
BENCHMARK_LANGUAGES: dict[str, tuple[str, ...]] = {
    "cldr": CLDR_LANGUAGES,
    "cldr-en": ("en",),
    "xquad-r": XQUAD_R_LANGUAGES,
    "mlqa-r": MLQA_R_LANGUAGES,
    "miracl": MIRACL_LANGUAGES,
    "belebele": BELEBELE_LANGUAGES,
    "neuclir": NEUCLIR_LANGUAGES,
}
_FILE_A_LANGUAGE = ("xquad-r", "mlqa-r")  # LANGUAGE.json
_SUITE_LANGUAGES = {"beir": ("en",), "nanobeir": NANOBEIR_LANGUAGES}
BENCHMARK_FORMS = (
    "cldr, cldr-en, xquad-r[=FOLDER], mlqa-r[=FOLDER], miracl[=FOLDER], beir/NAME[=FOLDER], beir/*=FOLDER, "
    "nanobeir/SET[=FOLDER], mteb/TASK[=FOLDER], belebele[=FOLDER], neuclir[=FOLDER], own=FOLDER"
)
BUILT_IN = ("cldr", "cldr-en")  # made of what is installed
_BENCHMARK_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SUITE = "beir/*"  # the one whose members a folder names
_TASK = re.compile(rf"mteb/({_BENCHMARK_NAME})(?::([A-Za-z0-9_+.-]+))?(?:@({_BENCHMARK_NAME}))?")
_NAMED_BENCHMARK = re.compile(rf"(nano)?beir/{_BENCHMARK_NAME}|own(/{_BENCHMARK_NAME})?|{_TASK.pattern}")


def parse_benchmark(spec: str) -> tuple[str, Path | None]:
    """``KEY`` or ``KEY=FOLDER`` -> (key, folder).

    Without a folder, those of ``BUILT_IN`` are made, and all others but ``own`` are downloaded when they are loaded.

    Raises:
        ConfigError: what is wrong, without file or field.
    """
    key, equals, path = spec.partition("=")
    if is_suite(key):
        raise ConfigError(f"{key} stands for several benchmarks: {_SUITE}=FOLDER")
    _check_key(key)
    if not equals:
        if key.partition("/")[0] == "own":
            raise ConfigError(f"{key} needs its folder: {key}=FOLDER")
        return key, None
    check_folder_key(key)
    if not path:
        raise ConfigError(f"{key}: no folder after the equals sign")
    return key, _existing_folder(path).resolve()


def check_folder_key(key: str) -> None:
    """
    Raises:
        ConfigError: no folder can be that of the benchmark or suite, as nothing is called so or it is built in.
    """
    if key == _SUITE:
        return
    _check_key(key)
    if key in BUILT_IN:
        raise ConfigError(f"{key} is built in and takes no path")


def _check_key(key: str) -> None:
    if key not in BENCHMARK_LANGUAGES and not _NAMED_BENCHMARK.fullmatch(key):
        raise ConfigError(f"unknown benchmark {key!r}, expected one of {BENCHMARK_FORMS}")


class TaskName(msgspec.Struct, frozen=True):
    """``mteb/TASK:SUBSET@SPLIT``; None: not said."""

    task: str
    subset: str | None
    split: str | None


def parse_task(key: str) -> TaskName:
    """The parts of the key of a task of mteb.

    Raises:
        ConfigError: it is none.
    """
    found = _TASK.fullmatch(key)
    if found is None:
        raise ConfigError(f"{key}: expected mteb/TASK, mteb/TASK:SUBSET or mteb/TASK@SPLIT")
    return TaskName(found[1], found[2], found[3])


def is_suite(name: str) -> bool:
    """Whether a name stands for several benchmarks, as "beir/*" does."""
    return "*" in name


def members(suite: str, keys: Iterable[str]) -> list[str]:
    """Those of ``keys`` that are in the suite, in their order; of a name that is no suite, the key itself."""
    return [key for key in keys if (fnmatchcase(key, suite) if is_suite(suite) else key == suite)]


def with_suites(names: Sequence[str]) -> list[str]:
    """Names with two or more data sets of BEIR as the suite that they are, in the place of the first."""
    of_suite = members(_SUITE, names)
    if len(of_suite) < 2:
        return list(names)
    return [_SUITE if name == of_suite[0] else name for name in names if name not in of_suite[1:]]


def expand_suite(spec: str) -> tuple[str, ...]:
    """The data sets that ``spec`` stands for, by name; any other benchmark as it is.

    ``beir/*=FOLDER`` is ``beir/NAME=FOLDER/NAME`` for every data set in the folder. ``beir/NAME=FOLDER``, of a folder
    that has data sets and is none, is ``beir/NAME-SET=FOLDER/SET`` for each of them: CQADupStack is published as
    twelve.

    A data set is a folder with a ``corpus.jsonl``, plain or gzipped, or a table called ``corpus``; hidden folders are
    none.

    Raises:
        ConfigError: no such folder, no data set in it, or one whose name no benchmark can have.
    """
    key, equals, path = spec.partition("=")
    suite = suite_of(spec)
    if suite is None and not is_suite(key):
        return (spec,)
    if suite is None or not equals or not path:
        raise ConfigError(f"{spec!r}: of several benchmarks at once, expected {_SUITE}=FOLDER")
    names = _data_sets(_existing_folder(path))
    if not names:
        raise ConfigError(f"{spec}: no folder in it has a corpus.jsonl or corpus.jsonl.gz, as a BEIR data set has")
    odd = next((name for name in names if not re.fullmatch(_BENCHMARK_NAME, name)), None)
    if odd is not None:
        raise ConfigError(
            f"{spec}: the folder {odd!r} in it cannot name a benchmark: rename it to letters of a to z, digits, dots, "
            "dashes and underscores, a letter or digit first"
        )
    return tuple(f"{suite.removesuffix('*')}{name}={Path(path) / name}" for name in names)


def suite_of(spec: str) -> str | None:
    """The suite that ``KEY=FOLDER`` names, such as ``beir/*`` or ``beir/cqadupstack-*``; None: it is one benchmark."""
    key, _, path = spec.partition("=")
    if key == _SUITE:
        return key
    if not path or not re.fullmatch(rf"beir/{_BENCHMARK_NAME}", key):
        return None
    folder = expanded(path)
    return f"{key}-*" if folder.is_dir() and not _is_data_set(folder) and _data_sets(folder) else None


def _data_sets(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and _is_data_set(entry))


def _is_data_set(folder: Path) -> bool:
    if any((folder / f"corpus.jsonl{end}").is_file() for end in ("", ".gz")):
        return True
    return any((folder / "corpus").glob("*.parquet")) or any(folder.glob("corpus*.parquet"))


def _existing_folder(path: str) -> Path:
    folder = expanded(path)
    if not folder.is_dir():
        raise ConfigError(f"no folder {path!r}")
    return folder


def parse_benchmark_key(spec: str) -> str:
    """The key of ``KEY`` or ``KEY=FOLDER``, wherever the folder may have gone."""
    return spec.partition("=")[0]


def benchmark_languages(spec: str) -> tuple[str, ...]:
    """The languages of a benchmark, KEY or KEY=FOLDER; empty where only its files say.

    A folder of LAReQA's files has what is in it, which may be more than was published.
    """
    key, _, folder = spec.partition("=")
    if folder and key in _FILE_A_LANGUAGE:
        names = (path.stem for path in expanded(folder).glob("*.json") if not path.name.startswith("."))
        return tuple(sorted(names))
    suite = key.partition("/")[0]
    return _SUITE_LANGUAGES.get(suite, ()) if suite != key else BENCHMARK_LANGUAGES.get(key, ())


def languages_for(spec: str, languages: Sequence[str]) -> tuple[str, ...]:
    """Those of ``languages`` that a benchmark has; all of them where neither key nor folder says."""
    present = benchmark_languages(spec)
    return tuple(language for language in languages if not present or language in present)
