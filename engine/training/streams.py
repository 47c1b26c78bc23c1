"""What batches are taken from: one stream per batch mode and source, in mono per language too.

Shapes: G groups, L languages of a source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.config import BatchConfig, ConfigError
from engine.data.corpus import ParallelCorpus

Mode = Literal["mono", "cross", "mixed", "english"]


@dataclass(frozen=True, slots=True)
class Stream:
    """Groups that come round in their own order, each once per epoch."""

    mode: Mode
    source: int
    language: int | None  # index into the source's languages; None: not one for the whole batch
    groups: npt.NDArray[np.int64] | None  # those usable in this mode and language; None: all of the source
    size: int  # number of them
    share: float  # of the batches of its mode


def streams_of(mode: Mode, corpora: Sequence[ParallelCorpus], config: BatchConfig) -> list[Stream]:
    """The streams of one mode; their shares sum to 1.

    A source's share is proportional to ``weight * groups ** source_temperature``, groups being those usable in
    this mode: ``weight`` multiplies the share, at temperature 0 as well. In mono the share is divided among the
    source's languages, evenly or by their groups.

    Raises:
        ConfigError: names the field, when no group is usable.
    """
    streams: list[Stream] = []
    for source, corpus in enumerate(corpora):
        has = corpus.row_of >= 0  # [G, L]
        usable = _usable(mode, corpus, has, config)  # [G]
        count = np.count_nonzero(usable)
        if count == 0:
            continue
        share = corpus.weight * count**config.source_temperature
        if mode != "mono":
            language = corpus.languages.index(config.language) if mode == "english" else None
            streams.append(_stream(mode, source, language, usable, share))
            continue
        sizes = has.sum(axis=0).astype(float)  # [L]
        parts = sizes if config.language_sampling == "size" else (sizes > 0).astype(float)
        streams += [
            _stream(mode, source, int(language), has[:, language], share * parts[language] / parts.sum())
            for language in np.flatnonzero(sizes)
        ]
    if not streams:
        raise ConfigError(_why_none(mode, corpora, config))
    total = sum(stream.share for stream in streams)
    return [Stream(s.mode, s.source, s.language, s.groups, s.size, s.share / total) for s in streams]


def _usable(
    mode: Mode, corpus: ParallelCorpus, has: npt.NDArray[np.bool_], config: BatchConfig
) -> npt.NDArray[np.bool_]:
    columns = [language == config.language for language in corpus.languages] if mode == "english" else slice(None)
    languages: npt.NDArray[np.int64] = np.count_nonzero(has[:, columns], axis=1)
    return languages >= (2 if mode == "cross" else 1)


def _stream(mode: Mode, source: int, language: int | None, usable: npt.NDArray[np.bool_], share: float) -> Stream:
    # All of a source is the common case, and need not be written down for millions of groups.
    groups = None if usable.all() else np.flatnonzero(usable)
    return Stream(mode, source, language, groups, int(np.count_nonzero(usable)), share)


def _why_none(mode: Mode, corpora: Sequence[ParallelCorpus], config: BatchConfig) -> str:
    if mode == "english":
        known = sorted({language for corpus in corpora for language in corpus.languages})
        return f"batch.language: {config.language!r} is in no source (they have {', '.join(known) or 'none'})"
    if mode == "cross":
        return f"batch.mode: {config.mode!r} needs groups in two languages, and no source has one"
    return "sources: there is no group in any source"
