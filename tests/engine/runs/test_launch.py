"""Launch and resume with real processes: a run never reads as crashed at birth, outlives who started it, and has
one worker at most."""

from __future__ import annotations

import os
import pty
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from making import FAKE_WORKER, config, python, recorded, until, until_free, until_stepping

from engine import events
from engine.config import BatchConfig, ConfigError, EvaluationConfig, ModelConfig, RunConfig, SourceConfig
from engine.runs import launch as launch_module
from engine.runs.commands import send_command, stop_without_worker, wait_for_command
from engine.runs.errors import RunBusy, RunError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.launch import launch, resume, run_foreground
from engine.runs.lock import probe, signal_worker
from engine.runs.log import EventLog
from engine.runs.ownership import liveness_of
from engine.runs.reader import RunReader
from engine.runs.registry import archive_run, list_runs, restore_run
from engine.runs.status import status_of

LAUNCHER = """
import sys, time
from pathlib import Path
from engine.runs import launch
from engine.runs.folder import RunFolder
import making
launch.WORKER = (str(making.FAKE_WORKER),)
what, path = sys.argv[1], Path(sys.argv[2])
try:
    if what == "launch":
        print(launch.launch(path, making.config(steps=400)).path, flush=True)
        time.sleep(60)
    else:
        print("attempt", launch.resume(RunFolder(path)), flush=True)
except launch.RunError as error:
    print(type(error).__name__, flush=True)
"""


