"""The watcher as a process beside workers that are paused, stopped, killed and resumed: every end is told, and once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from making import bare_run, config, started, steps, until, until_free, until_stepping

from engine import events
from engine.alerts import watcher
from engine.alerts.catching_up import catch_up
from engine.alerts.record import told_alerts
from engine.config import AlertsConfig, HooksConfig, RunConfig
from engine.files import write_file
from engine.paths import state_folder
from engine.runs import launch as launch_module
from engine.runs.commands import send_command, stop_without_worker
from engine.runs.folder import Provenance, RunFolder, Spec, read_spec
from engine.runs.launch import launch, resume, run_foreground
from engine.runs.lock import Liveness, read_owner
from engine.runs.log import EventLog
from engine.runs.registry import archive_run, delete_run
from engine.runs.watching import WATCHER, has_watcher, is_marked, make_watched, start_watcher
from tui.cli import main

HOOK = """
import os, sys
from pathlib import Path
names = ("STATE", "RUN", "STEP", "ATTEMPT", "REASON")
row = [os.environ[f"HYBRID_TUI_{name}"] for name in names]
with Path(sys.argv[1]).open("a", encoding="utf-8", errors="surrogateescape") as file:
    file.write("|".join([*row, sys.argv[2]]) + "\\n")
"""
pytestmark = [pytest.mark.long, pytest.mark.exhaustive]

LONG = 1_000_000  # steps of a run that does not end by itself


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    script = tmp_path / "hook.py"
    script.write_text(HOOK)
    return script


@pytest.fixture
def ends(tmp_path: Path) -> Path:
    """What the hook writes: a line for each time it ran."""
    return tmp_path / "ends"


@pytest.fixture
def alerts(tmp_path: Path) -> Path:
    """A file as a target."""
    return tmp_path / "alerts.txt"


def watched(hook: Path, ends: Path, alerts: Path, /, steps: int = LONG, **rules: object) -> RunConfig:
    return msgspec.structs.replace(
        config(steps=steps),
        hooks=HooksConfig(on_end=f"{sys.executable} {hook} {ends}"),
        alerts=AlertsConfig(targets=(f"file://{alerts}",), **rules),  # type: ignore[arg-type]
    )


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def states(ends: Path) -> list[str]:
    return [line.partition("|")[0] for line in lines(ends)]


def until_told(folder: RunFolder) -> None:
    """Until the worker is gone, and then its watcher."""
    until_free(folder)
    until(lambda: not has_watcher(folder) and bool(told_alerts(folder)), "the watcher to leave")


def kill_worker(folder: RunFolder) -> None:
    until_stepping(folder)
    owner = read_owner(folder)
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)


def watcher_of(folder: RunFolder) -> int:
    """The process id of the watcher, which stands in nobody's file."""
    return watchers_of(folder)[0]


def watchers_of(folder: RunFolder) -> list[int]:
    words = [*WATCHER, str(folder.path)]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().decode().split("\0")[1:-1]
        except OSError:
            continue
        if arguments == words:
            found.append(int(process.name))
    return found


