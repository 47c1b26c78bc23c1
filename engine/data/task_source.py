"""Where a benchmark comes from that is a task of the package mteb; costs no more than msgspec."""

from __future__ import annotations

import msgspec


class TaskSource(msgspec.Struct, frozen=True, kw_only=True):
    """Which task of the package mteb a benchmark is."""

    name: str
    split: str
    revision: str | None  # of its data on the hub; None: from a local folder
    main_score: str
    subsets: dict[str, str]  # language here -> subset there
    languages: dict[str, list[str]]  # language here -> those of the subset, as "deu-Latn"
