"""What benchmarks are called in a config and on the command line, and which languages a name stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engine.config_error import ConfigError

CLDR_LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
XQUAD_R_LANGUAGES = CLDR_LANGUAGES
MLQA_R_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
MIRACL_LANGUAGES = (
    "ar", "bn", "de", "en", "es", "fa", "fi", "fr", "hi", "id", "ja", "ko", "ru", "sw", "te", "th", "yo", "zh",
)  # fmt: skip

# Benchmarks whose key alone says which languages they have.
BENCHMARK_LANGUAGES: dict[str, tuple[str, ...]] = {
    "cldr": CLDR_LANGUAGES,
    "xquad-r": XQUAD_R_LANGUAGES,
    "mlqa-r": MLQA_R_LANGUAGES,
    "miracl": MIRACL_LANGUAGES,
}
BENCHMARK_FORMS = "cldr, xquad-r[=FOLDER], mlqa-r[=FOLDER], miracl[=FOLDER], beir/NAME[=FOLDER], own=FOLDER"
_BENCHMARK_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NAMED_BENCHMARK = re.compile(rf"beir/{_BENCHMARK_NAME}|own(/{_BENCHMARK_NAME})?")


def parse_benchmark(spec: str) -> tuple[str, Path | None]:
    """``KEY`` or ``KEY=FOLDER`` -> (key, folder).

    Without a folder, ``cldr`` is built in, and all others but ``own`` are downloaded when they are loaded.

    Raises:
        ConfigError: what is wrong, without file or field.
    """
    key, equals, path = spec.partition("=")
    if key not in BENCHMARK_LANGUAGES and not _NAMED_BENCHMARK.fullmatch(key):
        raise ConfigError(f"unknown benchmark {key!r}, expected one of {BENCHMARK_FORMS}")
    if not equals:
        if key.partition("/")[0] == "own":
            raise ConfigError(f"{key} needs its folder: {key}=FOLDER")
        return key, None
    if key == "cldr":
        raise ConfigError(f"{key} is built in and takes no path")
    if not path:
        raise ConfigError(f"{key}: no folder after the equals sign")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"no folder {path!r}")
    return key, folder.resolve()


def parse_benchmark_key(spec: str) -> str:
    """The key of ``KEY`` or ``KEY=FOLDER``, wherever the folder may have gone."""
    return spec.partition("=")[0]


def benchmark_languages(key: str) -> tuple[str, ...]:
    """The languages of a benchmark; empty where only its files say."""
    return ("en",) if key.startswith("beir/") else BENCHMARK_LANGUAGES.get(key, ())


def languages_for(key: str, languages: Sequence[str]) -> tuple[str, ...]:
    """Those of ``languages`` that benchmark ``key`` has; all of them where its key does not say."""
    present = benchmark_languages(key)
    return tuple(language for language in languages if not present or language in present)
