"""Runs folders that are read-only, unreadable or no folders, and runs of another user: each is one true line.

The commands run as root without the right to pass over permissions, which is how any user stands to another's files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from making import bare_run, started, steps

from engine import events
from engine.runs.folder import RunFolder
from engine.runs.lock import RunLock, probe
from engine.runs.log import EventLog
from tui.cli import main

SOMEBODY = 54321
COMMON = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all")
as_common_user = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to make files of another user"
)


def run_of_somebody(home: Path, run_id: str, mode: int) -> RunFolder:
    folder = bare_run(home, run_id=run_id, name=run_id)
    log = EventLog.open(folder, 1)
    for event in (started(run_id), steps(1, [1.0]), events.RunPaused(step=1)):
        log.append(event)
    log.close()
    lock = RunLock.acquire(folder)
    lock.write_owner(1)
    lock.release()
    for path in (folder.path, *folder.path.rglob("*")):
        path.chmod(mode if path.is_dir() else mode & 0o666)
        os.chown(path, SOMEBODY, SOMEBODY)
    return folder


def asked(home: Path, *arguments: str) -> tuple[int, str, str]:
    """Status, output and complaints of a command of a common user's."""
    command = [*COMMON, sys.executable, "-m", "tui.cli", "--runs", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@as_common_user
def test_shared_runs_of_another_user_are_read_and_not_touched(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    run_of_somebody(home, "shared", 0o755)
    run_of_somebody(home, "private", 0o700)
    status, out, err = asked(home, "list")
    assert (status, "shared" in out, "private" in out) == (0, True, False)
    assert err == "hybrid-tui: not listed, since they cannot be read (another user's?): private\n"
    assert asked(home, "status", "shared")[1].startswith("shared  paused")
    assert asked(home, "stop", "shared")[::2] == (2, f"hybrid-tui: {home}/shared: this run belongs to another user\n")
    status, _, err = asked(home, "status", "private")
    assert (status, err.startswith("hybrid-tui: run private cannot be read: it belongs to another user")) == (2, True)


@as_common_user
def test_a_runs_folder_that_may_not_be_read_has_not_no_runs(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    run_of_somebody(home, "some", 0o700)
    home.chmod(0o700)
    os.chown(home, SOMEBODY, SOMEBODY)
    for arguments in (["list"], ["list", "--json"], ["--plain"], ["status", "last"]):
        told = f"hybrid-tui: {home}: the runs folder cannot be read: Permission denied\n"
        assert asked(home, *arguments) == (2, "", told)


@pytest.mark.parametrize("arguments", [["list"], ["--plain"], ["status", "last"], ["delete", "x", "--yes"]])
def test_a_runs_folder_that_is_a_file_is_said(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--runs", str(tmp_path / "file"), *arguments]) == 2
    assert (
        capsys.readouterr().err == f"hybrid-tui: {tmp_path / 'file'}: the runs folder cannot be read: Not a directory\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_a_read_only_runs_folder_is_read(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    run_of_somebody(home, "some", 0o755)
    command = f"{sys.executable} -m tui.cli --runs {home}"
    script = (
        f"mount --bind {home} {home} && mount -o remount,ro,bind {home} || exit 77; {command} list; {command} stop some"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("nothing can be mounted here")
    assert "some" in done.stdout
    assert (done.returncode, done.stderr) == (2, f"hybrid-tui: {home}/some/worker.lock: Read-only file system\n")


def test_a_lock_that_may_not_be_read_says_nothing_of_its_owners_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bare_run(tmp_path)
    RunLock.acquire(folder).release()

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert probe(folder).alive is None
