"""``eval``: measures models and other systems on benchmarks. Each is a run of kind "evaluation"."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.benchmark_names import expand_suite, parse_benchmark_key, suite_of
from engine.config import (
    DEBIAS_METHODS,
    ConfigError,
    DebiasMethod,
    EvaluationConfig,
    ModelConfig,
    RunConfig,
    RuntimeConfig,
    SourceConfig,
    SystemConfig,
    load_training_sources,
    problems,
)
from engine.files import writing
from engine.paths import absolute
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder, benchmark_folder, read_spec, results_folder, runs_home
from engine.runs.launch import launch, run_foreground, with_absolute_paths
from engine.runs.lock import probe
from engine.runs.preflight import preflight
from engine.runs.reader import RunReader
from engine.runs.registry import delete_run
from engine.runs.status import explanation, status_of
from engine.runs.text import visible
from engine.runs.weights import OF_A_RUN, weights_of_run
from tui.commands.output import exit_status, json_of, print_json
from tui.commands.plain import ENDED
from tui.commands.progress import ProgressLine

if TYPE_CHECKING:
    from engine.export.evaluation import EvaluationDocument, SuiteMean

_EXIT_WRONG_USE = 2
_WHERE_IT_IS = ("model.name", "system.path")  # fields that are wrong with one system alone
_POLL_SECONDS = 0.1
_BM25 = "bm25"

_DEBIAS_OPTIONS = (
    "debias_texts",
    "debias_missing",
    "debias_rank",
    "debias_alpha",
    "debias_pivot",
)  # keys of [system] too

# Options that are keys of [model] too, and mean the same there.
_MODEL_OPTIONS = (
    "revision", "pooling", "query_prefix", "passage_prefix", "query_prompt", "passage_prompt", "task",
    "max_query_tokens", "max_passage_tokens", "similarity", "truncate_dim", "trust_remote_code",
)  # fmt: skip


class _NotThere(ConfigError):  # noqa: N818 - names what was found
    """One of the systems; others may be measured."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """A system that the command measures."""

    name: str  # as the person named it
    config: RunConfig
    parent: str | None  # RUN@STEP whose weights it is


def evaluate(options: argparse.Namespace) -> int:
    """Makes a run for each system, runs them in the foreground, and prints what they measured."""
    home = runs_home(options.runs)
    systems, missing = _systems(options, home)
    if options.out is not None:
        _check_target(options.out)
    # The benchmarks are the same for all; so are, mostly, the pairs of --debias.
    for config in {msgspec.json.encode(system.config.sources): system.config for system in systems}.values():
        preflight(config)
    folders = [
        launch(home, system.config, command_line=sys.argv, parent=system.parent, wait=not options.detach)
        for system in systems
    ]
    if options.detach:
        return _say_started(folders, missing, options)
    readers = [RunReader(folder) for folder in folders]
    with ProgressLine() as progress:
        run_foreground(folders, lambda: _follow(readers, progress))
    return _conclude(systems, missing, readers, options)


def _systems(options: argparse.Namespace, home: Path) -> tuple[list[_Measured], list[str]]:
    """What the arguments name, in their order: models, vectors, TREC runs; and of what is not there a line each.

    Raises:
        ConfigError: nothing is named, nothing of it is there, or an option is wrong; names the argument.
    """
    methods = _debias_methods(options)
    named: list[tuple[str, Callable[[], _Measured]]] = [
        (text, partial(_model, text, method, options, home)) for text in options.model for method in methods
    ]
    systems_of_paths = [SystemConfig(kind="vectors", path=path) for path in options.vectors]
    systems_of_paths += [SystemConfig(kind="trec", path=path) for path in options.trec]
    named += [(str(system.path), partial(_system, str(system.path), system, options)) for system in systems_of_paths]
    if not named:
        raise ConfigError("eval: expected a MODEL, --vectors FOLDER or --trec FILE")
    systems, missing = [], {}
    for text, make in named:
        try:
            systems.append(_there(make()))
        except _NotThere as error:
            missing[text] = str(error)
    if not systems:
        raise ConfigError(next(iter(missing.values())))
    return systems, [f"hybrid-tui eval: {visible(text)}: {visible(wrong)}" for text, wrong in missing.items()]


def _there(system: _Measured) -> _Measured:
    """
    Raises:
        _NotThere: the model, the vectors or the TREC run are missing.
        ConfigError: something else is wrong, with all that is to be measured.
    """
    for field, wrong in problems(with_absolute_paths(system.config)):
        raise (_NotThere if field in _WHERE_IT_IS else ConfigError)(f"{field}: {wrong}")
    return system


def _debias_methods(options: argparse.Namespace) -> list[DebiasMethod]:
    """What ``--debias`` lists.

    Raises:
        ConfigError: no such method, one twice, or what is named is no encoder.
    """
    methods: list[DebiasMethod] = []
    for text in options.debias.split(","):
        method = next((name for name in DEBIAS_METHODS if name == text.strip()), None)
        if method is None or method in methods:
            raise ConfigError(f"--debias: expected some of {', '.join(DEBIAS_METHODS)}, each once, got {text!r}")
        methods.append(method)
    if methods == ["none"]:
        if options.debias_pairs is not None:
            raise ConfigError("--debias-pairs: only with --debias centre, shift or lir")
    elif _BM25 in options.model or options.vectors or options.trec:
        raise ConfigError("--debias: only for encoders: leave out bm25, --vectors and --trec")
    return methods


def _model(text: str, method: DebiasMethod, options: argparse.Namespace, home: Path) -> _Measured:
    if text == _BM25:
        return _system(text, SystemConfig(kind="bm25"), options)
    name = text
    parent: str | None = None
    run: RunFolder | None = None
    if text.startswith(OF_A_RUN):
        try:
            run, weights, parent = weights_of_run(home, text.removeprefix(OF_A_RUN), OF_A_RUN)
        except RunError as error:
            raise _NotThere(str(error)) from None
        name = str(weights)
    settings = {key: value for key in _MODEL_OPTIONS if (value := getattr(options, key)) is not None}
    model = ModelConfig(name=name, **settings)
    if method == "none":
        return _Measured(text, _config(text, options, model=model), parent)
    settings = {key: value for key in _DEBIAS_OPTIONS if (value := getattr(options, key)) is not None}
    config = _config(
        text,
        options,
        f"-{method}",
        model=model,
        system=SystemConfig(debias=method, **settings),
        sources=_debias_sources(text, run, options),
    )
    return _Measured(f"{text} ({method})", config, parent)


def _debias_sources(text: str, run: RunFolder | None, options: argparse.Namespace) -> tuple[SourceConfig, ...]:
    """The pairs that a correction is estimated on: those of ``--debias-pairs``, else those that the run trained on.

    Raises:
        ConfigError: there are none, or they cannot be read.
    """
    if options.debias_pairs is not None:
        return load_training_sources(options.debias_pairs)
    sources = () if run is None else read_spec(run).config.sources
    if not sources:
        raise ConfigError(f"--debias: {text} was trained on no known pairs: name some with --debias-pairs CONFIG.toml")
    return tuple(source for source in sources if source.role == "train")


def _system(name: str, system: SystemConfig, options: argparse.Namespace) -> _Measured:
    return _Measured(name, _config(name, options, system=system), None)


def _config(name: str, options: argparse.Namespace, suffix: str = "", **sections: Any) -> RunConfig:
    languages = tuple(options.languages.split(",")) if options.languages else ()
    return RunConfig(
        kind="evaluation",
        name=options.name or _run_name(name, suffix),
        runtime=RuntimeConfig(devices=options.devices),
        evaluation=EvaluationConfig(
            benchmarks=_benchmarks(options.benchmark),
            languages=languages,
            unit=options.unit,
            articles=options.articles,
            drop_own_id=options.drop_own_id,
            forbid_overlap=options.forbid_overlap,
            max_queries=options.max_queries,
            memory=options.memory,
        ),
        **sections,
    )


def _benchmarks(specs: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(name for spec in specs for name in expand_suite(spec))
    except ConfigError as error:
        raise ConfigError(f"--benchmark: {error}") from None


def _run_name(text: str, suffix: str) -> str:
    """``eval-``, the last part of a model's name or path as far as a run's name may hold it, and ``suffix``."""
    parts = [part for part in re.split(r"[/:]", text) if part]
    last = parts[-2] if len(parts) > 1 and parts[-1] == "model" else parts[-1]  # of runs/RUN/model it is the run's
    return f"eval-{re.sub(r'[^A-Za-z0-9._-]+', '-', last)}"[: 64 - len(suffix)] + suffix


def _say_started(folders: Sequence[RunFolder], missing: Sequence[str], options: argparse.Namespace) -> int:
    if options.json:
        print_json({"runs": [status_of(RunReader(folder)) for folder in folders]})
    else:
        names = ", ".join(folder.id for folder in folders)
        print(f"{names} started; they go on when you leave. 'hybrid-tui' shows them, 'hybrid-tui log' tells.")
    for line in missing:
        print(line, file=sys.stderr)
    return _EXIT_WRONG_USE if missing else 0


def _follow(readers: Sequence[RunReader], progress: ProgressLine) -> None:
    """Shows what the evaluations do, one after the other, until all have ended."""
    told = dict.fromkeys((reader.folder.id for reader in readers), 0)
    queued: set[str] = set()
    while True:
        waiting = False
        for reader in readers:
            status = status_of(reader)
            state, name = reader.state, status.id
            for note in state.notes:
                if note.seq > told[name] and note.level != "info":
                    progress.tell(f"{visible(name)}: {visible(note.text)}")
            told[name] = state.seq
            if status.state in ENDED:
                continue
            is_first, waiting = not waiting, True
            if status.state == "queued" and name not in queued:
                queued.add(name)
                progress.tell(f"{visible(name)}: {visible(explanation(reader.folder, state, probe(reader.folder)))}")
            if state.work is not None and is_first:
                progress.show(f"{visible(name)}: {state.work.what}", state.work.done, state.work.total)
        if not waiting:
            return
        time.sleep(_POLL_SECONDS)


def _conclude(
    systems: Sequence[_Measured], missing: Sequence[str], readers: Sequence[RunReader], options: argparse.Namespace
) -> int:
    """Prints results and failures; runs whose config could never be obeyed are taken away again."""
    results: list[tuple[str, Path]] = []
    states, told, refused = [], list(missing), bool(missing)
    for system, reader in zip(systems, readers, strict=True):
        status, folder = status_of(reader), reader.folder
        states.append(status.state)
        done = status.metrics.keys()
        for spec in system.config.evaluation.benchmarks:
            key = parse_benchmark_key(spec)
            if key in done:
                place = results_folder(folder, 0, key)
                results.append((system.name, place))
                if options.out is not None:
                    _copy_results(place, _target(options.out, folder, key, several=len(systems) + len(missing) > 1))
        if status.state != "finished":
            told.append(f"hybrid-tui eval: {visible(system.name)}: {_why(reader, status.state)}")
        if reader.state.refused and not done:
            refused = True
            delete_run(folder)
    _print_results(results, len(systems) + len(missing), options)
    for line in told:  # last, where a long report does not push it out of sight
        print(line, file=sys.stderr)
    return _EXIT_WRONG_USE if refused else exit_status(*states)


def _why(reader: RunReader, state: str) -> str:
    if state == "failed":
        return visible(reader.state.error or state)
    why = explanation(reader.folder, reader.state, probe(reader.folder))
    return visible(f"{state}; {why}; hybrid-tui resume {reader.folder.id}")


def _print_results(results: Sequence[tuple[str, Path]], systems: int, options: argparse.Namespace) -> None:
    from engine.export.evaluation import evaluation_document, evaluation_report, suite_report

    documents = [evaluation_document(name, folder) for name, folder in results]
    means = _suite_means(documents, options.benchmark)
    if not options.json:
        reports = [evaluation_report(name, folder) for name, folder in results]
        print("\n\n\n".join([*reports, *map(suite_report, means)]))
        return
    is_one = systems == len(options.benchmark) == 1 and suite_of(options.benchmark[0]) is None
    if is_one and documents:
        sys.stdout.buffer.write(json_of(documents[0]) + b"\n")
    elif not is_one:
        of_suites = {"means": means} if means else {}
        sys.stdout.buffer.write(json_of({"evaluations": documents, **of_suites}) + b"\n")
    sys.stdout.buffer.flush()


def _suite_means(documents: Sequence[EvaluationDocument], specs: Sequence[str]) -> list[SuiteMean]:
    """Of every system that was measured on all data sets of a suite."""
    from engine.export.evaluation import suite_mean

    means = []
    for spec in specs:
        suite = suite_of(spec)
        if suite is None:
            continue
        keys = [parse_benchmark_key(name) for name in expand_suite(spec)]
        for model in dict.fromkeys(document.model for document in documents):
            of_model = {document.benchmark: document for document in documents if document.model == model}
            if all(key in of_model for key in keys):
                means.append(suite_mean(suite, [of_model[key] for key in keys]))
    return means


def _check_target(out: Path) -> None:
    """
    Raises:
        ConfigError: ``--out`` cannot be a folder; said before minutes of encoding.
    """
    target = absolute(out)
    blocked = next((path for path in (target, *target.parents) if path.exists() and not path.is_dir()), None)
    if blocked is not None:
        raise ConfigError(f"--out: {blocked} is not a folder")


def _target(out: Path, folder: RunFolder, key: str, *, several: bool) -> Path:
    """``OUT/KEY``, and where several systems are measured ``OUT/RUN/KEY``."""
    base = absolute(out)
    return (base / folder.id if several else base) / benchmark_folder(key)


def _copy_results(source: Path, target: Path) -> None:
    """Puts the result's files into ``target``; what else lies there stays.

    The summary goes first and comes last: where it lies, the other files are those that it is about.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = sorted(_files(source), key=lambda path: path.suffix == ".json")
    for path in files:
        if path.suffix == ".json":
            (target / path.name).unlink(missing_ok=True)
    for path in files:
        with path.open("rb") as content, writing(target / path.name, durable=True) as file:
            shutil.copyfileobj(content, file)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
