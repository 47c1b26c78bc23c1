"""What the launch screen asks, how its texts become a config, and what is wrong with them.

Everything here may read files and is called in a worker thread.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from engine.config import (
    BATCH_MODES,
    MONO_SHARE_SCHEDULES,
    POOLINGS,
    ConfigError,
    ModelConfig,
    RunConfig,
    parse_config,
    parse_unchecked,
    sample_configs_folder,
    to_toml,
    with_overrides,
)
from engine.config_keys import ConfigKey, as_toml, config_keys
from engine.model_description import ModelDescription
from engine.paths import expanded
from engine.runs.folder import RunFolder, read_spec
from engine.runs.study import Study, sweep_of
from tui.follow.config_difference import AS_MODEL
from tui.follow.labels import labels
from tui.follow.rows import RunRow
from tui.launch.encoding import encoding_words
from tui.launch.estimate import Estimate, Formers, estimate
from tui.launch.model_on_disk import ModelOnDisk, model_on_disk
from tui.widgets.field import Field, Note

LABEL = "new run"
BLANK = "blank"
_BLANK_TEXT = '[[sources]]\nkind = "cldr"\n'
SHARES, SEEDS = "batch.mono_share", "seed"  # fields that take several values, with commas: a run for each
ORIGIN = "from"
_LIMITS = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}
_PREFIXES = frozenset({"model.query_prefix", "model.passage_prefix"})
_NOT_ASKED = frozenset({"study"})  # a sweep sets it

SOURCE_KINDS = ("cldr", "jsonl", "lareqa", "squad", "mmarco", "hub")

FIELDS = (
    Field(ORIGIN, "from", "the sample config or former run whose settings this one starts from; enter lists them",
          picks=True, short="a sample config or a former run"),
    Field("name", "name", "of the run: letters, digits, dot, underscore, hyphen"),
    Field("model.name", "model", "a hub id, a folder, or tiny: a 2-layer BERT trained from scratch",
          short="hub id, folder or tiny", gap=True),
    Field("model.pooling", "pooling", "of token vectors; empty: as the model says, and mean where it says nothing",
          choices=("", *POOLINGS), short="left and right choose", empty=AS_MODEL),
    Field("model.query_prefix", "query prefix", 'put before every question, in quotes: "query: "; two quotes alone: '
          "nothing; empty: as the model says", short='in quotes, "" is none', empty=AS_MODEL),
    Field("model.passage_prefix", "passage prefix", 'put before every passage, in quotes: "passage: "; two quotes '
          "alone: nothing; empty: as the model says", short='in quotes, "" is none', empty=AS_MODEL),
    Field("sources.0.kind", "data kind", "of the first source. cldr: the built-in corpus; jsonl: a file of one "
          "translation a line; lareqa: a folder like XQuAD-R; squad: a folder of SQuAD files, one a language; "
          "mmarco: a folder like mMARCO's; hub: a data set of the hub", choices=SOURCE_KINDS,
          short="left and right choose"),
    Field("sources.0.path", "data", "file, folder or hub id of the first source; the built-in corpus has none",
          short="path of the first source", empty="built in"),
    Field("sources.0.languages", "languages", "of the first source, with commas; empty: all that it has",
          short="with commas", empty="all"),
    Field("batch.mode", "batch mode", "mono: one language a batch; cross: question and passage in different "
          "languages; hybrid: a coin decides for each batch; mixed: same-language pairs, mixed; english: one language",
          choices=BATCH_MODES, short="left and right choose", gap=True),
    Field("batch.mono_share", "mono share", "hybrid: probability of a monolingual batch, alpha in the paper; several "
          "with commas, as 0, 0.5, 1: a run for each", short="hybrid: share of monolingual batches"),
    Field("batch.mono_share_schedule", "its schedule", "hybrid: how the mono share goes on from the first update; "
          "steps are written in the config's TOML, as batch.mono_share_steps", choices=MONO_SHARE_SCHEDULES,
          short="left and right choose"),
    Field("batch.mono_share_end", "its end", "linear, cosine: the mono share at the last update; empty: none",
          short="linear, cosine: at the last update", empty="none"),
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
    Field("runtime.devices", "device", "auto: a GPU where there is one; cpu; cuda:1; several: cuda:0,1 or "
          "cuda:all or cpu:2",
          short="auto, cpu, cuda, cuda:1", gap=True),
    Field("seed", "seed", "of everything random: equal seeds give equal runs on CPU; several with commas, as "
          "0, 1, 2: a run for each", short="several with commas: a run for each"),
)  # fmt: skip


_NEEDED = frozenset(field.key for field in FIELDS if not field.empty)  # an empty text is a mistake, not the default


@dataclass(frozen=True)
class Origin:
    """A sample config, a former run, or neither: the defaults of every field."""

    label: str
    about: str
    path: Path | None = None
    run: RunFolder | None = None


@dataclass(frozen=True)
class Draft:
    """An origin, read: its TOML and the texts of the fields it fills."""

    origin: Origin
    text: str
    values: dict[str, str]  # of every key of the config, and of ORIGIN
    needs: dict[str, str] = dataclasses.field(default_factory=dict)  # path -> where it is to be had, as the file says


@dataclass(frozen=True)
class Typed:
    """A draft and what was typed over it; ``added`` names the keys that the form does not have by itself."""

    draft: Draft
    values: dict[str, str]
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The config the form describes, or the field and what is wrong with it."""

    config: RunConfig | None  # of a sweep, the first of its runs
    field: str = ""
    reason: str = ""
    study: Study | None = None  # where several values were given: all the runs
    notes: dict[str, Note] = dataclasses.field(default_factory=dict)  # field -> what was found about it
    estimate: Estimate | None = None
    model: str = ""  # how the model turns texts into vectors; empty where that is not known yet

    @property
    def configs(self) -> list[RunConfig]:
        if self.study is not None:
            return [planned.config for planned in self.study.runs]
        return [self.config] if self.config is not None else []


