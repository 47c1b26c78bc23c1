"""``study`` and ``sweep``: many runs in one command, and what they say together."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from engine.benchmark_names import benchmark_languages
from engine.config import ConfigError, RuntimeConfig
from engine.measures import primary_measure
from engine.runs.folder import runs_home
from engine.runs.reader import RunReader
from engine.runs.status import Status, status_of
from engine.runs.study import Study, load_study, plan_sweep
from engine.runs.study_record import StudyRecord, stated
from engine.runs.study_start import StartedRun, changed_since_training, start_study
from engine.runs.text import visible
from tui.commands.output import exit_status, print_json
from tui.commands.plain import ENDED, align
from tui.numbers import metric_value, share

if TYPE_CHECKING:
    from engine.export.report.contents import StudyReport

_POLL_SECONDS = 0.5
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def study(options: argparse.Namespace) -> int:
    """Runs what is missing of a study; once all its runs are finished, writes the report."""
    planned = load_study(options.study, options.set, runs_home(options.runs))
    out = options.out if options.out is not None else Path(f"study-{planned.name}")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out: {out} is not a folder, and the report needs one")
    started, statuses = _start(planned, options)
    if any(status.state != "finished" for status in statuses):
        if options.json:
            print_json({"study": planned.name, "runs": statuses, "report": None, "files": []})
        elif options.wait:
            print(_unfinished(statuses))
        else:
            print("the report is written once all runs are finished: give the same command again, or with --wait")
        return _ended(statuses, options)
    from engine.export.report.study_report import study_report, write_report
    from engine.export.study_results import StudyResults

    paths: dict[str, list[Path]] = {}
    for run in started:
        paths.setdefault(run.planned.condition, []).append(run.folder.path)
    report, blocks = study_report(StudyResults(planned.record, paths))
    files = write_report(report, blocks, out)
    if options.json:
        print_json({"study": planned.name, "runs": statuses, "report": report, "files": [str(file) for file in files]})
        return 0
    print("\n".join(map(visible, _report_lines(report))))
    print(f"\nwrote {out / 'report.md'} and {out / 'report.html'}")
    return 0


def _unfinished(statuses: Sequence[Status]) -> str:
    """Why there is no report, and how to get one."""
    counts = Counter(status.state for status in statuses if status.state != "finished")
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"no report: of {len(statuses)} runs, {states}; the same command takes them up or starts failed ones anew"


def _report_lines(report: StudyReport) -> Iterator[str]:
    """The answers, benchmark by benchmark, and how the claims ended."""
    from engine.export.report.answer import COST, REMOVED

    for benchmark in report.benchmarks:
        if benchmark.reason:
            yield from ("", f"{benchmark.benchmark} could not be compared: {benchmark.reason}")
        for found in benchmark.answers:
            yield ""
            yield f"{found.condition} against {report.baseline} on {found.benchmark}"
            yield f"  {COST} {found.cost}"
            yield f"  {REMOVED} {found.removed}"
            yield from (f"  - {line}" for line in (found.quality, found.bias, found.advantage) if line is not None)
    if report.claims:
        yield from ("", "claims")
    for claim in report.claims:
        why = f" ({claim.reason or claim.changed})" if claim.reason or claim.changed else ""
        yield f"  {claim.judgement}{why}: {claim.claim.sentence}"


def sweep(options: argparse.Namespace) -> int:
    """Launches a grid of configs; with ``--wait`` ends with their means and the Pareto view."""
    planned = plan_sweep(options.config, options.grid, options.seeds, options.set, options.name)
    started, statuses = _start(planned, options)
    finished = [run.folder.path for run, status in zip(started, statuses, strict=True) if status.state == "finished"]
    frame = None
    if finished and (options.wait or len(finished) == len(started)):
        from engine.export.tables import build_table
        from engine.export.tables.pareto_table import with_conditions

        names = {key: run.planned.condition for run in started for key in (run.folder.id, run.planned.config.name)}
        frame = with_conditions(build_table("pareto", finished, planned.benchmark), names)
    if options.json:
        print_json({"study": planned.name, "runs": statuses, "conditions": [] if frame is None else frame.to_dicts()})
    elif frame is not None:
        from engine.export.tables.pareto_text import pareto_view

        print("\n" + "\n".join(_means(frame.to_dicts())) + "\n\n" + pareto_view(frame), end="")
    return _ended(statuses, options)


def _start(planned: Study, options: argparse.Namespace) -> tuple[list[StartedRun], list[Status]]:
    """Launches what is missing, and with ``--wait`` follows it to its end."""
    out = sys.stderr if options.json else sys.stdout
    if planned.slow_on_cpu is not None and _on_cpu([run.config.runtime for run in planned.runs]):
        print(f"no GPU will be used: {planned.slow_on_cpu}", file=sys.stderr, flush=True)
    if planned.record.left_out:
        print(f"left out, for their folders are not there: {', '.join(planned.record.left_out)}", file=out, flush=True)
    started = start_study(runs_home(options.runs), planned, command_line=sys.argv)
    fates = Counter(run.fate for run in started)
    counted = ", ".join(f"{count} {fate}" for fate, count in fates.items())
    leave = "; they go on when you leave" if fates.keys() - {"finished before"} else ""
    print(f"{planned.name}: {len(started)} runs, {counted}{leave}", file=out, flush=True)
    for sentence in changed_since_training(started):
        print(visible(sentence), file=out, flush=True)
    readers = [RunReader(run.folder) for run in started]
    statuses = [status_of(reader) for reader in readers]
    if options.wait:
        statuses = _wait(readers, planned.record, out)
    return started, statuses


def _wait(readers: Sequence[RunReader], record: StudyRecord, out: TextIO) -> list[Status]:
    """Until every run has ended; a line for each as it does."""
    ended: dict[str, Status] = {}
    while True:
        for reader in readers:
            if reader.folder.id in ended:
                continue
            status = status_of(reader)
            if status.state in ENDED:
                ended[reader.folder.id] = status
                line = f"[{len(ended)}/{len(readers)}] {visible(status.id)}  {status.state}  {_metrics(status, record)}"
                print(line.rstrip(), file=out, flush=True)
        if len(ended) == len(readers):
            return [ended[reader.folder.id] for reader in readers]
        time.sleep(_POLL_SECONDS)


def _metrics(status: Status, record: StudyRecord) -> str:
    """Of each benchmark its single-language quality, and the rank distance where it has several languages."""
    if status.error is not None:
        return visible(status.error)
    means = []
    for key, metrics in status.metrics.items():
        distance = metrics.get("rank_distance")
        has_parallel = distance is not None and len(benchmark_languages(key)) != 1
        measure = stated(record.measures, key) or primary_measure(key, has_parallel)
        quality = f"{key}: {measure} {metric_value(measure, metrics.get(measure))}"
        means.append(f"{quality}, rank_distance {metric_value('rank_distance', distance)}" if has_parallel else quality)
    return "  ".join(means)


def _means(conditions: Sequence[dict[str, Any]]) -> list[str]:
    header = ("condition", "seeds", "mono", "cross", "pool", "rank dist", "null", "front")
    rows: list[Sequence[str]] = [header]
    for row in conditions:
        means = [share(row[f"map_{setting}"]) for setting in ("monolingual", "crosslingual", "multilingual")]
        distances = [metric_value("rank_distance", row[name]) for name in ("rank_distance", "rank_distance_null")]
        front = {True: "yes", False: "no", None: "-"}[row["front"]]
        rows.append((visible(row["condition"]), str(row["seeds"]), *means, *distances, front))
    return align(rows, right_from=1)


def _ended(statuses: Sequence[Status], options: argparse.Namespace) -> int:
    """Of the command: that of the worst run where it waited, 0 where it only launched."""
    return exit_status(*(status.state for status in statuses)) if options.wait else 0


def _on_cpu(runtimes: Sequence[RuntimeConfig]) -> bool:
    return not _NVIDIA_DRIVER.exists() or all(runtime.devices.startswith("cpu") for runtime in runtimes)
