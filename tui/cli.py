"""The ``hybrid-tui`` command: with no arguments the dashboard, else one of its subcommands.

Exit status: 0 done, 1 failed, 2 wrong use, 3 paused or stopped. ``--json`` prints one document on stdout
and nothing else there. Subcommands import what they need when they run, so that ``--help`` is immediate.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine.benchmark_names import BENCHMARK_FORMS
from engine.config import POOLINGS, ConfigError
from tui.commands.output import guard_terminal

EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE = 0, 1, 2
_EXIT_INTERRUPTED = 130

Handler = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses and runs one command; every expected failure is one line on stderr."""
    guard_terminal()
    options = dashboard_options(arguments) or build_parser().parse_args(arguments)
    try:
        handler: Handler = options.handler
        return handler(options)
    except ConfigError as error:
        print(f"hybrid-tui: {error}", file=sys.stderr)
        return EXIT_WRONG_USE
    except UnicodeEncodeError as error:  # of whatever keeps or hands on a name
        print(f"hybrid-tui: {error.object!r} is not UTF-8: use a name that is", file=sys.stderr)
        return EXIT_WRONG_USE
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # quiet the flush at exit
        return EXIT_DONE
    except OSError as error:
        print(f"hybrid-tui: {error}", file=sys.stderr)
        return EXIT_FAILED