def origins(rows: Sequence[RunRow]) -> list[Origin]:
    """Sample configs by name, blank, then former runs, newest first."""
    samples = sorted(sample_configs_folder().glob("*.toml"))
    found = [Origin(path.name, _first_comment(path), path=path) for path in samples]
    found.append(Origin(BLANK, "the default of every field, on the built-in corpus"))
    named = labels(rows)
    return found + [Origin(named[row.folder.path], f"run, {row.mode}, {row.state}", run=row.folder) for row in rows]


def read_draft(origin: Origin) -> Draft:
    """Reads a sample or a former run's spec.

    Raises:
        ConfigError: it cannot be read; one line.
    """
    if origin.run is not None:
        # The new run is its own: it neither counts as a part of the former one's study nor is taken up by it.
        text = to_toml(msgspec.structs.replace(read_spec(origin.run).config, study=None))
    elif origin.path is None:
        text = _BLANK_TEXT
    else:
        try:
            text = origin.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{origin.path}: cannot be read: {error}") from None
    return draft_of(origin, text)


def draft_of(origin: Origin, text: str) -> Draft:
    """A draft of TOML; what types cannot say is not looked at yet.

    Raises:
        ConfigError: it is no TOML, or a key or type is wrong; one line with its line in the text.
    """
    config = parse_unchecked(text, origin.label)
    draft = Draft(origin, text, {}, _needs(text))
    return replace(draft, values={name: _read(config, name) for name, _ in every_key(draft)} | {ORIGIN: origin.label})


def check(draft: Draft, values: dict[str, str], formers: Formers | None = None) -> Checked:
    """Builds the config, or those of a sweep, from the draft and the fields that differ from it.

    With ``formers`` it says what was found about the fields, and what the start would cost.
    """
    try:
        draft = _cleared(draft, values)
        checked = _sweep(draft, values) if _several(values) else Checked(_parse(draft, overrides(draft, values)))
    except ConfigError as error:
        # Of a sweep: "condition mono_share-1.2: new run:4: batch.mono_share: ..."
        message, value = str(error), ""
        if message.startswith("condition "):
            condition, _, message = message.partition(": ")
            value = condition.rpartition("-")[2]
        key, reason = split_error(message)
        return Checked(None, key, _plainly(key, value or values.get(key, ""), reason))
    if checked.config is None:
        return checked
    try:
        files = model_on_disk(checked.config.model)
        words = _words(checked.config.model, files)
    except ConfigError as error:
        key, _, reason = str(error).partition(": ")
        # The field has the name already, and its panel is narrow.
        return Checked(None, key, reason.removeprefix(f"{checked.config.model.name!r} "))
    name = checked.config.model.name
    if files is None and name in draft.needs:
        return Checked(None, "model.name", f"no folder {name!r}")
    if formers is None:
        return checked
    return replace(
        checked,
        notes=_notes(checked, files),
        estimate=estimate(checked.configs, formers, files),
        model=words,
    )


def _plainly(key: str, value: str, reason: str) -> str:
    """What is wrong with a typed ``value``, without the names of types."""
    if limit := re.fullmatch(r"expected (?:int|float) ([<>]=?) (\S+)", reason):
        if key == SHARES:
            return f"{value} is outside 0..1"
        return f"{value} is out of range: {_LIMITS[limit[1]]} {float(limit[2]):g}"
    if kind := re.match(r"expected (int|float), got ", reason):
        return f"{value!r} is no {'whole ' if kind[1] == 'int' else ''}number"
    return reason


