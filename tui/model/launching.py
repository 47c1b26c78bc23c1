"""What the launch screen asks, how its texts become a config, and what is wrong with them.

Everything here may read files and is called in a worker thread.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.config import (
    BATCH_MODES,
    ConfigError,
    RunConfig,
    parse_config,
    sample_configs_folder,
    to_toml,
)
from engine.runs.folder import RunFolder, read_spec
from tui.model.edit import Field
from tui.model.rows import RunRow

LABEL = "new run"
ORIGIN = "from"
_LISTS = frozenset({"evaluation.benchmarks", "sources.0.languages"})
_TEXTS = frozenset({"name", "model.name", "sources.0.path", "batch.mode", "runtime.devices"})

FIELDS = (
    Field(ORIGIN, "from", "the sample config or former run whose settings this one starts from; enter lists them",
          picks=True, short="a sample config or a former run"),
    Field("name", "name", "of the run: letters, digits, dot, underscore, hyphen"),
    Field("model.name", "model", "a hub id, a folder, or tiny: a 2-layer BERT trained from scratch",
          short="hub id, folder or tiny", gap=True),
    Field("sources.0.path", "data", "file, folder or hub id of the first source; the built-in corpus has none",
          short="path of the first source", empty="built in"),
    Field("sources.0.languages", "languages", "of the first source, with commas; empty: all that it has",
          short="with commas", empty="all"),
    Field("batch.mode", "batch mode", "mono: one language a batch; cross: question and passage in different "
          "languages; hybrid: a coin decides for each batch; mixed: same-language pairs, mixed; english: one language",
          choices=BATCH_MODES, short="left and right choose", gap=True),
    Field("batch.mono_share", "mono share", "hybrid: probability of a monolingual batch, alpha in the paper",
          short="hybrid: share of monolingual batches"),
    Field("batch.size", "batch size", "pairs per optimizer update; the others of the batch are the negatives",
          short="pairs per update"),
    Field("loss.temperature", "temperature", "divides the cosine similarities; smaller is sharper",
          short="of the cosine similarities", gap=True),
    Field("optimizer.learning_rate", "learning rate", "the peak, reached after warm-up", short="its peak"),
    Field("optimizer.warmup_steps", "warm-up", "updates over which the learning rate rises from 0", short="steps"),
    Field("optimizer.max_steps", "steps", "optimizer updates of the whole run", short="of the whole run"),
    Field("evaluation.benchmarks", "benchmarks", "cldr, or xquad-r=FOLDER; several with commas",
          short="cldr or xquad-r=FOLDER", empty="none", gap=True),
    Field("evaluation.every", "evaluate every", "steps; 0: only at the end (and at the start)", short="steps"),
    Field("checkpoint.every", "checkpoint every", "steps; 0: only on pause, on stop and at the end", short="steps"),
    Field("runtime.devices", "device", "auto: a GPU where there is one; cpu; cuda:1; several: cuda:0,1 or cuda:all or cpu:2",
          short="auto, cpu, cuda, cuda:1", gap=True),
    Field("seed", "seed", "of everything random: equal seeds give equal runs on CPU", short="of everything random"),
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """A sample config or a former run."""

    label: str
    about: str
    path: Path | None = None
    run: RunFolder | None = None


@dataclass(frozen=True)
class Draft:
    """An origin, read: its TOML and the texts of the fields it fills."""

    origin: Origin
    text: str
    values: dict[str, str]


@dataclass(frozen=True)
class Checked:
    """The config the form describes, or the field and what is wrong with it."""

    config: RunConfig | None
    field: str = ""
    reason: str = ""


def origins(rows: Sequence[RunRow]) -> list[Origin]:
    """Sample configs by name, then former runs, newest first."""
    samples = sorted(sample_configs_folder().glob("*.toml"))
    found = [Origin(path.name, _first_comment(path), path=path) for path in samples]
    return found + [Origin(row.name, f"run, {row.mode}, {row.state}", run=row.folder) for row in rows]


def read_draft(origin: Origin) -> Draft:
    """Reads a sample or a former run's spec.

    Raises:
        ConfigError: it cannot be read; one line.
    """
    if origin.run is not None:
        text = to_toml(read_spec(origin.run).config)
    else:
        assert origin.path is not None
        try:
            text = origin.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{origin.path}: cannot be read: {error}") from None
    try:
        config = msgspec.convert(tomllib.loads(text), RunConfig, strict=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{origin.label}: {error}") from None
    values = {field.key: _read(config, field.key) for field in FIELDS if field.key != ORIGIN}
    return Draft(origin, text, values | {ORIGIN: origin.label})


def check(draft: Draft, values: dict[str, str]) -> Checked:
    """Builds the config from the draft and the fields that differ from it."""
    try:
        return Checked(parse_config(draft.text, LABEL, overrides(draft, values)))
    except ConfigError as error:
        field, reason = split_error(str(error))
        return Checked(None, field, reason)


def overrides(draft: Draft, values: dict[str, str]) -> list[str]:
    """``section.key=value`` for every field whose text was changed."""
    return [
        f"{key}={_as_toml(key, text)}"
        for key, text in values.items()
        if key != ORIGIN and text.strip() != draft.values.get(key, "")
    ]


def split_error(message: str) -> tuple[str, str]:
    """``new run:12: batch.size: expected ...`` -> (the form's key of the field, the reason)."""
    _, _, rest = message.partition(": ")
    field, found, reason = rest.partition(": ")
    if not found:
        return "", message
    return field.replace("[", ".").replace("]", ""), reason


def form_key(field: str) -> str:
    """The field of the form that an error about ``field`` belongs to; empty where it has none."""
    for one in FIELDS:
        if field == one.key or field.startswith(f"{one.key}."):
            return one.key
    return ""


def _as_toml(key: str, text: str) -> str:
    text = text.strip()
    if key in _LISTS:
        return json.dumps([part.strip() for part in text.split(",") if part.strip()], ensure_ascii=False)
    if key in _TEXTS:
        return json.dumps(text, ensure_ascii=False)
    try:
        tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return json.dumps(text, ensure_ascii=False)  # a string: the error then says what was expected instead
    return text


def _read(config: RunConfig, key: str) -> str:
    value: object = config
    for part in key.split("."):
        if isinstance(value, tuple):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = getattr(value, part, None)
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first_comment(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline(400)
    except (OSError, UnicodeDecodeError):
        return ""
    return first.lstrip("# ").strip() if first.startswith("#") else ""