class _OneLineParser(argparse.ArgumentParser):
    """Wrong use is one line on stderr, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_WRONG_USE, f"{self.prog}: {message}\n")


class _NotTheseOptionsError(Exception):
    """The arguments are for the whole parser."""


class _DashboardParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _NotTheseOptionsError


def dashboard_options(arguments: Sequence[str] | None) -> argparse.Namespace | None:
    """Options of the dashboard where there is nothing else: its start does not wait for the parsers of all commands."""
    parser = _DashboardParser(add_help=False)
    _add_dashboard(parser)
    try:
        options, others = parser.parse_known_args(arguments)
    except _NotTheseOptionsError:
        return None
    return None if others else options


def build_parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="hybrid-tui",
        description="Train multilingual retrieval models with hybrid batches and diagnose their language bias.",
        epilog="Without a command the dashboard opens. Leaving it never stops a run.",
    )
    _add_dashboard(parser)
    parser.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_training(commands)
    _add_batches(commands)
    _add_control(commands)
    _add_annotating(commands)
    _add_reading(commands)
    _add_evaluation(commands)
    _add_results(commands)
    _add_serving(commands)
    _add_mirror(commands)
    for command in set(commands.choices.values()):
        _add_dashboard_options(command, after=True)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # here: no other command needs it

        print(f"{parser.prog} {version('hybrid-tui')}")
        parser.exit()


def _add_dashboard(parser: argparse.ArgumentParser) -> None:
    _add_dashboard_options(parser)
    parser.set_defaults(handler=_lazy("dashboard", "open_dashboard"))


def _add_dashboard_options(parser: argparse.ArgumentParser, *, after: bool = False) -> None:
    """``after``: of a command, before which they may stand as well; help then shows --runs alone."""

    def add(name: str, help: str, **how: Any) -> None:
        if after:
            how |= {"default": argparse.SUPPRESS}  # what stood before the command holds
        parser.add_argument(name, help=argparse.SUPPRESS if after and name != "--runs" else help, **how)

    add("--runs", "runs folder (default: $HYBRID_TUI_RUNS, else ./runs)", metavar="DIR")
    add("--no-mouse", "leave the mouse to the terminal (selection works)", action="store_true")
    add("--charset", "what charts are drawn with", choices=("auto", "braille", "block", "ascii"))
    add("--theme", "colours for a dark or a light background", choices=("auto", "dark", "light"))
    add("--plain", "plain lines about live runs instead of the dashboard", action="store_true")
    add("--settings", "instead of ~/.config/hybrid-tui/settings.toml", type=Path, metavar="FILE")


def _lazy(module: str, function: str) -> Handler:
    def handler(options: argparse.Namespace) -> int:
        gc.disable()  # imports make much that stays, and nothing worth looking for
        try:
            run: Handler = getattr(importlib.import_module(f"tui.commands.{module}"), function)
        finally:
            gc.enable()
        return run(options)

    return handler


_Commands = argparse._SubParsersAction


def _add(commands: _Commands, name: str, module: str, function: str, text: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[:1].upper() + text[1:] + "."
    )
    parser.set_defaults(handler=_lazy(module, function))
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")


def _add_training(commands: _Commands) -> None:  # type: ignore[type-arg]
    demo = _add(commands, "demo", "training", "demo", "train the built-in example on the CPU and show it")
    demo.add_argument("--all", action="store_true", help="train mono, cross and hybrid, one after the other")
    demo.add_argument("--seed", type=_count, default=0, metavar="N")
    _json(demo)
    run = _add(commands, "run", "training", "run", "start a run from a config")
    run.add_argument("config", type=Path, metavar="CONFIG")
    run.add_argument("--from", dest="origin", metavar="RUN[@STEP|@best]", help="start from the weights of another run")
    run.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override, as batch.mono_share=0.3"
    )
    run.add_argument("--name", metavar="N")
    run.add_argument("--forbid-overlap", action="store_true", help="refuse training data that a benchmark asks about")
    run.add_argument("--wait", action="store_true", help="train in the foreground and wait for the end")
    _json(run)


def _add_batches(commands: _Commands) -> None:  # type: ignore[type-arg]
    sweep = _add(commands, "sweep", "study", "sweep", "start a run for every point of a grid and every seed")
    sweep.add_argument("config", type=Path, metavar="CONFIG")
    sweep.add_argument(
        "--grid", action="append", required=True, metavar="KEY=V,V", help="as batch.mono_share=0,0.5,1; may be repeated"
    )
    sweep.add_argument("--seeds", type=_seeds, default=[0], metavar="N,N")
    sweep.add_argument("--name", metavar="N", help="of the sweep; its runs that are there already are not run again")
    study = _add(commands, "study", "study", "study", "run a study and write its report")
    study.add_argument("study", type=Path, metavar="FILE", help="as sample_configs/studies/cldr-batches.toml")
    study.add_argument("--out", type=Path, metavar="DIR", help="of the report (default: study-NAME)")
    for parser, at_the_end in ((sweep, "end with their means and the Pareto view"), (study, "write the report")):
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override, for all runs")
        parser.add_argument("--wait", action="store_true", help=f"wait until all runs have ended, then {at_the_end}")
        _json(parser)


def _add_control(commands: _Commands) -> None:  # type: ignore[type-arg]
    for name, text in (
        ("pause", "save a checkpoint and end the run's process; resume continues it"),
        ("stop", "save a checkpoint and end the run as stopped"),
        ("checkpoint", "save a checkpoint now"),
        ("evaluate", "evaluate the run as it stands now"),
    ):
        parser = _add(commands, name, "control", "command", text)
        parser.add_argument("run", metavar="RUN")
        parser.add_argument("--wait", action="store_true", help="wait until it is done")
        parser.set_defaults(command=name, discard=False)
        if name == "stop":
            parser.add_argument(
                "--discard", action="store_true", help="save nothing: what came after the newest checkpoint is lost"
            )
    resume = _add(commands, "resume", "control", "resume", "continue a run from its newest checkpoint")
    resume.add_argument("run", metavar="RUN")
    resume.add_argument("--take-over", action="store_true", help="take over a run whose worker is on another machine")
    resume.add_argument("--wait", action="store_true", help="wait until the run ends")
    archive = _add(commands, "archive", "control", "archive", "move runs out of sight, into .archive")
    archive.add_argument("run", nargs="+", metavar="RUN")
    delete = _add(commands, "delete", "control", "delete", "move runs to .trash, from where restore brings them back")
    delete.add_argument("run", nargs="+", metavar="RUN")
    delete.add_argument("--purge", action="store_true", help="delete them for good, also what was put away before")
    restore = _add(commands, "restore", "control", "restore", "bring back a run that was archived or deleted")
    restore.add_argument("run", metavar="RUN")
    empty = _add(commands, "empty-trash", "control", "empty_trash", "delete for good what lies in .trash")
    for parser in (delete, empty):
        parser.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")


def _add_annotating(commands: _Commands) -> None:  # type: ignore[type-arg]
    rename = _add(commands, "rename", "annotating", "rename", "call a run by another name; its id stays")
    rename.add_argument("run", metavar="RUN")
    rename.add_argument("name", metavar="NAME", help="an empty one gives back the name of the config")
    note = _add(commands, "note", "annotating", "note", "write a note on a run, or print it")
    note.add_argument("run", metavar="RUN")
    note.add_argument("text", nargs="?", metavar="TEXT", help="an empty one takes the note away")
    tag = _add(commands, "tag", "annotating", "tag", "add tags to a run or take them away, or print them")
    tag.add_argument("run", metavar="RUN")
    tag.add_argument("tags", nargs=argparse.REMAINDER, metavar="+TAG|-TAG", help="as: tag RUN +paper -draft")
    pin = _add(commands, "pin", "annotating", "pin", "have a run stand first in the dashboard")
    pin.add_argument("run", metavar="RUN")
    pin.add_argument("--off", action="store_true", help="where it belongs again")


def _add_reading(commands: _Commands) -> None:  # type: ignore[type-arg]
    listing = _add(commands, "list", "reading", "list_all", "list the runs, newest first")
    listing.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="as in the dashboard: 'lr>=1e-4 model~xlmr mono>.7'",
    )
    listing.add_argument("--view", metavar="NAME", help="the filter of a view that was saved in the dashboard")
    _json(listing)
    for name, text in (
        ("status", "say how a run stands"),
        ("log", "print what happened in a run"),
        ("protocol", "print how a run's last results were measured"),
    ):
        parser = _add(commands, name, "reading", name, text)
        parser.add_argument("run", metavar="RUN", help="id, unique prefix or name, 'last', or a path")
        _json(parser)
    alerts = _add(commands, "alerts", "alerts", "alerts", "say who is told of a run and when, and what was told")
    alerts.add_argument("subject", metavar="CONFIG|RUN")
    alerts.add_argument("--test", action="store_true", help="send a message to each target, and say whether it went")
    _json(alerts)
    show = _add(commands, "show", "reading", "show", "draw loss, heatmap and rank distribution as plain text")
    show.add_argument("run", metavar="RUN")
    show.add_argument("--ascii", action="store_true", help="ASCII characters only")
    _json(_add(commands, "doctor", "doctor", "doctor", "say what this machine has, and what will be slow or missing"))


def _add_evaluation(commands: _Commands) -> None:  # type: ignore[type-arg]
    parser = _add(commands, "eval", "evaluating", "evaluate", "measure models and other systems on benchmarks")
    parser.epilog = "Each system becomes a run of its own, which the dashboard shows while it is measured."
    parser.add_argument("model", nargs="*", metavar="MODEL", help="hub id, folder, run:RUN[@STEP|@best], or bm25")
    parser.add_argument("--benchmark", action="append", required=True, metavar="KEY[=PATH]", help=BENCHMARK_FORMS)
    parser.add_argument(
        "--vectors", action="append", default=[], metavar="FOLDER", help="of queries.npy, passages.npy and their ids"
    )
    parser.add_argument("--trec", action="append", default=[], metavar="FILE", help="a run file as trec_eval reads it")
    parser.add_argument("--languages", metavar="L1,L2", help="default: all the benchmark has")
    parser.add_argument("--articles", metavar="SLICE", help='LAReQA: only these articles, as "2::3" (every third)')
    parser.add_argument("--max-queries", type=_count, default=0, metavar="N", help="a fixed sample, for a quick look")
    parser.add_argument("--unit", choices=("sentence", "sentence+context"), default="sentence", help="a candidate")
    parser.add_argument(
        "--drop-own-id",
        action=argparse.BooleanOptionalAction,
        help="BEIR, mteb: leave out the document named as the query (default: as the data set has it)",
    )
    parser.add_argument("--devices", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, cuda:0,1 or cuda:all")
    parser.add_argument(
        "--memory", type=_gib, default=1.0, metavar="GIB", help="for a part of the search, above 50,000 candidates"
    )
    unset = "; default: as the model says, else"
    parser.add_argument("--query-prefix", metavar="TEXT", help=f"put before each question{unset} nothing")
    parser.add_argument("--passage-prefix", metavar="TEXT", help=f"put before each passage{unset} nothing")
    parser.add_argument("--query-prompt", metavar="NAME", help="the name of a prompt of the model's own")
    parser.add_argument("--passage-prompt", metavar="NAME", help="the same for passages")
    parser.add_argument("--task", metavar="TEXT", help="the instruction in the query prefix: what stands for {task}")
    parser.add_argument("--pooling", choices=POOLINGS, help=f"of token vectors{unset} mean")
    parser.add_argument("--max-query-tokens", type=_positive, metavar="N", help=f"{unset[2:]} 64")
    parser.add_argument("--max-passage-tokens", type=_positive, metavar="N", help=f"{unset[2:]} 256")
    parser.add_argument("--similarity", choices=("cosine", "dot"), help=f"what ranks{unset} cosine")
    parser.add_argument("--truncate-dim", type=_positive, metavar="N", help="only the first N dimensions of vectors")
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit of a model of the hub")
    parser.add_argument(
        "--trust-remote-code", action="store_true", default=None, help="run the Python code that the model brings along"
    )
    parser.add_argument(
        "--debias",
        default="none",
        metavar="METHOD,METHOD",
        help="correct vectors after encoding: none, centre, shift or lir; a run for each",
    )
    parser.add_argument(
        "--debias-pairs",
        type=Path,
        metavar="CONFIG",
        help="estimate the correction on its [[sources]] (default: those of run:RUN)",
    )
    parser.add_argument(
        "--debias-texts", type=_positive, metavar="N", help="pairs a language, at most (default: 10000)"
    )
    parser.add_argument(
        "--debias-missing", choices=("refuse", "keep"), help="languages with too few pairs (default: refuse)"
    )
    parser.add_argument("--debias-rank", type=_positive, metavar="N", help="lir: directions taken away (default: 1)")
    parser.add_argument(
        "--debias-alpha", type=_not_negative, metavar="A", help="shift: share of the offset (default: 1)"
    )
    parser.add_argument("--debias-pivot", metavar="L", help="shift: towards this language (default: en)")
    parser.add_argument(
        "--forbid-overlap", action="store_true", help="refuse pairs of --debias that a benchmark asks about"
    )
    parser.add_argument("--name", metavar="N", help="of the runs (default: eval- and the model's)")
    parser.add_argument("--detach", action="store_true", help="start, and do not wait for the results")
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write ranks, top passages and summary to DIR/KEY")
    _json(parser)


def _add_results(commands: _Commands) -> None:  # type: ignore[type-arg]
    compare = _add(commands, "compare", "results", "compare", "compare runs on the same questions, with verdicts")
    compare.add_argument(
        "run", nargs="+", metavar="RUN", help="or RUN@STEP; runs that differ only in their seed count as one"
    )
    compare.add_argument("--baseline", metavar="RUN", help="default: the first run")
    compare.add_argument(
        "--benchmark", metavar="KEY", help="or a suite, as 'beir/*': the mean over it (default: the runs' only one)"
    )
    compare.add_argument("--metric", metavar="NAME", help="as map_monolingual; default: the headline metrics")
    compare.add_argument(
        "--margin",
        type=_not_negative,
        metavar="M",
        help="of non-inferiority (default: what the configs state, else 0.01)",
    )
    _json(compare)
    queries = _add(commands, "queries", "queries", "queries", "show the worst questions and what was ranked for them")
    queries.add_argument("run", metavar="RUN")
    queries.add_argument("--cell", metavar="EN,DE", help="questions in EN, candidates in DE; EN alone: in all")
    queries.add_argument("--worst", type=_count, metavar="N", help="how many questions (default: 20)")
    queries.add_argument("--query", metavar="ID", help="this question alone")
    queries.add_argument("--top", type=_count, metavar="N", help="best passages of each (default: 3; with --query 20)")
    queries.add_argument("--against", metavar="RUN", help="another run beside it, at the same step where it has that")
    queries.add_argument(
        "--order", choices=("worst", "lost", "gained"), help="with --against: what lost, or gained, most comes first"
    )
    queries.add_argument("--benchmark", metavar="KEY", help="default: the run's only one")
    queries.add_argument("--step", type=_count, metavar="N", help="default: the newest evaluated step")
    _json(queries)
    report = _add(commands, "report", "results", "report", "write a run or a comparison as one HTML page")
    report.add_argument("run", nargs="+", metavar="RUN", help="or RUN@STEP; several are compared")
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="as report.html; it needs nothing else")
    report.add_argument("--baseline", metavar="RUN", help="of the comparison (default: the first run)")
    report.add_argument(
        "--benchmark", metavar="KEY", help="or a suite, as 'beir/*' (default: all that the runs were measured on)"
    )
    report.add_argument(
        "--margin",
        type=_not_negative,
        metavar="M",
        help="of non-inferiority (default: what the configs state, else 0.01)",
    )
    export = _add(commands, "export", "export", "export", "write a table or a figure, or files for other programs")
    export.add_argument("run", nargs="+", metavar="RUN")
    export.add_argument(
        "--table", metavar="NAME", help="summary, heatmap, ranks, bias, geometry, compare, pareto or paper"
    )
    export.add_argument("--figure", metavar="NAME", help="loss, validation, heatmap, ranks, pareto or forest")
    export.add_argument(
        "--format",
        required=True,
        metavar="FORMAT",
        help="of a table: csv, parquet, json, markdown or latex; of a figure: svg, pdf or png; of one run: trec (the "
        "100 best of every query in FILE, judgements in FILE.qrels) or mteb",
    )
    export.add_argument(
        "--benchmark",
        metavar="KEY",
        help="of compare, summary and paper also a suite, as 'beir/*' (default: the run's only one)",
    )
    export.add_argument("--step", type=_count, metavar="N", help="default: the newest evaluated step")
    export.add_argument("--out", type=Path, metavar="FILE", help="default: stdout")


def _add_serving(commands: _Commands) -> None:  # type: ignore[type-arg]
    serve = _add(commands, "serve", "serve", "serve", "show the dashboard in a browser")
    serve.add_argument("--port", type=_count, default=0, metavar="N", help="default: one that is free")
    serve.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="to listen at (default: 127.0.0.1)")
    serve.add_argument(
        "--expose-unencrypted",
        action="store_true",
        help="listen where other machines can connect: nothing is encrypted, and who has the address works as you do",
    )


def _add_mirror(commands: _Commands) -> None:  # type: ignore[type-arg]
    mirror = _add(
        commands, "mirror", "mirror", "mirror", "write what runs log to an experiment tracker, until they end"
    )
    mirror.epilog = "It reads the run folder and never touches the training. Ctrl-C ends the mirror, not the run."
    mirror.add_argument("run", nargs="+", metavar="RUN")
    mirror.add_argument("--to", required=True, choices=("tensorboard", "wandb", "trackio", "mlflow"))
    mirror.add_argument("--out", type=Path, metavar="DIR", help="default: where the tracker itself would write")
    mirror.add_argument("--project", metavar="P", help="or experiment (default: the tracker's variable, or hybrid-tui)")
    mirror.add_argument("--once", action="store_true", help="write what there is, and do not wait for more")
    mirror.add_argument(
        "--across-pauses", action="store_true", help="go on waiting where a run is paused, stopped or crashed"
    )
    _json(mirror)


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, 0 or more")
    return value


def _gib(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1 << 20:
        raise argparse.ArgumentTypeError(f"expected a number of GiB above 0, got {text!r}")
    return value


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def _seeds(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")]


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