def _parse(draft: Draft, changed: Sequence[str]) -> RunConfig:
    return parse_config(draft.text, LABEL, changed)


def _cleared(draft: Draft, values: dict[str, str]) -> Draft:
    """Without the keys whose fields were emptied: TOML has no null to set them to.

    Raises:
        ConfigError: a prefix stands without its quotes; names the field.
    """
    for key in _PREFIXES:
        text = values.get(key, "").strip()
        if text != draft.values.get(key, "") and not _is_quoted(text):
            raise ConfigError(f'{LABEL}: {key}: put it in quotes, as "query: ": its blanks count')
    emptied = [key for key, text in draft.values.items() if text and key in values and not values[key].strip()]
    emptied = [key for key in emptied if key not in _NEEDED]
    if not emptied:
        return draft
    document = tomllib.loads(draft.text)
    for key in emptied:
        _remove(document, key.split("."))
    return replace(draft, text=msgspec.toml.encode(document).decode(), values=draft.values | dict.fromkeys(emptied, ""))


def _remove(document: Any, path: Sequence[str]) -> None:
    """Takes a key out, where the document sets it."""
    for part in path[:-1]:
        document = document[int(part)] if isinstance(document, list) else document.get(part, {})
    if isinstance(document, dict):
        document.pop(path[-1], None)


def _is_quoted(text: str) -> bool:
    try:
        return not text or (text[0] in "\"'" and isinstance(tomllib.loads(f"value = {text}")["value"], str))
    except tomllib.TOMLDecodeError:
        return False


def _several(values: dict[str, str]) -> list[str]:
    """The fields that were given several values."""
    return [key for key in (SHARES, SEEDS) if "," in values.get(key, "")]


def _sweep(draft: Draft, values: dict[str, str]) -> Checked:
    """Raises ConfigError, or tells of a field's mistake."""
    listed = _several(values)
    rest = {key: text for key, text in values.items() if key not in listed}
    seeds, grid = None, []
    if SEEDS in listed:
        parts = [part.strip() for part in values[SEEDS].split(",") if part.strip()]
        if not all(part.isdecimal() for part in parts) or len(set(parts)) != len(parts):
            return Checked(None, SEEDS, "expected different whole numbers, with commas")
        seeds = [int(part) for part in parts]
    base = _parse(draft, overrides(draft, rest))
    if SHARES in listed:
        if base.batch.mode != "hybrid":
            return Checked(None, SHARES, f"several mono shares need batch mode hybrid, not {base.batch.mode}")
        parts = [part.strip() for part in values[SHARES].split(",") if part.strip()]
        if len(set(parts)) != len(parts):
            return Checked(None, SHARES, "the same value twice")
        grid = [f"{SHARES}={','.join(parts)}"]
    study = sweep_of(partial(_parse, draft), grid, seeds or [base.seed], overrides(draft, rest))
    return Checked(study.runs[0].config, study=study)


def _words(model: ModelConfig, files: ModelOnDisk | None) -> str:
    if files is None and model.name != "tiny":
        return ""
    described = ModelDescription() if files is None else files.described
    return "" if described is None else encoding_words(model, described)


def _notes(checked: Checked, files: ModelOnDisk | None) -> dict[str, Note]:
    """What stands beside a field once it is known; only what was looked at on this disk counts as checked."""
    config = checked.config
    assert config is not None
    notes = {"model.name": _model_note(config.model, files)}
    for index, source in enumerate(config.sources[:1]):
        if source.path is not None:
            local = expanded(source.path).exists() and source.kind != "hub"
            notes[f"sources.{index}.path"] = Note("found", checked=True) if local else Note("read when it starts")
    if checked.study is not None:
        conditions = len({planned.condition for planned in checked.study.runs})
        notes[SEEDS] = Note(f"{len(checked.study.runs)} runs in all")
        if conditions > 1:
            notes[SHARES] = Note(f"{conditions} conditions")
    return notes


def _model_note(model: ModelConfig, files: ModelOnDisk | None) -> Note:
    if model.name == "tiny":
        return Note("made from its config")
    if files is None:
        return Note("not on this disk: downloaded when it starts")
    count = files.parameters()
    if count is None:
        return Note("a folder without weights that can be counted")
    size = f"{count / 1e6:.0f} M" if count >= 1e6 else f"{count:,}"
    return Note(f"found, {size} parameters", checked=True)


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


def form_key(field: str, keys: Iterable[str]) -> str:
    """Of the keys that a form has, the one that an error about ``field`` belongs to; empty where it has none."""
    return next((key for key in keys if field == key or field.startswith(f"{key}.")), "")


