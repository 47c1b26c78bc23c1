"""``python -m engine.data.check``: reads a config as JSON and loads the user's own files, before a run is made.

Prints nothing and exits 0 when all can be read; else one line naming file and field on stderr, exit 2. A process
of its own, so that the command line and the dashboard never load a data library.
"""

from __future__ import annotations

import sys

import msgspec

from engine.config import ConfigError, RunConfig
from engine.data.sources import load_benchmark, load_source


def check(config: RunConfig) -> None:
    """Loads every local file the config names; hub data sets are left to the worker, which reports progress.

    Raises:
        ConfigError: one line naming file and field.
    """
    for source in config.sources:
        if source.kind in ("jsonl", "lareqa"):
            load_source(source)
    evaluation = config.evaluation
    for spec in evaluation.benchmarks:
        if "=" in spec:
            load_benchmark(spec, evaluation.languages, evaluation.unit, evaluation.articles)


def main() -> int:
    try:
        check(msgspec.json.decode(sys.stdin.buffer.read(), type=RunConfig))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
