"""What tells the conditions of a study or a comparison apart."""

from __future__ import annotations

import msgspec

from engine.config import AlertsConfig, CheckpointConfig, EvaluationConfig, HooksConfig, RunConfig


def condition_key(config: RunConfig) -> bytes:
    """Of a config: what is equal for all seeds of a condition, and for nothing else.

    Evaluations are one condition where they measure the same system in the same way, on whatever benchmarks.
    """
    runtime = msgspec.structs.replace(config.runtime, devices="auto", nodes=1, threads=0)
    condition = msgspec.structs.replace(
        config,
        name="run",
        study=None,
        seed=0,
        share="none",
        runtime=runtime,
        evaluation=EvaluationConfig() if config.kind == "evaluation" else config.evaluation,
        checkpoint=CheckpointConfig(),
        hooks=HooksConfig(),
        alerts=AlertsConfig(),
    )
    return msgspec.json.encode(condition, order="deterministic")
