"""Run folders of a study, with its record in their specs and real results in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from export_cases import make_evaluation, make_run

from engine import events
from engine.config import EvaluationConfig, ModelConfig, RunConfig
from engine.evaluation.results import Evaluation, write_results
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.study_record import Claim, StudyRecord

NOISE = {"mono": 1.2, "cross": 1.2, "hybrid": 0.5}
SUITE = "beir/*"
RECORD = StudyRecord(name="toy-batches", condition="", baseline="mono", benchmarks=("own", SUITE))
STEPS = events.Step(
    seq=1,
    first_step=1,
    loss=[2.0, 1.0],
    mode=["mono", "mono"],
    lr=[0.0] * 2,
    masked=[0.0] * 2,
    grad_norm=[1.0] * 2,
    seconds=[0.1] * 2,
    data_wait=[0.0] * 2,
    tokens=[1] * 2,
)
FINISHED = events.RunFinished(seq=2, step=400, seconds=1.0)


def claim(**changes: object) -> Claim:
    """That hybrid batches are not inferior on the suite, changed."""
    values = {
        "sentence": "Hybrid does not degrade.", "measure": "ndcg_at_10", "benchmark": SUITE, "condition": "hybrid",
        "against": "mono", "relation": "not inferior",
    }  # fmt: skip
    return msgspec.convert(values | changes, Claim)


def measure(seed: int, noise: float, sizes: Mapping[str, int] | None = None) -> dict[str, Evaluation]:
    """A parallel benchmark of three languages, and two English data sets."""
    sizes = {"own": 30, "beir/one": 25, "beir/two": 40} if sizes is None else sizes
    return {
        key: make_evaluation(
            seed,
            noise,
            languages=("en",) if key.startswith("beir/") else ("de", "en", "th"),
            facts=facts,
            clusters=facts,
        )
        for key, facts in sizes.items()
    }


def trained(
    home: Path,
    condition: str,
    seed: int,
    record: StudyRecord = RECORD,
    results: Mapping[str, Evaluation] | None = None,
    *,
    finished: bool = True,
    created: float = 0.0,
) -> Path:
    """A run of a condition; its results are those of ``measure`` where none are given."""
    results = measure(seed, NOISE[condition]) if results is None else results
    run = make_run(home, f"{condition}-{seed}", condition, {400: dict(results)})
    config = read_spec(RunFolder(run)).config
    config = msgspec.structs.replace(config, seed=seed, name=f"{record.name}-{condition}")
    _write_spec(run, config, record, condition, created, results)
    log = [STEPS, FINISHED] if finished else [STEPS]
    (run / "events.jsonl").write_bytes(b"".join(map(events.encode, log)))
    return run


def measured_as_it_is(
    home: Path,
    condition: str,
    results: Mapping[str, Evaluation],
    record: StudyRecord = RECORD,
    created: float = 0.0,
    benchmarks: Sequence[str] = ("own", "beir/one", "beir/two"),
) -> Path:
    """A run of a condition that is not trained, and may not have come to all of its benchmarks."""
    run = home / condition
    for key, evaluation in results.items():
        write_results(evaluation, run / "results" / "step-000000" / key)
    config = RunConfig(name=f"{record.name}-{condition}", kind="evaluation", model=ModelConfig(name="some/encoder"))
    _write_spec(run, config, record, condition, created, dict.fromkeys(benchmarks))
    return run


def _write_spec(
    run: Path,
    config: RunConfig,
    record: StudyRecord,
    condition: str,
    created: float,
    benchmarks: Mapping[str, object],
) -> None:
    specs = tuple(f"own={run}" if key == "own" else key for key in benchmarks)
    evaluation = (
        EvaluationConfig(benchmarks=specs)
        if config.kind == "evaluation"
        else msgspec.structs.replace(config.evaluation, benchmarks=tuple(key for key in benchmarks))
    )
    config = msgspec.structs.replace(config, study=record.name, evaluation=evaluation)
    spec = Spec(
        config=config,
        created=created,
        provenance={},
        study=msgspec.structs.replace(record, condition=condition),
    )
    run.mkdir(exist_ok=True)
    (run / "spec.json").write_bytes(msgspec.json.encode(spec))
