"""Published files: LAReQA's at a pinned commit, checked against their SHA-256, and those of hub data sets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from engine.config import ConfigError
from engine.data.cache import cache_folder, offline
from engine.progress import Tick

COMMIT = "354d67d1cd066854cdfbf5ad0e6105528976141d"  # MLQA-R is in the repository's history only
ADDRESS = f"https://raw.githubusercontent.com/google-research-datasets/lareqa/{COMMIT}"
TIMEOUT = 30.0  # seconds without an answer

DIGESTS = {
    "xquad-r/ar.json": "c52922d3b8ac1ae03ed5ac38647ad59870dca3dda2beefe18ecdc30729acb69d",
    "xquad-r/de.json": "16fb0f4bf4916154b585a20c24c66074591c9718a1affe764ff4697572328949",
    "xquad-r/el.json": "163fd43ee785a30eb534ae2061e9eaa766a7ee4e8ffce5e4b422480c150f64b6",
    "xquad-r/en.json": "7b0954f39297c27a31fef610f0883337dd2907fa8699151dc922afdd0fa12ffe",
    "xquad-r/es.json": "f8e836b2d91009c4363e04315f7ede363eedbbb49c67dda60de6c4aa782f58de",
    "xquad-r/hi.json": "ea45ba8ae4513d1533b222bebdc02a90bc319c055d3aeea68584a053d2e92872",
    "xquad-r/ru.json": "7f4dff853538b9a5fcc28c070b8bb983a5c5d190ac747b8e005a1ada9cab18f1",
    "xquad-r/th.json": "c3a041864c3a9fb0b4dd91cfdf99cf36b411b3e704c58a303c97bc6dc786cfe4",
    "xquad-r/tr.json": "f3e8c13002bbce154a4578f535f7533cb70f3da08840e6b62735935baec7bd94",
    "xquad-r/vi.json": "e35926bf5cc6fc6ecbdfca49467aabeb454f08d152d7818143a906bd31dde995",
    "xquad-r/zh.json": "80c2cde7b9c2fb134c303cbb52f2ba396ead9eb0014aec43993543d2ba9e93ed",
    "mlqa-r/ar.json": "2132fbc03208535c0fe01f2e2c5121d06f9c2aa799af93b0a719dbc105bdf137",
    "mlqa-r/de.json": "ce9454dc5aa6f2d85c23cd6e49cb367fbb7c4c6e62d7f71e355c6b5dae4d0886",
    "mlqa-r/en.json": "fedd9a5cc0848dda80caf84aa36f482adaae230526a3f6e9e86926a93ef3b1e4",
    "mlqa-r/es.json": "70ecba276b8c96a692b120693a595d076ce94ad21d4b28311538a9fcbfe0f9d7",
    "mlqa-r/hi.json": "4dd0fb3c06f737a5481d705bc1dcac7876712a5815c9265908fbb3a0696cb654",
    "mlqa-r/vi.json": "9d3baff6ba03e6793b25594217265ea59a136b9733833dca8a9582a84a78ff85",
    "mlqa-r/zh.json": "57f01d2fff50cf3392805635b01445339f225ad5bf28ba8443b12f8dbd1e69dc",
}


def lareqa_folder(key: str, languages: Sequence[str], tick: Tick | None = None) -> Path:
    """A folder with the files of ``languages``; those that are not in the cache, whole and unchanged, are downloaded.

    Args:
        key: "xquad-r" or "mlqa-r".
        tick: called as ``tick("downloading FILE", bytes, total bytes)``; may raise to abandon the work.

    Raises:
        ConfigError: one line: offline, unreachable, or not the published content.
    """
    folder = cache_folder() / "lareqa" / COMMIT[:12] / key
    for language in languages:
        _fetch(f"{key}/{language}.json", folder, tick)
    return folder


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
        folder = snapshot_download(
            repository, repo_type="dataset", allow_patterns=list(patterns), local_files_only=offline() is not None
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        mode = f"offline ({offline()}): " if offline() else ""
        raise ConfigError(f"{repository}: cannot download: {mode}{reason}") from None
    return Path(folder)


def _fetch(name: str, folder: Path, tick: Tick | None) -> None:
    import pooch
    import requests

    path = folder / Path(name).name
    digest = f"sha256:{DIGESTS[name]}"
    if path.is_file() and pooch.hashes.hash_matches(str(path), digest):
        return
    key = name.partition("/")[0]
    advice = f"give its folder ({key}=FOLDER) or allow the network"
    if reason := offline():
        raise ConfigError(f"{key}: offline ({reason}) and {path} is not there: {advice}")
    pooch.get_logger().setLevel(logging.WARNING)
    address = f"{ADDRESS}/{name}"
    downloader = pooch.HTTPDownloader(progressbar=_ProgressBar(name, tick), chunk_size=1 << 16, timeout=TIMEOUT)
    try:
        pooch.retrieve(address, digest, fname=path.name, path=folder, downloader=downloader)
    except requests.RequestException as error:
        raise ConfigError(f"{key}: cannot download {address} ({type(error).__name__}): {advice}") from None
    except ValueError:  # pooch's word for a digest that does not match; nothing was kept
        raise ConfigError(f"{key}: {address} is not the published file: expected {digest}") from None
    except OSError as error:
        raise ConfigError(f"{key}: cannot write {path}: {error.strerror}") from None


class _ProgressBar:
    """What pooch expects of a progress bar."""

    def __init__(self, name: str, tick: Tick | None) -> None:
        self._name, self._tick = name, tick
        self.total = 0  # bytes; set by pooch
        self._done = 0

    def update(self, size: int) -> None:
        self._done = min(self._done + size, self.total)
        if self._tick is not None:
            self._tick(f"downloading {self._name}", self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing is held."""
