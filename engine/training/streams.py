"""What batches are taken from: one stream per batch mode and source, in mono per language too.

Shapes: L languages of a source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.config import BatchConfig, ConfigError
from engine.training.tokenized import TokenizedCorpus
from engine.training.usable import Indices

Mode = Literal["mono", "cross", "mixed", "english"]


@dataclass(frozen=True, slots=True)
class Stream:
    """Groups that come round in their own order, each once per epoch."""

    mode: Mode
    source: int
    language: int | None  # index into the source's languages; None: not one for the whole batch
    groups: Indices | None  # those usable in this mode and language; None: all of the source
    size: int  # number of them
    share: float  # of the batches of its mode


def streams_of(mode: Mode, corpora: Sequence[TokenizedCorpus], config: BatchConfig) -> list[Stream]:
    """The streams of one mode; their shares sum to 1.

    A source's share is proportional to ``weight * groups ** source_temperature``, groups being those usable in
    this mode: ``weight`` multiplies the share, at temperature 0 as well. In mono the share is divided among the
    source's languages, evenly or by their groups.

    Raises:
        ConfigError: names the field, when no group is usable.
    """
    streams: list[Stream] = []
    for source, corpus in enumerate(corpora):
        usable = corpus.usable
        language = None
        groups = usable.pair if mode == "cross" else usable.any
        if mode == "english":
            if config.language not in corpus.languages:
                continue
            language = corpus.languages.index(config.language)
            groups = usable.of_language[language]
        count = usable.count(groups)
        if count == 0:
            continue
        share = corpus.weight * count**config.source_temperature
        if mode != "mono":
            streams.append(Stream(mode, source, language, groups, count, share))
            continue
        sizes = np.array([usable.count(having) for having in usable.of_language], dtype=float)  # [L]
        parts = sizes if config.language_sampling == "size" else (sizes > 0).astype(float)
        streams += [
            Stream(mode, source, index, having, int(sizes[index]), share * parts[index] / parts.sum())
            for index, having in enumerate(usable.of_language)
            if sizes[index] > 0
        ]
    if not streams:
        raise ConfigError(_why_none(mode, corpora, config))
    total = sum(stream.share for stream in streams)
    return [Stream(s.mode, s.source, s.language, s.groups, s.size, s.share / total) for s in streams]


def _why_none(mode: Mode, corpora: Sequence[TokenizedCorpus], config: BatchConfig) -> str:
    if mode == "english":
        known = sorted({language for corpus in corpora for language in corpus.languages})
        return f"batch.language: {config.language!r} is in no source (they have {', '.join(known) or 'none'})"
    if mode == "cross":
        return f"batch.mode: {config.mode!r} needs groups in two languages, and no source has one"
    return "sources: there is no group in any source"