def test_a_killed_worker_is_told_once_as_crashed(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = launch(home, watched(hook, ends, alerts))
    until(lambda: has_watcher(folder), "a watcher")
    kill_worker(folder)
    until_told(folder)
    ((state, run, _, attempt, reason, path),) = [line.split("|") for line in lines(ends)]
    assert (state, run, attempt, path) == ("crashed", folder.id, "1", str(folder.path))
    assert reason == "killed, resumable from the beginning"
    (alert,) = lines(alerts)
    assert f"{folder.id}: crashed at step " in alert
    assert catch_up([folder]) == []
    start_watcher(folder)
    until(lambda: not watchers_of(folder), "a second watcher to leave")
    assert len(lines(ends)) == 1


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_a_run_that_is_left_is_told_with_its_step(
    home: Path, hook: Path, ends: Path, alerts: Path, command: str
) -> None:
    folder = launch(home, watched(hook, ends, alerts))
    until_stepping(folder)
    send_command(folder, command)  # type: ignore[arg-type]
    until_told(folder)
    state = {"pause": "paused", "stop": "stopped"}[command]
    ((told, _, step, _, reason, _),) = [line.split("|") for line in lines(ends)]
    assert told == state
    assert int(step) > 0
    assert reason.startswith("resumable from step ")
    assert len(lines(alerts)) == 1


def test_each_attempt_has_an_end_of_its_own(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    """Also where the watcher of the first one is still there when the run is resumed."""
    folder = launch(home, watched(hook, ends, alerts))
    kill_worker(folder)
    until_free(folder)
    resume(folder)
    until_stepping(folder)
    until(lambda: states(ends) == ["crashed"], "the end of the first attempt")
    send_command(folder, "pause")
    until(lambda: states(ends) == ["crashed", "paused"], "the end of the second attempt")
    until_told(folder)
    stop_without_worker(folder)
    assert catch_up([folder]) == [folder]
    until(lambda: states(ends) == ["crashed", "paused", "stopped"], "the end that had no worker")
    until_told(folder)
    assert catch_up([folder]) == []


def test_a_finished_run_is_looked_after_no_longer(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    """In the foreground its messages are waited for."""
    folder = launch(home, watched(hook, ends, alerts, steps=600, ends=("finished",)), wait=True)
    assert run_foreground([folder]) == [0]
    assert states(ends) == ["finished"]
    assert [line.partition(": ")[2] for line in lines(alerts)] == ["finished at step 600"]
    assert not is_marked(folder)


def test_a_run_in_the_foreground_that_dies_at_once_is_told_before_its_command_leaves(
    home: Path, hook: Path, ends: Path, alerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_WORKER", "die")
    folder = launch(home, watched(hook, ends, alerts), wait=True)
    assert run_foreground([folder]) == [1]
    assert states(ends) == ["crashed"]
    assert len(lines(alerts)) == 1


def test_ends_that_nobody_wants_are_not_sent(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = launch(home, watched(hook, ends, alerts, ends=("failed",)))
    until_stepping(folder)
    send_command(folder, "pause")
    until_told(folder)
    assert states(ends) == ["paused"]
    assert lines(alerts) == []


def test_a_worker_that_died_before_its_first_event_is_told(
    home: Path, hook: Path, ends: Path, alerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_WORKER", "die")
    folder = launch(home, watched(hook, ends, alerts))
    until_told(folder)
    assert states(ends) == ["crashed"]
    assert "the worker died before its first event" in lines(alerts)[0]


def test_a_crash_that_nobody_saw_is_told_by_the_next_viewer(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    """As after a reboot: worker and watcher are gone."""
    folder = launch(home, watched(hook, ends, alerts))
    until(lambda: has_watcher(folder), "a watcher")
    os.kill(watcher_of(folder), signal.SIGKILL)
    until(lambda: not has_watcher(folder), "the watcher to be gone")
    kill_worker(folder)
    until_free(folder)
    command = [sys.executable, "-m", "tui.cli", "--runs", str(home), "list"]
    listed = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait() for process in listed] == [0, 0, 0]
    until_told(folder)
    assert states(ends) == ["crashed"]
    assert len(lines(alerts)) == 1


def test_a_crash_that_nobody_saw_is_told_by_the_resume(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = launch(home, watched(hook, ends, alerts))
    until(lambda: has_watcher(folder), "a watcher")
    os.kill(watcher_of(folder), signal.SIGKILL)
    kill_worker(folder)
    until_free(folder)
    resume(folder)
    until_stepping(folder)
    send_command(folder, "pause")
    until(lambda: states(ends) == ["crashed", "paused"], "both ends")
    until_told(folder)


def test_a_live_run_without_its_watcher_gets_one(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = launch(home, watched(hook, ends, alerts))
    until(lambda: has_watcher(folder), "a watcher")
    assert catch_up([folder]) == []
    os.kill(watcher_of(folder), signal.SIGKILL)
    until(lambda: not has_watcher(folder), "the watcher to be gone")
    assert catch_up([folder]) == [folder]
    until(lambda: has_watcher(folder), "another watcher")


def test_there_is_one_watcher_however_many_are_started(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = launch(home, watched(hook, ends, alerts))
    until(lambda: has_watcher(folder), "a watcher")
    first = watcher_of(folder)
    for _ in range(4):
        start_watcher(folder)
    until(lambda: watchers_of(folder) == [first], "the others to leave")
    kill_worker(folder)
    until_told(folder)
    assert states(ends) == ["crashed"]


def test_a_copy_of_somebody_elses_run_starts_nothing(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    """A folder from elsewhere names commands too: looking at it must not run them."""
    folder = launch(home, watched(hook, ends, alerts))
    kill_worker(folder)
    until_told(folder)
    theirs = RunFolder(home / "theirs-20260101-000000")
    shutil.copytree(folder.path, theirs.path)
    for claim in theirs.alerts.glob("*.json"):
        claim.unlink()
    (theirs.alerts / "mark").write_text("0" * 32)
    assert catch_up([theirs]) == []
    (theirs.alerts / "mark").write_text("../../../etc/passwd")
    assert not is_marked(theirs)


def test_an_archived_run_is_not_told_as_crashed(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    """Its folder is gone from where the watcher knew it."""
    folder = launch(home, watched(hook, ends, alerts))
    until_stepping(folder)
    send_command(folder, "pause")
    until_free(folder)
    archived = archive_run(folder)
    until(lambda: not watchers_of(folder), "the watcher to leave")
    assert "crashed" not in states(ends)
    catch_up([archived])
    until_told(archived)
    assert states(ends) == ["paused"]


def test_a_loss_that_is_not_finite_is_told_once_across_resumes(
    home: Path, hook: Path, ends: Path, alerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_WORKER", "diverge")
    folder = launch(home, watched(hook, ends, alerts, ends=()))
    until(lambda: bool(lines(alerts)), "the alert")
    for _ in range(2):
        send_command(folder, "pause")
        until_told(folder)
        resume(folder)
        until_stepping(folder)
    send_command(folder, "pause")
    until_told(folder)
    assert [line.partition(": ")[2] for line in lines(alerts)] == ["loss is nan at step 10"]


def test_a_worker_that_stands_still_is_told(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = launch(home, watched(hook, ends, alerts, ends=(), no_progress_minutes=0.05))
    until_stepping(folder)
    owner = read_owner(folder)
    assert owner is not None
    os.kill(owner.pid, signal.SIGSTOP)
    try:
        until(lambda: bool(lines(alerts)), "the alert")
    finally:
        os.kill(owner.pid, signal.SIGCONT)
    assert ": no progress for 0." in lines(alerts)[0]
    send_command(folder, "pause")
    until_told(folder)
    assert len(lines(alerts)) == 1


def test_a_target_that_fails_harms_nothing_and_is_noted(home: Path, hook: Path, ends: Path, tmp_path: Path) -> None:
    folder = launch(home, watched(hook, ends, tmp_path / "none" / "alerts.txt", steps=50))
    until(lambda: any("not sent: No such file or directory" in line for line in lines(folder.alerts_log)), "a note")
    until(lambda: states(ends) == ["finished"], "the hook")
    assert has_watcher(folder)  # it will try again
    os.kill(watcher_of(folder), signal.SIGKILL)
    assert (folder.alerts_log.stat().st_mode & 0o077, folder.alerts.stat().st_mode & 0o077) == (0, 0)


def test_a_target_is_tried_three_times_and_then_given_up(
    home: Path,
    hook: Path,
    ends: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(watcher, "RETRY_SECONDS", (0.0, 0.0))
    rules = watched(hook, ends, tmp_path / "none" / "alerts.txt", steps=20)
    folder = launch(home, msgspec.structs.replace(rules, hooks=HooksConfig()), wait=True)
    with pytest.MonkeyPatch.context() as alone:
        alone.setattr(launch_module, "start_watcher", lambda _: None)
        alone.setattr(launch_module, "wait_for_watcher", lambda *_: None)
        run_foreground([folder])
    follower = watcher.Watcher(folder, read_spec(folder).config)
    looks = 1
    while follower.look():
        looks += 1
    assert looks == 3
    assert capfd.readouterr().out.count("not sent: No such file or directory") == 3
    assert not is_marked(folder)


def test_a_hook_that_fails_or_is_not_there_is_noted(home: Path, alerts: Path) -> None:
    for command, note in (("sh -c 'echo said; exit 5'", "status 5"), ("no-such-command", "cannot be run")):
        hooks = HooksConfig(on_end=command)
        folder = launch(home, msgspec.structs.replace(config(steps=20), hooks=hooks))
        until_told(folder)
        log = folder.alerts_log.read_text()
        assert f"hooks.on_end {note}" in log or f"hooks.on_end ended with {note}" in log
    assert not alerts.exists()


def test_a_run_without_alerts_has_no_watcher(home: Path) -> None:
    folder = launch(home, config(steps=20))
    until_free(folder)
    assert not folder.alerts.exists()
    assert watchers_of(folder) == []
    assert catch_up([folder]) == []


def test_the_watcher_loads_nothing_heavy_and_no_apprise() -> None:
    heavy = {"torch", "numpy", "polars", "apprise"}
    code = f"import sys, engine.alerts.watcher; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def ended_run(home: Path, rules: RunConfig, *log: events.AnyEvent) -> RunFolder:
    """A run of this user's whose worker has written ``log`` and is gone; nobody has told of it."""
    folder = bare_run(home)
    folder.spec.unlink()
    write_file(folder.spec, msgspec.json.encode(Spec(config=rules, created=1.0, provenance=Provenance())), 0o400)
    writer = EventLog.open(folder, attempt=1)
    for event in log:
        writer.append(event)
    writer.close()
    make_watched(folder)
    return folder


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_an_error_in_any_script_is_told_in_any_locale(
    home: Path, hook: Path, ends: Path, alerts: Path, locale: str
) -> None:
    failed = events.RunFailed(error="Größe \x1b[31m 大", last_lines=[], hint="mehr Speicher")
    folder = ended_run(home, watched(hook, ends, alerts), started(), failed)
    environment = os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with folder.alerts_log.open("wb") as log:
        subprocess.run([sys.executable, *WATCHER, str(folder.path)], env=environment, stdout=log, check=True)
    assert alerts.read_text(encoding="utf-8").endswith(": failed at step 0: Größe ␛[31m 大 (mehr Speicher)\n")
    assert "failed at step 0: Größe" in folder.alerts_log.read_text(encoding="utf-8")
    assert "hooks.on_end" not in folder.alerts_log.read_text(encoding="utf-8")
    assert len(ends.read_bytes().splitlines()) == 1


def test_alerts_stand_in_the_log(
    home: Path, hook: Path, ends: Path, alerts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = watched(hook, ends, alerts, bounds=("loss > 5",))
    folder = ended_run(home, rules, started(), steps(1, [1.0, 6.0]), events.RunPaused(step=2))
    subprocess.run([sys.executable, *WATCHER, str(folder.path)], stdout=subprocess.DEVNULL, check=True)
    assert main(["--runs", str(home), "log", folder.id]) == 0
    told = [line.partition("told: ")[2] for line in capsys.readouterr().out.splitlines() if "told: " in line]
    assert told == ["loss is 6 at step 2, beyond loss > 5", "paused at step 2: resumable from the beginning"]
    assert len(lines(alerts)) == 2


def test_a_fifo_in_place_of_the_mark_holds_nobody_up(home: Path) -> None:
    folder = bare_run(home)
    folder.alerts.mkdir()
    os.mkfifo(folder.alerts / "mark")
    os.mkfifo(folder.alerts / "end-0001-crashed.json")
    assert catch_up([folder]) == []
    assert told_alerts(folder) == []


def test_a_deleted_run_leaves_no_word_behind(home: Path, hook: Path, ends: Path, alerts: Path) -> None:
    folder = ended_run(home, watched(hook, ends, alerts), started(), events.RunPaused(step=0))
    assert len(list((state_folder() / "watched").iterdir())) == 1
    delete_run(folder)
    assert list((state_folder() / "watched").iterdir()) == []


def test_a_run_is_resumed_without_the_target_that_is_not_there(
    home: Path, hook: Path, ends: Path, alerts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = watched(hook, ends, alerts, steps=20)
    more = msgspec.structs.replace(rules.alerts, targets=(*rules.alerts.targets, "${GONE}"))
    folder = ended_run(home, msgspec.structs.replace(rules, alerts=more), started(), events.RunPaused(step=0))
    assert main(["--runs", str(home), "resume", folder.id]) == 0
    missing = "alerts.targets[1]: the environment variable GONE is not set"
    assert capsys.readouterr().err == f"hybrid-tui: {missing}\n"
    until_told(folder)
    assert states(ends) == ["paused", "finished"]
    assert len(lines(alerts)) == 2
    assert missing in folder.alerts_log.read_text()


def test_a_disk_that_fails_for_a_moment_is_no_crash(
    home: Path, hook: Path, ends: Path, alerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ended_run(home, watched(hook, ends, alerts), started(), steps(1, [1.0]))
    alive = [False, True, False, True, False, False]
    monkeypatch.setattr(watcher, "probe", lambda _: Liveness(alive=alive.pop(0), owner=None))
    follower = watcher.Watcher(folder, read_spec(folder).config)
    told = []
    while alive:
        follower.look()
        told.append(len(told_alerts(folder)))
    assert told == [0, 0, 0, 0, 0, 1]
    until(lambda: states(ends) == ["crashed"], "the hook")
