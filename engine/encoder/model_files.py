"""The files of a model, in a local folder or in a repository of the Hugging Face hub."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from engine.config import ConfigError
from engine.encoder.weights import file_fault
from engine.paths import expanded

_unreachable: set[str] = set()  # repositories that this process could not reach


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a model is; ``location``, ``revision`` and ``subfolder`` are as transformers takes them."""

    name: str  # as the user gave it
    location: str  # a folder, or a hub id
    is_folder: bool
    revision: str | None = None  # a hub id's commit, once it is known
    subfolder: str = ""  # of a hub id; a folder's is part of ``location``
    root: str = ""  # of a folder: without its subfolder

    def file(self, name: str, *, root: bool = False) -> Path | None:
        """A file beside the weights, or in the root of the model; None: there is none. Downloads it if need be.

        When the hub cannot be reached, a file that is not in the cache counts as absent; see ``is_known``.

        Raises:
            ConfigError: the hub answers with an error.
        """
        if self.is_folder:
            path = Path(self.root if root else self.location) / name
            return path if path.is_file() else None
        try:
            return _download(self.location, name, self.revision, "" if root else self.subfolder)
        except EntryNotFoundError:
            return None
        except HfHubHTTPError as error:
            raise ConfigError(
                f"model.name: the hub does not give {name} of {self.name!r}: {_first_line(error)}"
            ) from error

    def is_known(self, name: str) -> bool:
        """Whether it is certain that the root has this file, or has not; false where the hub was not reached."""
        return self.is_folder or try_to_load_from_cache(self.location, name, revision=self.revision) is not None

    def json(self, name: str, *, root: bool = False) -> dict[str, Any]:
        """The object in a JSON file; empty where there is no such file.

        Raises:
            ConfigError: the file holds anything else.
        """
        path = self.file(name, root=root)
        if path is None:
            return {}
        if fault := file_fault(path):
            raise ConfigError(f"model.name: cannot load {self.name!r}: {fault}")
        try:
            value = json.loads(path.read_bytes())
        except ValueError as error:
            raise ConfigError(f"model.name: cannot load {self.name!r}: {name} is not JSON ({error})") from None
        if not isinstance(value, dict):
            raise ConfigError(f"model.name: cannot load {self.name!r}: {name} holds no JSON object")
        return value

    def arguments(self) -> dict[str, Any]:
        """The arguments for a ``from_pretrained`` of transformers beside ``location``."""
        return {} if self.is_folder else {"revision": self.revision, "subfolder": self.subfolder}


def find_model_files(name: str, revision: str | None = None, subfolder: str = "") -> ModelFiles:
    """The files of a folder or of a hub id; of the latter the commit that ``revision`` stands for now.

    Raises:
        ConfigError: there is no such folder, repository or revision, or it cannot be reached.
    """
    folder = expanded(name)
    if folder.is_dir():
        if revision is not None:
            raise ConfigError(f"model.revision: {name!r} is a folder, and has no revisions: leave it out")
        inner = folder / subfolder
        if not inner.is_dir():
            raise ConfigError(f"model.name: {name!r} has no folder {subfolder!r}")
        return ModelFiles(name, str(inner), True, root=str(folder))
    if folder.is_file():
        raise ConfigError(f"model.name: {name!r} is a file: give the folder that it lies in")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ConfigError(f"model.name: no folder {name!r}")
    files = ModelFiles(name, name, False, revision, subfolder)
    return replace(files, revision=_commit(files))


def write_json(path: Path, value: Any) -> None:
    """As transformers and SentenceTransformer write the files of a model folder."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _commit(files: ModelFiles) -> str:
    """The commit of a hub id, from where its description lies in the cache."""
    name, revision = files.name, files.revision
    at = "" if revision is None else f" at revision {revision!r}"
    for file in ("config.json", "adapter_config.json", "modules.json"):
        try:
            path = _download(name, file, revision, files.subfolder)
        except EntryNotFoundError as error:
            cached_only = isinstance(error, LocalEntryNotFoundError)
        except HFValidationError:
            raise ConfigError(f"model.name: {name!r} is neither a folder nor a name that the hub allows") from None
        except RevisionNotFoundError:
            raise ConfigError(f"model.revision: {name!r} has no revision {revision!r}") from None
        except GatedRepoError:
            raise ConfigError(
                f"model.name: {name!r} is gated: ask for access on its page, then log in with `hf auth login`"
            ) from None
        except RepositoryNotFoundError:
            raise ConfigError(
                f"model.name: no folder and no model of the hub {name!r} (or a private one: `hf auth login`)"
            ) from None
        except HfHubHTTPError as error:
            raise ConfigError(f"model.name: the hub does not give {name!r}: {_first_line(error)}") from error
        else:
            return path.parents[len(Path(files.subfolder).parts)].name
    if not cached_only:
        raise ConfigError(f"model.name: {name!r}{at} has no config.json on the hub")
    if constants.HF_HUB_OFFLINE:
        raise ConfigError(
            f"model.name: no folder {name!r}, and no model of this name in the hub's cache{at}; HF_HUB_OFFLINE is set:"
            " unset it, or fetch the model first with `hf download`"
        )
    raise ConfigError(
        f"model.name: no folder {name!r}, no model of this name in the hub's cache{at}, and the hub cannot be reached"
    )


def _download(repository: str, file: str, revision: str | None, subfolder: str) -> Path:
    local = repository in _unreachable
    try:
        return Path(
            hf_hub_download(repository, file, revision=revision, subfolder=subfolder or None, local_files_only=local)
        )
    except LocalEntryNotFoundError:
        _unreachable.add(repository)  # trying takes half a minute: once is enough for all of its files
        raise
    except (EntryNotFoundError, HfHubHTTPError):
        raise
    except OSError as error:  # of the cache: no room, no permission
        raise ConfigError(f"model.name: cannot fetch {file} of {repository!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
