"""Which runs are seeds of one condition.

Runs whose configs are equal except for ``seed`` and for what does not decide the result (name, study, sharing,
checkpoints, hooks, device and threads) are one condition. When all the runs of a comparison would be one, each stands
for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.export.run_results import ExportError, RunReference, RunResult, run_name
from engine.runs.condition_key import condition_key


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
        """Empty for a system that was not trained."""
        return tuple(result.config.seed for result in self.results if result.is_trained)


def group_by_seed(results: Sequence[RunResult]) -> list[RunGroup]:
    """Conditions to compare, in the order in which their first runs come: of one condition alone, its runs.

    Raises:
        ExportError: two runs of a condition have the same seed, so that they are no two draws of chance.
    """
    if len({_key(result) for result in results}) == 1:
        return [RunGroup(result.run, (result,)) for result in results]
    return conditions(results)


def conditions(results: Sequence[RunResult]) -> list[RunGroup]:
    """Conditions in the order in which their first runs come.

    A single run's condition has its id for a name; several runs' has the name that their configs share, and an
    evaluation's that of what it measures; where another condition has that too, the first run's id.

    Raises:
        ExportError: two runs of a condition have the same seed, so that they are no two draws of chance.
    """
    members: dict[tuple[bytes, int | None], list[RunResult]] = {}
    for result in results:
        members.setdefault(_key(result), []).append(result)
    groups = [_by_seed(group) for group in members.values()]
    names = [_shared_name(group) or group[0].run for group in groups]
    return [
        RunGroup(name if names.count(name) == 1 else group[0].run, tuple(group))
        for group, name in zip(groups, names, strict=True)
    ]


def _key(result: RunResult) -> tuple[bytes, int | None]:
    """Equal for the seeds of a condition: runs as a whole, or all at the same step."""
    return condition_key(result.config), result.checkpoint


def _by_seed(group: Sequence[RunResult]) -> list[RunResult]:
    """By benchmark and ascending seed.

    Raises:
        ExportError: two have the same; or both measured the same system on the same benchmark.
    """
    ordered = sorted(group, key=lambda result: (result.benchmark, result.config.seed))
    for first, second in pairwise(ordered):
        if not first.is_trained:
            if first.benchmark == second.benchmark:
                raise ExportError(f"{first.run} and {second.run} both measured {first.model}: leave one of them out")
            continue
        if first.config.seed == second.config.seed:
            raise ExportError(
                f"{first.run} and {second.run} have the same config and the same seed, {first.config.seed}: "
                "leave one of them out"
            )
    return ordered


def _shared_name(group: Sequence[RunResult]) -> str | None:
    first = group[0]
    if not first.is_trained:
        return first.model
    names = {result.config.name for result in group}
    if len(group) == 1 or len(names) > 1:
        return None
    return first.config.name if first.checkpoint is None else f"{first.config.name}@{first.checkpoint}"


def find_group(groups: Sequence[RunGroup], run: RunReference | None) -> RunGroup:
    """The condition that ``run`` belongs to; the first one for None.

    Raises:
        ExportError: the run is not among those compared.
    """
    for group in groups:
        if run is None or run_name(run) in group.runs:
            return group
    named = "" if run is None else run_name(run)
    raise ExportError(f"the baseline {named} is not one of the runs that are compared")