def state_of(folder: RunFolder) -> str:
    return status_of(RunReader(folder)).state


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(FAKE_WORKER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def test_new_run_never_reads_as_crashed_and_finishes(home: Path) -> None:
    """Watched from the moment its folder is listed."""
    states: list[str] = []
    watching = threading.Event()

    def watch() -> None:
        while not watching.is_set():
            states.extend(state_of(folder) for folder in list_runs(home))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        folder = launch(home, config(steps=5))
        until_free(folder)
    finally:
        watching.set()
        watcher.join()
    states.append(state_of(folder))
    assert states[-1] == "finished"
    assert set(states) <= {"starting", "running", "finished"}


def test_worker_survives_its_launcher_and_the_terminal(home: Path) -> None:
    """The launcher runs in a pseudo-terminal that is closed: it is hung up, the run goes on to its end."""
    child, master = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        os.execve(sys.executable, [sys.executable, "-c", LAUNCHER, "launch", str(home)], environment())
    line = b""
    while b"\n" not in line:
        line += os.read(master, 1000)
    folder = RunFolder(Path(line.decode().strip()))
    until_stepping(folder)
    owner = probe(folder).owner
    assert owner is not None
    fields = Path(f"/proc/{owner.pid}/stat").read_text().rpartition(")")[2].split()
    parent, session, terminal = int(fields[1]), int(fields[3]), int(fields[4])
    assert terminal == 0
    assert session not in (owner.pid, os.getsid(0), os.getsid(child)), "a session of its own, not as its leader"
    assert parent != child
    os.close(master)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGHUP
    before = recorded(folder)[-1].seq
    until(lambda: recorded(folder)[-1].seq > before, "events after the hang-up")
    assert signal_worker(folder, signal.SIGHUP)
    until_free(folder)
    assert state_of(folder) == "finished"


def test_killed_run_is_crashed_and_resumes(home: Path) -> None:
    folder = launch(home, config(steps=3000))
    until_stepping(folder)
    assert signal_worker(folder, signal.SIGKILL)
    until_free(folder)
    assert state_of(folder) == "crashed"
    assert resume(folder) == 2
    assert state_of(folder) in ("starting", "running")
    with pytest.raises(RunBusy):
        resume(folder)
    until(lambda: state_of(folder) == "running", "steps")
    assert signal_worker(folder, signal.SIGTERM)
    until_free(folder)
    assert state_of(folder) == "paused", "SIGTERM is a pause"


def test_signals_of_one_moment_are_one_pause(home: Path) -> None:
    folder = launch(home, config(steps=3000))
    until_stepping(folder)
    assert signal_worker(folder, signal.SIGSTOP)
    signal_worker(folder, signal.SIGTERM)
    signal_worker(folder, signal.SIGINT)
    signal_worker(folder, signal.SIGCONT)
    until_free(folder)
    assert state_of(folder) == "paused"


def test_worker_that_dies_before_its_first_event_is_crashed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_WORKER", "die")
    folder = launch(home, config())
    until_free(folder)
    assert state_of(folder) == "crashed"
    assert "dying as asked" in folder.log.read_text()
    monkeypatch.delenv("FAKE_WORKER")
    assert resume(folder) == 2, "the attempt that left no event is known from the lock"
    until_free(folder)
    assert state_of(folder) == "finished"


def test_two_resumes_at_the_same_moment_start_one_worker(home: Path) -> None:
    folder = launch(home, config(steps=5000))
    until_stepping(folder)
    signal_worker(folder, signal.SIGTERM)
    until_free(folder)
    racers = [python(LAUNCHER, "resume", str(folder.path), env=environment()) for _ in range(2)]
    outcomes = sorted(racer.communicate()[0].strip() for racer in racers)
    assert outcomes == ["RunBusy", "attempt 2"]
    until_stepping(folder)
    found = recorded(folder)
    assert sum(isinstance(event, events.RunResumed) for event in found) == 1
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    signal_worker(folder, signal.SIGKILL)


def test_finished_run_does_not_resume_except_to_evaluate(home: Path) -> None:
    folder = launch(home, config(steps=2))
    until_free(folder)
    before = folder.events.read_bytes()
    with pytest.raises(RunError, match="is finished"):
        resume(folder)
    assert folder.events.read_bytes() == before
    assert resume(folder, evaluate=True) == 2
    until_free(folder)


def test_run_of_another_machine_is_taken_over_only_when_asked(home: Path) -> None:
    folder = launch(home, config(steps=5000))
    until_stepping(folder)
    signal_worker(folder, signal.SIGKILL)
    until_free(folder)
    move_to_another_machine(folder)
    with pytest.raises(RunError, match="--take-over"):
        resume(folder)
    assert resume(folder, take_over=True) == 2
    until(lambda: state_of(folder) == "running", "the taken-over run")
    signal_worker(folder, signal.SIGKILL)


@pytest.mark.parametrize("last_word", ["paused", "stopped"])
def test_run_that_was_left_on_another_machine_belongs_to_nobody(home: Path, last_word: str) -> None:
    folder = launch(home, config(steps=5000))
    until_stepping(folder)
    wait_for_command(RunReader(folder), send_command(folder, "pause" if last_word == "paused" else "stop"))
    assert state_of(folder) == last_word
    move_to_another_machine(folder)
    assert liveness_of(folder).alive is False
    with pytest.raises(RunError, match="no live worker"):
        send_command(folder, "checkpoint")
    put_away = archive_run(folder)
    assert restore_run(home, put_away.id) == folder
    assert resume(folder) == 2
    until(lambda: state_of(folder) == "running", "the resumed run")
    signal_worker(folder, signal.SIGKILL)
    until_free(folder)
    stop_without_worker(folder)
    move_to_another_machine(folder)
    stop_without_worker(folder)  # also where it was stopped already
    assert state_of(folder) == "stopped"


def test_run_whose_next_worker_has_not_spoken_yet_may_live_elsewhere(home: Path) -> None:
    folder = launch(home, config(steps=5000))
    until_stepping(folder)
    wait_for_command(RunReader(folder), send_command(folder, "pause"))
    move_to_another_machine(folder, attempt=2)
    with pytest.raises(RunError, match="--take-over"):
        resume(folder)


def move_to_another_machine(folder: RunFolder, attempt: int = 1) -> None:
    """Has its last worker be one of a machine whose locks and processes cannot be seen from here."""
    owner = probe(folder).owner
    assert owner is not None
    far = msgspec.structs.replace(owner, host="another host", boot_id="another boot", attempt=attempt)
    folder.lock.write_bytes(msgspec.json.encode(far))


def test_foreground_run_ends_with_its_worker_and_passes_signals_on(home: Path) -> None:
    folder = launch(home, config(steps=5000), wait=True)
    assert state_of(folder) == "starting"
    seen: list[str] = []

    def meanwhile() -> None:
        until_stepping(folder)
        seen.append(state_of(folder))
        owner = probe(folder).owner
        assert owner is not None
        assert os.getsid(owner.pid) == os.getsid(0)
        os.kill(os.getpid(), signal.SIGTERM)

    assert run_foreground([folder], meanwhile) == [0]
    assert seen == ["running"]
    assert state_of(folder) == "paused"
    with pytest.raises(RunError, match="not launched"):
        run_foreground([folder])

    assert resume(folder, wait=True) == 2
    assert run_foreground([folder], meanwhile) == [0]
    assert seen == ["running", "running"]
    assert state_of(folder) == "paused"
    assert recorded(folder)[-1].attempt == 2


def test_signal_that_comes_before_the_worker_can_take_it_is_a_pause(home: Path) -> None:
    folder = launch(home, config(steps=5000), wait=True)
    assert run_foreground([folder], lambda: os.kill(os.getpid(), signal.SIGTERM)) == [0]
    assert state_of(folder) == "paused"


def test_spec_holds_config_provenance_and_absolute_paths(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    for name in ("xquad", "model", "tiny"):
        (work / name).mkdir(parents=True)
    (work / "pairs.jsonl").write_text("")
    monkeypatch.chdir(work)
    relative = RunConfig(
        model=ModelConfig(name="model"),
        sources=(SourceConfig(kind="jsonl", path="pairs.jsonl"), SourceConfig(kind="cldr")),
        evaluation=EvaluationConfig(benchmarks=("cldr", "xquad-r=xquad")),
    )
    folder = launch(home, relative, command_line=["hybrid-tui", "run", "x"], parent="mother@40", wait=True)
    spec = read_spec(folder)
    assert spec.config.model.name == str(work / "model")
    assert [source.path for source in spec.config.sources] == [str(work / "pairs.jsonl"), None]
    assert spec.config.evaluation.benchmarks == ("cldr", f"xquad-r={work / 'xquad'}")
    assert spec.provenance.command_line == ("hybrid-tui", "run", "x")
    assert spec.provenance.packages["msgspec"] == msgspec.__version__
    assert spec.provenance.threads == len(os.sched_getaffinity(0))
    assert (spec.parent, abs(spec.created - time.time()) < 60) == ("mother@40", True)
    tiny = launch(home, msgspec.structs.replace(relative, model=ModelConfig(name="tiny")), wait=True)
    assert read_spec(tiny).config.model.name == "tiny", "the built-in model, whatever folders lie about"


@pytest.mark.parametrize(("share", "folder_mode", "file_mode"), [("none", 0o700, 0o600), ("read", 0o755, 0o644)])
def test_files_are_private_unless_shared(home: Path, share: str, folder_mode: int, file_mode: int) -> None:
    folder = launch(home, msgspec.structs.replace(config(steps=2), share=share))
    until_free(folder)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}
    assert stat.S_IMODE(folder.path.stat().st_mode) == folder_mode
    assert modes.pop("spec.json") == file_mode & 0o444, "immutable"
    assert modes.pop("control") == 0o700, "others may look, not command"
    assert set(modes.values()) == {file_mode}, modes


def test_ids_of_one_second_are_numbered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_module.time, "strftime", lambda _: "20260102-030405")
    ids = [launch(home, config("same"), wait=True).id for _ in range(3)]
    assert ids == ["same-20260102-030405", "same-20260102-030405-2", "same-20260102-030405-3"]


