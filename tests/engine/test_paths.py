"""A path that a person writes is taken as a shell takes it, and what cannot be one is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config_error import ConfigError
from engine.paths import absolute, cache_path, expanded, require_working_folder, state_folder


def test_a_tilde_is_home_and_that_of_nobody_stays_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert expanded("~/a") == Path("/somewhere/a")
    assert expanded("~b") == Path("~b")
    assert expanded("~nobody-of-that-name/a") == Path("~nobody-of-that-name/a")


def test_without_a_working_folder_a_relative_path_is_an_error_and_an_absolute_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    require_working_folder()
    folder.rmdir()
    try:
        assert absolute(tmp_path / "a") == tmp_path / "a"
        for relative in (lambda: absolute("a"), require_working_folder):
            with pytest.raises(ConfigError, match="working folder has been removed"):
                relative()
    finally:
        monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("base", ["", "state", "~/state"])
def test_a_base_folder_that_is_no_whole_path_counts_for_nothing(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.delenv("HYBRID_TUI_CACHE", raising=False)
    for variable in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, base)
    assert state_folder() == Path("/home/anna/.local/state/hybrid-tui")
    assert cache_path() == Path("/home/anna/.cache/hybrid-tui")
