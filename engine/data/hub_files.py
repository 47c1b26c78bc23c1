"""Published files of a hub data set, as they are, without a loading script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.config import ConfigError
from engine.data.cache import offline
from engine.progress import Tick


def hub_files(repository: str, patterns: Sequence[str], tick: Tick | None = None) -> Path:
    """Downloads the files that match, into the hub's cache; returns the folder of that revision.

    The hub's own variables hold: cache, token, offline mode.

    Raises:
        ConfigError: one line: no such data set, no access, offline and not in the cache.
    """
    from huggingface_hub import snapshot_download

    if tick is not None:
        tick(f"downloading {repository}", 0, None)
    try:
        found = snapshot_download(
            repository, repo_type="dataset", allow_patterns=list(patterns), local_files_only=offline() is not None
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        mode = f"offline ({offline()}): " if offline() else ""
        raise ConfigError(f"{repository}: cannot download: {mode}{reason}") from None
    return Path(found)
