"""Homes with a study in the middle of its runs, as workers would have left them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from runs_factory import START, RunWriter, evaluation_result, run_config

from engine import events
from engine.config import EvaluationConfig, RunConfig
from engine.events import EvaluationResult
from engine.runs.folder import RunFolder, read_spec
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.study_record import Claim, StudyRecord, digest_of_claims
from tui.follow.rows import make_row
from tui.follow.study_state import Member, StudyState, study_state

STUDY = "beir-question"
BENCHMARKS = ("xquad-r", "beir/nfcorpus", "beir/scifact")
CLAIMS = (
    Claim(
        sentence="Hybrid training does not degrade single-language retrieval on BEIR",
        measure="ndcg_at_10", benchmark="beir/*", condition="hybrid", against="standard", relation="not inferior",
    ),
)  # fmt: skip
MODES = {"standard": "mixed", "hybrid": "hybrid", "mono": "mono"}


def record(condition: str, **other: object) -> StudyRecord:
    """Of a run of ``condition``."""
    found = StudyRecord(
        name=STUDY, condition=condition, baseline="standard", benchmarks=("xquad-r", "beir/*"), claims=CLAIMS,
        claims_digest=digest_of_claims(CLAIMS), margins={"xquad-r": 0.01},
    )  # fmt: skip
    return msgspec.structs.replace(found, **other)


def config_of(condition: str, seed: int, benchmarks: tuple[str, ...] = BENCHMARKS) -> RunConfig:
    """With its name, study and seed."""
    config = run_config(f"{STUDY}-{condition}", MODES.get(condition, "hybrid"), study=STUDY, seed=seed)
    return msgspec.structs.replace(config, evaluation=EvaluationConfig(benchmarks=benchmarks, every=200))


@cache
def result(condition: str, seed: int, benchmark: str, progress: float) -> EvaluationResult:
    """Of a pool of eleven languages, or of English alone, which has nothing cross-lingual and no bias."""
    shift = {"standard": 0.0, "hybrid": 0.012, "mono": -0.02}.get(condition, -0.1) + 0.003 * seed
    if benchmark == "xquad-r":
        found = evaluation_result(progress)
        changed = {key: value + shift if value < 1 else value * (1 - 4 * shift) for key, value in found.metrics.items()}
        return msgspec.structs.replace(found, metrics=changed)
    found = evaluation_result(progress, ("en",))
    quality = {"beir/nfcorpus": 0.31, "beir/scifact": 0.64}.get(benchmark, 0.4) * (0.6 + 0.4 * progress) + shift / 4
    metrics: dict[str, float | None] = {"map_monolingual": quality - 0.02, "ndcg_at_10": quality}
    metrics |= dict.fromkeys(("map_crosslingual", "map_multilingual", "rank_distance"))
    return msgspec.structs.replace(found, metrics=metrics, bias=None)


def measured(writer: RunWriter, step: int) -> RunWriter:
    """Evaluated on every benchmark of its config."""
    config = writer.config
    condition, progress = config.name.removeprefix(f"{STUDY}-"), step / max(1, config.optimizer.max_steps)
    for key in (each.partition("=")[0] for each in config.evaluation.benchmarks):
        writer.add(
            events.EvalStarted(benchmark=key, step=step),
            events.EvalFinished(
                benchmark=key, step=step, seconds=1.9, result=result(condition, config.seed, key, progress)
            ),
        )
    return writer


def launched(home: Path, condition: str, seed: int, number: int = 0, **other: object) -> RunWriter:
    """A run of the study that has not begun; the later ``number``, the later it was started."""
    config = config_of(condition, seed, **other)  # type: ignore[arg-type]
    return RunWriter(home, f"{config.name}-s{seed}", config, created=START + 0.1 * number, study=record(condition))


def finished_run(home: Path, condition: str, seed: int, number: int = 0) -> RunWriter:
    writer = launched(home, condition, seed, number).started().steps(1, 200)
    measured(measured(writer, 200).steps(201, 400), 400)
    return writer.add(events.RunFinished(step=400, seconds=34.2))


def untrained(home: Path, condition: str, number: int = 0) -> RunWriter:
    """A condition that is measured as it is."""
    config = RunConfig(
        name=f"{STUDY}-{condition}", kind="evaluation", study=STUDY, evaluation=EvaluationConfig(benchmarks=BENCHMARKS)
    )
    writer = RunWriter(home, config.name, config, created=START + 0.1 * number, study=record(condition))
    writer.add(
        events.RunStarted(
            name=config.name, mode="", mono_share=None, max_steps=0, batch_size=0, seed=0, host="gpu-box", pid=4242,
            kind="evaluation", system="e5-small",
        ),
        events.Device(name="cpu (2 threads)"),
    )  # fmt: skip
    return measured(writer, 0).add(events.RunFinished(step=0, seconds=34.2))


def study_under_way(home: Path) -> list[RunWriter]:
    """Nine trainings and the untrained model: five finished, one of each other state; the caller ends the live ones."""
    writers = [finished_run(home, condition, 0, number) for number, condition in enumerate(MODES)]
    writers += [finished_run(home, condition, 1, 3 + number) for number, condition in enumerate(("standard", "hybrid"))]
    writers.append(untrained(home, "base", 5))
    crashed = launched(home, "mono", 1, 6).started().steps(1, 250).saved(200)
    running = launched(home, "standard", 2, 7).live().started().steps(1, 200)
    measured(running, 200).steps(201, 310)
    queued = launched(home, "hybrid", 2, 8).live().started()
    queued.add(events.Device(name="cpu (2 threads)", waiting_for="cpu slot 0"))
    paused = launched(home, "mono", 2, 9).started().steps(1, 180).saved(180).add(events.RunPaused(step=180))
    return [*writers, crashed, running, queued, paused]


def member(folder: RunFolder) -> Member:
    reader = RunReader(folder)
    reader.poll()
    spec = read_spec(folder)
    return Member(make_row(folder, spec, reader.state, probe(folder), START + 40), spec, reader.state)


def state_of(writers: list[RunWriter]) -> StudyState:
    state = study_state(STUDY, [member(writer.folder) for writer in writers])
    assert state is not None
    return state
