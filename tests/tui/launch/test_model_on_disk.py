"""What is said of a model before it is loaded is what its files say, and what nobody has downloaded is not known."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from described_folders import described_folder, write_weights

from engine.config import ConfigError, ModelConfig
from tui.launch.model_on_disk import ModelOnDisk, model_on_disk


def files_of(name: str | Path, **other: str) -> ModelOnDisk | None:
    return model_on_disk(ModelConfig(name=str(name), **other))  # type: ignore[arg-type]


def pooling_of(name: str, **other: str) -> tuple[str, ...] | None:
    found = files_of(name, **other)
    assert found is not None
    assert found.described is not None
    return found.described.pooling


def test_parameters_are_counted_in_the_headers_alone(tmp_path: Path) -> None:
    write_weights(tmp_path / "model.safetensors", a=[3, 4], b=[])
    found = files_of(tmp_path)
    assert found is not None
    assert found.parameters() == 13


@pytest.mark.parametrize("content", [b"\xff" * 20, b"\x02" + b"\x00" * 7 + b"[]", b"\x09" + b"\x00" * 7 + b'{"a":"b"}'])
def test_weights_whose_header_is_none_have_no_count(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    found = files_of(tmp_path)
    assert found is not None
    assert found.parameters() is None


def test_body_and_head_count_wherever_they_lie_and_nothing_else_does(tmp_path: Path) -> None:
    described_folder(tmp_path, "Dense", "Normalize", body="transformer")
    write_weights(tmp_path / "transformer" / "model.safetensors", a=[100])
    write_weights(tmp_path / "2_Dense" / "model.safetensors", weight=[2, 4], bias=[2])
    write_weights(tmp_path / "onnx" / "model.safetensors", a=[7])
    found = files_of(tmp_path)
    assert found is not None
    assert found.parameters() == 110


def test_tiny_and_what_is_not_here_have_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert files_of("tiny") is None
    assert files_of("somebody/model") is None


def test_a_module_that_is_not_supported_is_refused_by_name(tmp_path: Path) -> None:
    described_folder(tmp_path, "Router")
    with pytest.raises(ConfigError, match=r"^model\.name: .*Router"):
        files_of(tmp_path)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of the hub, of which two commits were downloaded: the older one is what main was last asked for."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--somebody--model"
    for age, (commit, pooling) in enumerate((("aaa", "cls"), ("bbb", "mean"))):
        described_folder(repository / "snapshots" / commit, pooling=pooling)
        os.utime(repository / "snapshots" / commit, (1000 + age, 1000 + age))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("aaa")
    (repository / "refs" / "v2").write_text("bbb")
    return repository


@pytest.mark.parametrize(("revision", "pooling"), [(None, "cls"), ("v2", "mean"), ("bbb", "mean"), ("main", "cls")])
def test_a_branch_a_tag_and_a_commit_are_found_in_the_cache(
    revision: str | None, pooling: str, repository: Path
) -> None:
    other = {} if revision is None else {"revision": revision}
    assert pooling_of("somebody/model", **other) == (pooling,)


def test_a_revision_that_was_not_downloaded_is_not_taken_for_another(repository: Path) -> None:
    assert files_of("somebody/model", revision="v3") is None
    assert files_of("somebody/model", revision="../../outside") is None


def test_without_a_reference_the_newest_snapshot_is_meant(repository: Path) -> None:
    (repository / "refs" / "main").unlink()
    assert pooling_of("somebody/model") == ("mean",)


def test_a_description_that_was_never_asked_for_is_not_known_to_be_missing(repository: Path) -> None:
    """Weights alone lie in the cache of a person whose last program wanted no more."""
    snapshot = repository / "snapshots" / "aaa"
    (snapshot / "modules.json").unlink()
    write_weights(snapshot / "model.safetensors", a=[5])
    found = files_of("somebody/model")
    assert found is not None
    assert (found.described, found.parameters()) == (None, 5)
    absent = repository / ".no_exist" / "aaa" / "modules.json"
    absent.parent.mkdir(parents=True)
    absent.touch()
    assert pooling_of("somebody/model") is None


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    described_folder(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps([])[:1])
    with pytest.raises(ConfigError, match=r"modules\.json"):
        files_of(tmp_path)
