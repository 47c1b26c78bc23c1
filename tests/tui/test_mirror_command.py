"""``mirror`` as a command: documents, wrong use, signals, and a real training that is killed while it is mirrored."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import runs_factory
from following import ended, until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.config import (
    BatchConfig,
    CheckpointConfig,
    EvaluationConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
    SourceConfig,
)
from engine.runs.folder import RunFolder
from engine.runs.launch import launch, resume
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from tui.cli import EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, main

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export" / "mirror"))
from mirror_cases import same, timeline

FLOAT32 = 1e-6


def losses(out: Path, run: RunFolder) -> dict[int, float]:
    folder = out / run.id
    if not folder.is_dir():
        return {}
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    if "train/loss" not in read.Tags()["scalars"]:
        return {}
    points = read.Scalars("train/loss")
    assert len({point.step for point in points}) == len(points), "a point twice"
    return {point.step: point.value for point in points}


def whole(out: Path, run: RunFolder) -> bool:
    return same(losses(out, run), timeline(run)["train/loss"], FLOAT32)


@pytest.fixture
def mirroring(home: Path) -> Iterator:
    """Starts the command in a process of its own; all of them are gone at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "tui.cli", "--runs", str(home), "mirror", *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_several_runs_give_one_document(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writers = [runs_factory.finished(home, "first"), runs_factory.finished(home, "second", "mono")]
    arguments = ["first", "second", "first", "--to", "tensorboard", "--out", "logs", "--project", "bias", "--json"]
    assert main(["--runs", str(home), "mirror", *arguments]) == EXIT_DONE
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document == {
        "mirrored": [
            {
                "run": writer.folder.id, "tracker": "tensorboard", "rows": 403, "state": "finished",
                "place": str(Path("logs", "bias", writer.folder.id).absolute()),
            }
            for writer in writers
        ]
    }  # fmt: skip
    assert printed.err.count("\n") == 2
    assert all(whole(Path("logs", "bias"), writer.folder) for writer in writers)


def test_an_evaluation_is_mirrored_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = runs_factory.run_config("labse")
    writer = runs_factory.RunWriter(home, "labse", config)
    writer.started().evaluated(0).add(runs_factory.events.RunFinished(step=0, seconds=3.0))
    assert main(["--runs", str(home), "mirror", "labse", "--to", "tensorboard"]) == EXIT_DONE
    assert capsys.readouterr().out.endswith(f"1 rows to {Path('tensorboard', writer.folder.id).absolute()}\n")
    read = EventAccumulator(str(Path("tensorboard", writer.folder.id)))
    read.Reload()
    assert [point.step for point in read.Scalars("eval/cldr/map_monolingual")] == [0]


def test_a_package_that_is_missing_is_named_with_its_extra(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs_factory.finished(home, "first")
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert main(["--runs", str(home), "mirror", "first", "--to", "wandb"]) == EXIT_WRONG_USE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "hybrid-tui: --to wandb: not installed; pip install 'hybrid-tui[wandb]' (all: 'hybrid-tui[trackers]')\n"
    )
    assert not Path("wandb").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nothing", "--to", "tensorboard"], EXIT_WRONG_USE, "no run 'nothing'"),
        (["first", "--to", "tensorboard", "--out", "a-file"], EXIT_WRONG_USE, "--out: a-file is a file"),
        (["first", "--to", "tensorboard", "--out", os.fsdecode(b"tb\xff x")], EXIT_WRONG_USE, "is not UTF-8"),
        (["first", "--to", "tensorboard", "--out", "a-file/logs"], EXIT_FAILED, "Not a directory"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], status: int, said: str, home: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    runs_factory.finished(home, "first")
    Path("a-file").write_text("")
    assert main(["--runs", str(home), "mirror", *arguments]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_without_a_state_folder_one_line_says_what_to_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs_factory.finished(home, "first")
    monkeypatch.setenv("XDG_STATE_HOME", "/proc")  # where nobody makes a folder, not even root
    assert main(["--runs", str(home), "mirror", "first", "--to", "tensorboard", "--out", "logs"]) == EXIT_WRONG_USE
    printed = capsys.readouterr().err
    assert printed.startswith("hybrid-tui: /proc/hybrid-tui/mirrors: ")
    assert printed.endswith(": set XDG_STATE_HOME and HYBRID_TUI_CACHE to folders that you may write to\n")
    assert not Path("logs").exists()


@pytest.mark.parametrize(("mode", "said"), [("disabled", "WANDB_MODE is disabled"), ("online", "WANDB_MODE=offline")])
def test_wandb_without_an_account_is_one_line(
    mode: str, said: str, home: Path, mirroring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: W&B reads the environment once."""
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.setenv("HOME", str(home.parent))  # nobody's key is there
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    runs_factory.finished(home, "first")
    process = mirroring("first", "--to", "wandb")
    printed = process.communicate(timeout=60)
    assert (process.returncode, printed[0]) == (EXIT_FAILED, "")
    assert said in printed[1].splitlines()[-1]
    assert printed[1].count("\n") == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_mirror_and_the_next_one_goes_on(
    number: signal.Signals, status: int, running: runs_factory.RunWriter, mirroring, tmp_path: Path
) -> None:
    out = tmp_path / "logs"
    process = mirroring("last", "--to", "tensorboard", "--out", out)
    until(lambda: whole(out, running.folder), "all steps that there are")
    running.steps(311, 330)
    until(lambda: whole(out, running.folder), "the steps that were added")
    process.send_signal(number)
    printed = process.communicate(timeout=60)
    assert (process.returncode, printed[1]) == (status, "")
    assert printed[0].endswith(f"rows to {out / running.folder.id}\n")
    running.steps(331, 400).add(runs_factory.events.RunFinished(step=400, seconds=1.0)).die()
    again = mirroring("last", "--to", "tensorboard", "--out", out)
    assert "finished, " in again.communicate(timeout=60)[0]
    assert again.returncode == EXIT_DONE
    assert whole(out, running.folder)


def test_a_live_run_is_not_waited_for_with_once(running: runs_factory.RunWriter, mirroring, tmp_path: Path) -> None:
    process = mirroring("last", "--to", "tensorboard", "--out", tmp_path / "logs", "--once")
    process.communicate(timeout=60)
    assert process.returncode == EXIT_DONE
    assert whole(tmp_path / "logs", running.folder)


def test_two_mirrors_of_a_run_to_one_place_are_refused(
    running: runs_factory.RunWriter, mirroring, tmp_path: Path
) -> None:
    out = tmp_path / "logs"
    mirroring("last", "--to", "tensorboard", "--out", out)
    until(lambda: whole(out, running.folder), "the first mirror")
    second = mirroring("last", "--to", "tensorboard", "--out", out)
    printed = second.communicate(timeout=60)
    assert (second.returncode, printed[0]) == (EXIT_WRONG_USE, "")
    assert printed[1] == f"hybrid-tui: {running.folder.id} is being mirrored to {out} by another process\n"


def test_a_run_that_vanishes_leaves_the_others(
    gallery: list[runs_factory.RunWriter], mirroring, tmp_path: Path
) -> None:
    live = gallery[2]
    gone = runs_factory.RunWriter(live.folder.path.parent, "gone").live().started().steps(1, 10)
    out = tmp_path / "logs"
    process = mirroring("gone", live.folder.id, "--to", "tensorboard", "--out", out)
    until(lambda: whole(out, gone.folder) and whole(out, live.folder), "both")
    gone.die()
    gone.folder.path.rename(tmp_path / "elsewhere")
    live.steps(311, 400).add(runs_factory.events.RunFinished(step=400, seconds=1.0)).die()
    printed = process.communicate(timeout=60)
    assert (process.returncode, printed[1]) == (
        EXIT_FAILED, f"hybrid-tui: {gone.folder.path}: the run is not there any more\n"
    )  # fmt: skip
    assert whole(out, live.folder)


@pytest.mark.parametrize("tracker", ["mlflow", "trackio"])
def test_what_a_tracker_prints_is_not_on_stdout(tracker: str, home: Path, mirroring, tmp_path: Path) -> None:
    if importlib.util.find_spec(tracker) is None:
        pytest.skip(f"no {tracker}")
    runs_factory.finished(home, "first")
    process = mirroring("first", "--to", tracker, "--out", tmp_path / "out", "--json")
    printed = process.communicate(timeout=120)
    assert (process.returncode, json.loads(printed[0])["mirrored"][0]["rows"]) == (EXIT_DONE, 403), printed[1]


@pytest.mark.long
@pytest.mark.exhaustive
@pytest.mark.usefixtures("quick_workers")
def test_a_training_that_is_killed_and_resumed_while_it_is_mirrored(home: Path, mirroring, tmp_path: Path) -> None:
    """The built-in model, for real: the steps after its last checkpoint are lost, and no longer in TensorBoard."""
    config = RunConfig(
        name="short",
        model=ModelConfig(max_query_tokens=32, max_passage_tokens=32),
        sources=(SourceConfig(kind="cldr", languages=("de", "en")),),
        batch=BatchConfig(size=16),
        optimizer=OptimizerConfig(max_steps=300),
        runtime=RuntimeConfig(devices="cpu", threads=1),
        evaluation=EvaluationConfig(benchmarks=("cldr",), languages=("de", "en"), at_start=True),
        checkpoint=CheckpointConfig(every=20, keep=2),
    )
    folder, out = launch(home, config), tmp_path / "logs"
    process = mirroring("last", "--to", "tensorboard", "--out", out, "--across-pauses", "--json")
    until(lambda: len(losses(out, folder)) > 25, "some steps in TensorBoard")
    owner = probe(folder).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    assert ended(folder) == "crashed"
    reader = RunReader(folder)
    reader.poll()
    until(lambda: whole(out, folder), "all steps until the worker was killed")
    assert process.poll() is None
    resume(folder)
    assert ended(folder) == "finished", folder.log.read_text()[-2000:]
    document = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == EXIT_DONE
    assert document["mirrored"][0]["state"] == "finished"
    assert list(losses(out, folder)) == list(range(1, 301))
    assert whole(out, folder)
    read = EventAccumulator(str(out / folder.id), size_guidance={"scalars": 0})
    read.Reload()
    measured = {point.step: point.value for point in read.Scalars("eval/cldr/map_monolingual")}
    assert same(measured, timeline(folder)["eval/cldr/map_monolingual"], FLOAT32)
    assert set(measured) == {0, 300}
