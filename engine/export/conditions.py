"""Which runs are seeds of one condition.

Runs whose configs are equal except for ``seed`` and for what does not decide the result (name, study, sharing,
checkpoints, hooks, device and threads) are one condition. When all the runs of a comparison would be one, each stands
for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from engine.config import CheckpointConfig, HooksConfig, RunConfig
from engine.export.run_results import ExportError, RunResult


@dataclass(frozen=True, slots=True)
class RunGroup:
    """One condition: a run, or several that differ in their seed."""

    name: str  # unique among the conditions of a comparison
    results: tuple[RunResult, ...]  # by ascending seed

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(result.run for result in self.results)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(result.config.seed for result in self.results)


def group_by_seed(results: Sequence[RunResult]) -> list[RunGroup]:
    """Conditions to compare, in the order in which their first runs come: of one condition alone, its runs.

    Raises:
        ExportError: two runs of a condition have the same seed, so that they are no two draws of chance.
    """
    if len({condition_key(result.config) for result in results}) == 1:
        return [RunGroup(result.run, (result,)) for result in results]
    return conditions(results)


def conditions(results: Sequence[RunResult]) -> list[RunGroup]:
    """Conditions in the order in which their first runs come.

    A single run's condition has its id for a name; several runs' has the name that their configs share, where no other
    condition has it, else the first run's id.

    Raises:
        ExportError: two runs of a condition have the same seed, so that they are no two draws of chance.
    """
    members: dict[bytes, list[RunResult]] = {}
    for result in results:
        members.setdefault(condition_key(result.config), []).append(result)
    shared = [{result.config.name for result in group} for group in members.values()]
    groups = []
    for group, names in zip(members.values(), shared, strict=True):
        ordered = sorted(group, key=lambda result: result.config.seed)
        for first, second in pairwise(ordered):
            if first.config.seed == second.config.seed:
                raise ExportError(
                    f"{first.run} and {second.run} have the same config and the same seed, {first.config.seed}: "
                    "leave one of them out"
                )
        unique = len(names) == 1 and sum(names == other for other in shared) == 1
        name = next(iter(names)) if len(group) > 1 and unique else ordered[0].run
        groups.append(RunGroup(name, tuple(ordered)))
    return groups


def find_group(groups: Sequence[RunGroup], run: Path | None) -> RunGroup:
    """The condition that ``run`` (a run folder) belongs to; the first one for None.

    Raises:
        ExportError: the run is not among those compared.
    """
    for group in groups:
        if run is None or run.name in group.runs:
            return group
    raise ExportError(f"the baseline {'' if run is None else run.name} is not one of the runs that are compared")


def condition_key(config: RunConfig) -> bytes:
    """Of a config: what is equal for all seeds of a condition, and for nothing else."""
    runtime = msgspec.structs.replace(config.runtime, devices="auto", nodes=1, threads=0)
    condition = msgspec.structs.replace(
        config,
        name="run",
        study=None,
        seed=0,
        share="none",
        runtime=runtime,
        checkpoint=CheckpointConfig(),
        hooks=HooksConfig(),
    )
    return msgspec.json.encode(condition, order="deterministic")
