"""The record of what a result depends on, made without ever failing a launch."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from making import config

from engine.runs.provenance import provenance


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_commit_and_changes_of_the_repository_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    Path("a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "-m", "first")
    clean = provenance(config(), ["x"])
    assert clean.git_commit == git("rev-parse", "HEAD")
    Path("a").write_text("2")
    changed = provenance(config(), ["x"])
    assert changed.git_commit == clean.git_commit
    assert None not in (clean.git_diff_digest, changed.git_diff_digest)
    assert changed.git_diff_digest != clean.git_diff_digest
    assert (clean.changed, changed.changed) == (False, True)


def test_programs_named_by_the_repository_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    Path("a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "-m", "first")
    Path("a").write_text("2")
    git("config", "diff.external", f"touch {tmp_path / 'ran'}")
    git("config", "core.fsmonitor", f"touch {tmp_path / 'ran'}")
    assert provenance(config(), []).git_diff_digest is not None
    assert not (tmp_path / "ran").exists()


def test_no_repository_and_no_git_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance(config(), []).git_commit is None
    monkeypatch.setenv("PATH", "")
    found = provenance(config(), [])
    assert (found.git_commit, found.git_diff_digest, found.changed) == (None, None, False)
    assert found.host
    assert found.python
