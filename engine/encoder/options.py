"""What turns a Hugging Face encoder into a dual encoder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import msgspec

from engine.config import ConfigError, ModelConfig

OPTIONS_FILE = "dual_encoder.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """Saved with the model: other values give other vectors. Lengths include the special tokens."""

    pooling: Literal["mean", "cls"]
    query_prefix: str
    passage_prefix: str
    max_query_tokens: int
    max_passage_tokens: int


def resolve_options(config: ModelConfig, folder: Path | None) -> EncodingOptions:
    """The options of ``config``; where it has a default, those that were saved in ``folder``, if any.

    Raises:
        ConfigError: the saved file cannot be read.
    """
    names = [field.name for field in fields(EncodingOptions)]
    default = ModelConfig()
    chosen = {name: getattr(config, name) for name in names}
    saved = _read(folder / OPTIONS_FILE) if folder is not None else {}
    unset = {name for name in names if chosen[name] == getattr(default, name)}
    return msgspec.convert({**chosen, **{name: saved[name] for name in unset & saved.keys()}}, EncodingOptions)


def write_options(options: EncodingOptions, folder: Path, matryoshka_dimensions: tuple[int, ...] = ()) -> None:
    described: dict[str, object] = msgspec.to_builtins(options)
    if matryoshka_dimensions:
        described["matryoshka_dimensions"] = matryoshka_dimensions
    (folder / OPTIONS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n")


def _read(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        return msgspec.to_builtins(msgspec.json.decode(path.read_bytes(), type=EncodingOptions))  # type: ignore[no-any-return]
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"model.name: cannot use {path}: {error}") from None