def test_wrong_config_or_home_leaves_no_folder(home: Path, tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(config(), batch=BatchConfig(mode="english", language="xx"))
    with pytest.raises(ConfigError, match=r"batch\.language"):
        launch(home, wrong)
    assert not home.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="no run folder can be made"):
        launch(tmp_path / "file" / "runs", config())


def test_worker_that_cannot_be_started_leaves_no_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_module.spawn, "__file__", "/nowhere/spawn.py")
    with pytest.raises(RunError, match="cannot be started"):
        launch(home, config())
    assert list(home.iterdir()) == []


def children() -> set[str]:
    """Processes that are this one's, those that wait to be buried among them."""
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


def test_launcher_keeps_neither_descriptor_nor_child(home: Path) -> None:
    """A dashboard launches many runs in its life."""
    before = descriptors(), children()
    folders = [launch(home, config(f"run{number}", steps=2)) for number in range(3)]
    for folder in folders:
        until_free(folder)
    assert (descriptors(), children()) == before


def test_resume_of_a_run_with_a_torn_log_continues_the_numbering(home: Path) -> None:
    folder = launch(home, config(steps=3000))
    until_stepping(folder)
    signal_worker(folder, signal.SIGKILL)
    until_free(folder)
    with folder.events.open("ab") as file:
        file.write(b'{"v":1,"seq":9999,"type":"st')
    resume(folder)
    until(lambda: state_of(folder) == "running", "steps")
    signal_worker(folder, signal.SIGKILL)
    until_free(folder)
    EventLog.open(folder, 9).close()
    found = recorded(folder)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
