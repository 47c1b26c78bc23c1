"""What the runs of a study measured, by benchmark and suite, with the margins and measures that were stated.

The report and the study screen are made from it, and every claim is judged on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.benchmark_names import is_suite, members, parse_benchmark_key
from engine.export.checkpoint_choice import check_not_selected_here
from engine.export.conditions import RunGroup
from engine.export.measured_runs import MeasuredRuns, MeasuredSuite
from engine.export.run_results import ExportError, RunResult, find_results
from engine.runs.condition_key import condition_key
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.study_record import StudyRecord, stated

if TYPE_CHECKING:
    from engine.evaluation.statistics import Difference


@dataclass(frozen=True, slots=True)
class CountedRun:
    """A run of a study whose results count."""

    path: Path
    spec: Spec
    results: dict[str, RunResult]  # by benchmark; empty: it has none yet

    @property
    def is_trained(self) -> bool:
        """Whether it trained what it measured."""
        return self.spec.config.kind == "training"


class StudyResults:
    """The results of a study's runs.

    Attributes:
        record: the plan and the claims as they stand now.
        runs: condition -> its runs by ascending seed, in the order of the study.
    """

    def __init__(
        self, record: StudyRecord, runs: Mapping[str, Sequence[Path]], launched: Sequence[Spec] | None = None
    ) -> None:
        """
        Args:
            runs: condition -> the folders of its runs whose results count: trained to the end, or evaluated.
            launched: of all runs of the study, also those under way; None: those of ``runs``.

        Raises:
            ExportError: there are no runs, two conditions have the same config, or the runs of one differ in more than
                their seed.
            RunError: a folder is no run.
        """
        self.record = record
        self.runs = {condition: [_counted(path) for path in paths] for condition, paths in runs.items()}
        self._launched = [run.spec for of_one in self.runs.values() for run in of_one] if launched is None else launched
        self._measured: dict[str, MeasuredRuns | MeasuredSuite] = {}
        if not self._launched:
            raise ExportError(f"{record.name} has no runs")
        _check_conditions(record.name, self.runs)

    @cached_property
    def keys(self) -> list[str]:
        """Benchmarks that the study is about, each data set of a suite by its own key."""
        configured = dict.fromkeys(
            parse_benchmark_key(text) for spec in self._launched for text in spec.config.evaluation.benchmarks
        )
        return list(dict.fromkeys(key for name in self.record.benchmarks for key in members(name, configured)))

    @property
    def suites(self) -> list[str]:
        return [name for name in self.record.benchmarks if is_suite(name)]

    @property
    def counted_runs(self) -> list[CountedRun]:
        """Of all conditions."""
        return [run for runs in self.runs.values() for run in runs]

    def conditions_on(self, name: str) -> dict[str, RunGroup]:
        """Condition -> those of its runs that were measured on a benchmark, or on all data sets of a suite."""
        keys = members(name, self.keys)
        found = {}
        for condition, runs in self.runs.items():
            whole = [run.results[keys[0]] for run in runs if keys and all(key in run.results for key in keys)]
            if whole:
                found[condition] = RunGroup(condition, tuple(whole))
        return found

    def measured(self, name: str) -> MeasuredRuns | MeasuredSuite:
        """What was measured on a benchmark, or on a suite.

        Raises:
            ExportError: nothing was, or the runs were measured on different data of it.
        """
        if name not in self._measured:
            if is_suite(name):
                keys = members(name, self.keys)
                if not keys:
                    raise ExportError(f"the study has no benchmark of {name}")
                self._measured[name] = MeasuredSuite(name, [self.benchmark(key) for key in keys])
            else:
                results = [run.results[name] for runs in self.runs.values() for run in runs if name in run.results]
                if not results:
                    raise ExportError(f"no run has results on {name}")
                self._measured[name] = MeasuredRuns(results)
        return self._measured[name]

    def benchmark(self, key: str) -> MeasuredRuns:
        """As ``measured``."""
        found = self.measured(key)
        assert isinstance(found, MeasuredRuns)
        return found

    def suite(self, name: str) -> MeasuredSuite:
        """As ``measured``."""
        found = self.measured(name)
        assert isinstance(found, MeasuredSuite)
        return found

    def primary(self, name: str) -> str:
        """The measure of single-language quality of a benchmark or suite: the study's choice, else the usual one.

        Raises:
            ExportError: as ``measured``; a suite has none in common.
        """
        return stated(self.record.measures, name) or self.measured(name).primary

    def margin(self, name: str) -> float:
        """The margin of a benchmark or suite as it was stated before training: by the first run that was launched."""
        return margin_of(min(self._launched, key=lambda spec: spec.created), name)

    def margin_now(self, name: str) -> float:
        """The same as the study states it now."""
        margin = stated(self.record.margins, name)
        newest = max(self._launched, key=lambda spec: spec.created)
        return newest.config.evaluation.margin if margin is None else margin

    def difference(self, name: str, measure: str, condition: str, against: str) -> Difference:
        """Of two conditions on a benchmark or suite.

        Raises:
            ExportError: one was not measured on it, or the two cannot be compared in this measure; says why.
        """
        groups = self.conditions_on(name)
        for one in (condition, against):
            if one not in groups:
                raise ExportError(self._why_unmeasured(name, one))
        measured = self.measured(name)
        for part in [measured] if isinstance(measured, MeasuredRuns) else measured.data_sets:
            for group in (groups[condition], groups[against]):
                for run in group.runs:
                    check_not_selected_here(part.results[run])
        return measured.difference(measure, groups[condition], groups[against])

    def _why_unmeasured(self, name: str, condition: str) -> str:
        if name in self.record.left_out:
            return f"{name} was left out: its folder was not there"
        if not members(name, self.keys):
            return f"{name} is not a benchmark of the study"
        if not self.runs.get(condition):
            return f"{condition} has no finished run"
        return f"{condition} was not measured on {name}"


def margin_of(spec: Spec, name: str) -> float:
    """The margin of a benchmark or suite by what a run was launched with: the study's, else that of its config."""
    margin = None if spec.study is None else stated(spec.study.margins, name)
    return spec.config.evaluation.margin if margin is None else margin


def _counted(path: Path) -> CountedRun:
    spec = read_spec(RunFolder(path))
    try:
        results = find_results([path])
    except ExportError:
        results = []  # none yet
    return CountedRun(path, spec, {result.benchmark: result for result in results})


def _check_conditions(study: str, runs: Mapping[str, Sequence[CountedRun]]) -> None:
    seen: dict[bytes, str] = {}
    for condition, members_of in runs.items():
        keys = {condition_key(run.spec.config): run.path.name for run in members_of}
        if len(keys) > 1:
            raise ExportError(
                f"{study}: {' and '.join(sorted(keys.values())[:2])} of {condition} differ in more than their seed"
            )
        for key in keys:
            if key in seen:
                raise ExportError(f"{study}: two of its conditions have the same config, {seen[key]} and {condition}")
            seen[key] = condition