def _as_toml(key: str, text: str) -> str:
    """What was typed, as TOML; of another type than the key's it is a text: the error then says what is expected."""
    text = text.strip()
    kind = key_of(key).kind
    if kind == "text" and not (text[:1] in "\"'" and _is_toml(text)):
        return json.dumps(text, ensure_ascii=False)
    if kind == "list" and text[:1] != "[":
        parts = [part.strip() for part in text.split(",") if part.strip()]
        listed = f"[{', '.join(parts)}]"  # numbers
        return listed if _is_toml(listed) else json.dumps(parts, ensure_ascii=False)
    return text if _is_toml(text) else json.dumps(text, ensure_ascii=False)


def _is_toml(value: str) -> bool:
    try:
        tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def key_of(field: str) -> ConfigKey:
    """The key of the config that a field of the form sets."""
    name = re.sub(r"^sources\.\d+\.", "sources[].", field)
    return next(key for key in config_keys() if key.name == name)


def field_of(key: ConfigKey, name: str) -> Field:
    """A line of the form for any key; ``name`` says of which source."""
    default = key.default or ("none" if key.nullable else "")
    choices = ("", *key.choices) if key.choices and key.nullable else key.choices
    meaning = f"{key.meaning or 'see docs/config.md'}{f'; by default {default}' if default else ''}"
    return Field(name, name, meaning, choices=choices, short=f"by default {default}" if default else "", empty=default)


def hint(draft: Draft, checked: Checked) -> str:
    """Where data or a model that are not on this disk are to be had; empty where the draft does not say."""
    missing = re.search(r"no (?:folder|file) '(.+?)'", checked.reason)
    if missing is None:
        return ""
    sources = [
        f"{path} is {where}." for path, where in draft.needs.items() if (missing[1] + "/").startswith(f"{path}/")
    ]
    return " ".join([*sources, "F9 takes the built-in corpus instead: it needs no files."])


def with_built_in_data(draft: Draft, values: dict[str, str]) -> Draft:
    """The draft with the built-in corpus to train on and to be asked, and the tiny model where its own is not here.

    Raises:
        ConfigError: what was typed cannot be read; names the field.
    """
    document = tomllib.loads(as_typed(draft, values))
    document["sources"] = [{"kind": "cldr"}]
    evaluation = document.setdefault("evaluation", {})
    evaluation["benchmarks"] = ["cldr"]
    for key in ("articles", "languages", "validation"):
        evaluation.pop(key, None)
    name = str(document.get("model", {}).get("name", "tiny"))
    if (name in draft.needs or name[:1] in ("/", ".", "~")) and not expanded(name).is_dir():
        document["model"] = {"name": "tiny"}
    return draft_of(draft.origin, msgspec.toml.encode(document).decode())


def as_typed(draft: Draft, values: dict[str, str]) -> str:
    """The draft's TOML with what was typed; with its comments where nothing was.

    Raises:
        ConfigError: a prefix stands without its quotes, or there is no such table.
    """
    cleared = _cleared(draft, values)
    return with_overrides(cleared.text, overrides(cleared, values))


def _needs(text: str) -> dict[str, str]:
    """What the comment at the head of a sample says of the files that it needs: ``#   data/x   the folder ...``."""
    needs: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if need := re.fullmatch(r"#   ([\w./-]+)\s{2,}(\S.*)", line):
            needs[need[1]] = need[2]
        elif needs and (more := re.fullmatch(r"#\s{8,}(\S.*)", line)):
            last = list(needs)[-1]
            needs[last] += f" {more[1]}"
    return needs


def every_key(draft: Draft) -> list[tuple[str, ConfigKey]]:
    """Every key that the form can set, by its name there: those of sources once for each source."""
    sources = tomllib.loads(draft.text).get("sources", [])
    names = []
    for key in config_keys():
        each = range(len(sources)) if key.name.startswith("sources[].") else (0,)
        names += [(key.name.replace("[]", f".{index}"), key) for index in each if key.name not in _NOT_ASKED]
    return names


def _read(config: RunConfig, key: str) -> str:
    value: object = config
    for part in key.split("."):
        if isinstance(value, tuple):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = getattr(value, part, None)
    if value is None:
        return ""
    if key in _PREFIXES or (isinstance(value, str) and value != value.strip()):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple) and all(isinstance(part, str | int | float) for part in value):
        return ", ".join(str(part) for part in value)
    return value if isinstance(value, str) else as_toml(value)


def _first_comment(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline(400)
    except (OSError, UnicodeDecodeError):
        return ""
    return first.lstrip("# ").strip() if first.startswith("#") else ""
