"""Formats of other programs, which hold one evaluation rather than a table: TREC files and MTEB results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.export.out_file import check_target, write_file
from engine.export.run_results import ExportError, RunReference, RunResult, find_results, only_benchmark

QRELS = ".qrels"


def write_exchange(
    format: str,
    runs: Sequence[RunReference],
    benchmark: str | None = None,
    step: int | None = None,
    out: Path | None = None,
) -> str:
    """Writes one evaluation of one run as ``format``; returns what to tell of it, or without ``out`` the text itself.

    Args:
        benchmark: None is the run's only one.
        step: None is the newest evaluated step.

    Raises:
        ConfigError: several runs or benchmarks, no such results, or a path that is not a file's; one line.
    """
    if len(runs) != 1:
        raise ExportError(f"--format {format} holds one run, not {len(runs)}")
    results = find_results(runs, benchmark, step)
    only_benchmark(results)
    return EXCHANGE[format](results[0], out)


def _trec(result: RunResult, out: Path | None) -> str:
    from engine.export.trec import trec_files

    if out is None:
        raise ExportError("trec is two files, ranking and judgements: name the first with --out")
    qrels = out.with_name(out.name + QRELS)
    for target in (out, qrels):
        check_target(target)
    files = trec_files(result)
    write_file(qrels, files.qrels.encode())
    write_file(out, files.run.encode())
    depth = "all candidates" if files.cutoff is None else f"the {files.cutoff} best candidates"
    limit = "" if files.cutoff is None else "; measures from these files are at that cutoff"
    return f"wrote {out} ({depth} of every query, in the pool of all languages{limit}) and {qrels}"


def _mteb(result: RunResult, out: Path | None) -> str:
    from engine.export.mteb import task_result

    if out is not None:
        check_target(out)
    text = msgspec.json.format(msgspec.json.encode(task_result(result)), indent=2).decode() + "\n"
    if out is None:
        return text
    write_file(out, text.encode())
    return f"wrote {out}"


EXCHANGE: dict[str, Callable[[RunResult, Path | None], str]] = {"trec": _trec, "mteb": _mteb}
