"""``hybrid-tui eval``: a model, a benchmark, and all that is measured. Run as ``python -m engine.worker.eval_command``.

The result goes to stdout and progress to stderr. torch and transformers are imported only once the arguments are
known to be usable.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from engine.config import (
    BENCHMARK_FORMS,
    POOLINGS,
    ConfigError,
    ModelConfig,
    RuntimeConfig,
    model_problems,
    parse_benchmark,
)
from engine.data.cache import cache_folder
from engine.evaluation.report import evaluation_report
from engine.evaluation.results import SUMMARY, write_results
from engine.worker.devices import share_cores

if TYPE_CHECKING:
    from engine.data.benchmark import Benchmark
    from engine.encoder import DualEncoder
    from engine.evaluation.benchmarking import Evaluation
    from engine.evaluation.results import Summary

EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, EXIT_INTERRUPTED = 0, 1, 2, 130

REDRAW_SECONDS = 0.1

# Options of the command line that are keys of [model] too, and mean the same there.
_MODEL_OPTIONS = (
    "revision", "pooling", "query_prefix", "passage_prefix", "query_prompt", "passage_prompt", "task",
    "max_query_tokens", "max_passage_tokens", "similarity", "truncate_dim", "trust_remote_code",
)  # fmt: skip


class EvalDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints; the first keys are a contract."""

    benchmark: str
    model: str
    settings: dict[str, int]
    metrics: dict[str, float | None]
    matrix: dict[str, dict[str, float]]
    protocol: Any
    queries: int
    candidates: int
    languages: list[str]
    map_multilingual_by_language: dict[str, float]
    micro: dict[str, float | None]
    bounds: Any
    rank_distance: Any
    histogram_edges: list[float]
    own_language_advantage: Any
    bias: Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 wrong use with one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        target = _target(options.out, options.benchmark)
        evaluation = _evaluate(options)
        if target is not None:
            write_results(evaluation, target)
    except ConfigError as error:
        print(f"hybrid-tui eval: {error}", file=sys.stderr)
        return EXIT_WRONG_USE
    except OSError as error:
        print(f"hybrid-tui eval: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(_document(options.model, evaluation.summary)) + b"\n")
    else:
        print(evaluation_report(options.model, evaluation.summary))
    return EXIT_DONE


def _evaluate(options: argparse.Namespace) -> Evaluation:
    languages = tuple(options.languages.split(",")) if options.languages else ()
    chosen = {name: value for name in _MODEL_OPTIONS if (value := getattr(options, name)) is not None}
    model = ModelConfig(name=options.model, **chosen)
    for field, wrong in model_problems(model):
        raise ConfigError(f"model.{field}: {wrong}")
    with _Progress() as progress:
        benchmark = _load_benchmark(options, languages, progress)

        share_cores()
        from engine.encoder import load_encoder
        from engine.encoder.loading import check_vocabulary
        from engine.encoder.precision import allow_tf32, substitution_note
        from engine.evaluation.benchmarking import evaluate_model, is_stored

        allow_tf32(RuntimeConfig().tf32)
        encoder = load_encoder(model, device="auto")
        substituted = substitution_note(encoder.device, encoder.precision, encoder.autocast)
        for note in (*encoder.notes, *([substituted] if substituted else [])):
            progress.tell(note)
        check_vocabulary(encoder, [("query", benchmark.query_texts), ("passage", benchmark.candidate_texts)])
        return evaluate_model(
            _on_all_devices(encoder) if is_stored(benchmark) else [encoder],
            benchmark,
            cache=cache_folder(),
            memory=int(options.memory * (1 << 30)),
            tick=progress,
        )


def _load_benchmark(options: argparse.Namespace, languages: tuple[str, ...], progress: _Progress) -> Benchmark:
    from engine.data.sources import load_benchmark

    return load_benchmark(options.benchmark, languages, options.unit, drop_own_id=options.drop_own_id, tick=progress)


def _on_all_devices(encoder: DualEncoder) -> list[DualEncoder]:
    """The encoder, and a copy of it on every further GPU."""
    import copy

    import torch

    others = range(1, torch.cuda.device_count()) if encoder.device.type == "cuda" else ()
    return [encoder, *(copy.deepcopy(encoder).to(f"cuda:{number}") for number in others)]


def _target(out: Path | None, spec: str) -> Path | None:
    """The result folder under ``--out``, known to be writable as one before minutes of encoding.

    Raises:
        ConfigError: something is in its place that is not a result folder, and must not be replaced.
    """
    key, _ = parse_benchmark(spec)
    if out is None:
        return None
    target = out.expanduser().absolute() / key
    if not target.exists():
        blocked = next((parent for parent in target.parents if parent.exists() and not parent.is_dir()), None)
        if blocked is not None:
            raise ConfigError(f"--out: {blocked} is not a folder")
    elif not (target / SUMMARY).is_file():
        raise ConfigError(f"--out: {target} exists and is not a result folder")
    return target


def _document(model: str, summary: Summary) -> EvalDocument:
    names = set(EvalDocument.__struct_fields__) - {"model"}
    return EvalDocument(model=model, **{name: getattr(summary, name) for name in names})


class _Progress:
    """What is being done, on stderr: one line that is rewritten on a terminal, one line a part elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._part = ""
        self._start = self._drawn = 0.0  # monotonic seconds
        self._done = 0  # when the part was first seen: what was there already says nothing about the speed

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._part:
            print(file=sys.stderr)

    def tell(self, note: str) -> None:
        """A line that a person should read."""
        if self._live and self._part:
            print(file=sys.stderr)
            self._part = ""
        print(f"hybrid-tui eval: {note}", file=sys.stderr, flush=True)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if what != self._part:
            self._part, self._start, self._done = what, now, done
            if not self._live:
                print(what if total is None else f"{what}: {total:,}", file=sys.stderr, flush=True)
        elif now - self._drawn < REDRAW_SECONDS and done != total:
            return
        if self._live:
            self._drawn = now
            of = "" if total is None else f"/{total:,}{self._left(now, done, total)}"
            print(f"\r{what} {done:,}{of}\033[K", end="", file=sys.stderr, flush=True)

    def _left(self, now: float, done: int, total: int) -> str:
        spent, made = now - self._start, done - self._done
        if spent < 1 or made <= 0 or done >= total:
            return ""
        seconds = round(spent * (total - done) / made)
        return f", {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"


class _OneLineParser(argparse.ArgumentParser):
    """Wrong use is one line on stderr, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_WRONG_USE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="hybrid-tui eval", description="Evaluate a model on a benchmark.", allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="hub id, folder, or a run's model/ folder")
    parser.add_argument("--benchmark", required=True, metavar="KEY[=PATH]", help=BENCHMARK_FORMS)
    parser.add_argument("--languages", metavar="L1,L2", help="default: all the benchmark has")
    parser.add_argument("--unit", choices=("sentence", "sentence+context"), default="sentence", help="a candidate")
    parser.add_argument(
        "--drop-own-id",
        action=argparse.BooleanOptionalAction,
        help="BEIR: leave out the document named as the query (default: for arguana and quora)",
    )
    parser.add_argument(
        "--memory",
        type=_gib,
        default=1.0,
        metavar="GIB",
        help="for one shard of the search in a large collection (default: 1)",
    )
    _add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write ranks, top passages and summary to DIR/KEY")
    return parser


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    said = "; default: as the model says, else"
    parser.add_argument("--query-prefix", metavar="TEXT", help=f"put before each question{said} nothing")
    parser.add_argument("--passage-prefix", metavar="TEXT", help=f"put before each passage{said} nothing")
    parser.add_argument("--query-prompt", metavar="NAME", help="the name of a prompt of the model's own")
    parser.add_argument("--passage-prompt", metavar="NAME", help="the same for passages")
    parser.add_argument("--task", metavar="TEXT", help="the instruction in the query prefix: what stands for {task}")
    parser.add_argument("--pooling", choices=POOLINGS, help=f"of token vectors{said} mean")
    parser.add_argument("--max-query-tokens", type=_positive, metavar="N", help=f"{said[2:]} 64")
    parser.add_argument("--max-passage-tokens", type=_positive, metavar="N", help=f"{said[2:]} 256")
    parser.add_argument("--similarity", choices=("cosine", "dot"), help=f"what ranks{said} cosine")
    parser.add_argument(
        "--truncate-dim", type=_positive, metavar="N", help="only the first N dimensions of the vectors"
    )
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit of a model of the hub")
    parser.add_argument(
        "--trust-remote-code", action="store_true", default=None, help="run the Python code that the model brings along"
    )


def _gib(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1 << 20:
        raise argparse.ArgumentTypeError(f"expected a number of GiB above 0, got {text!r}")
    return value


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
