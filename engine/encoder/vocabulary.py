"""Whether a tokenizer knows the words of the data: one of another language or version makes most of them unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.config import ConfigError
from engine.encoder.model import DualEncoder, Kind

_SAMPLE = 256  # texts of each collection, spread over all of it
_MOST = 0.5  # of the tokens of the sample


def check_vocabulary(encoder: DualEncoder, collections: Iterable[tuple[Kind, Sequence[str]]]) -> None:
    """Looks at a sample of all collections of texts together.

    Raises:
        ConfigError: more than half of their tokens are unknown ones, so that nothing measured would mean anything.
    """
    if encoder.unknown_id is None:
        return
    tokens = unknown = 0
    for kind, texts in collections:
        if not len(texts):
            continue
        chosen = [texts[int(index)] for index in np.unique(np.linspace(0, len(texts) - 1, _SAMPLE).astype(int))]
        rows = encoder.tokenize(chosen, kind=kind)
        tokens += len(rows.ids)
        unknown += int(np.count_nonzero(rows.ids == encoder.unknown_id))
    if unknown > _MOST * tokens:
        raise ConfigError(
            f"model.name: the tokenizer turns {unknown / tokens:.0%} of the words of the data into unknown ones "
            f"({encoder.hub_tokenizer.unk_token}): it is not made for these texts, or is not the one of the model"
        )
