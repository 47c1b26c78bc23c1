"""A study's TOML file: what it may hold, and the line of it that cannot be used. See engine.runs.study."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.config import ConfigError, NonNegativeFloat, RunName, Seed, line_of, split_validation_error
from engine.runs.study_record import Claim


class StudyCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What sets one condition apart: other settings to train with, or another system, measured as it is."""

    name: RunName
    set: tuple[str, ...] = ()  # overrides of the config, as after --set
    # Measured and not trained: hub id, folder, "bm25", or run:RUN[@STEP|@best].
    model: Annotated[str, Meta(min_length=1)] | None = None
    trained: bool | None = None  # false: the config's own model, measured as it is; null: unless ``model`` is given

    @property
    def is_trained(self) -> bool:
        return self.model is None if self.trained is None else self.trained


class StudyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a study's TOML file holds."""

    name: RunName
    config: str  # file, relative to the study file
    conditions: Annotated[tuple[StudyCondition, ...], Meta(min_length=2)]
    set: tuple[str, ...] = ()  # overrides of the config for all conditions, which may set them anew
    seeds: Annotated[tuple[Seed, ...], Meta(min_length=1)] = (0,)
    baseline: str | None = None  # a condition's name; null: the first
    # Keys, KEY=FOLDER and suites that the report is about; those that the config lacks are added to it. Empty: all of
    # the config, but for the one that selects checkpoints.
    benchmarks: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()  # more of them, KEY=FOLDER: left out, and said so, where the folder is not there
    benchmark: str | None = None  # the same as ``benchmarks`` of one of the config's, as older studies have it
    measures: dict[str, str] = {}  # benchmark or suite -> primary measure; those not named have the usual one
    margins: dict[str, NonNegativeFloat] = {}  # benchmark or suite -> margin; elsewhere evaluation.margin of the config
    claims: tuple[Claim, ...] = ()
    differs: tuple[str, ...] = ()  # what differs from the published protocol, one sentence each
    slow_on_cpu: str | None = None  # a warning for who starts it without a GPU


@dataclass(frozen=True, slots=True)
class StudySource:
    """A study file as it was read."""

    path: Path
    text: str
    file: StudyFile

    def wrong(self, field: str, reason: str) -> ConfigError:
        """The error that says so, with the line of the field."""
        line = line_of(self.text, field)
        return ConfigError(f"{self.path}{f':{line}' if line else ''}: {field}: {reason}")


def read_study_file(path: Path) -> StudySource:
    """
    Raises:
        ConfigError: it cannot be read, or types and keys are wrong; one line naming file, line and field.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the study: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    try:
        return StudySource(path, text, msgspec.convert(document, StudyFile))
    except msgspec.ValidationError as error:
        field, reason = split_validation_error(str(error), StudyFile)
        line = line_of(text, field)
        raise ConfigError(f"{path}{f':{line}' if line else ''}: {field}: {reason}") from None
