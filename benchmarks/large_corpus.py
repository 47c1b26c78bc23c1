"""Ten million groups against ten thousand: start-up, private memory, batches and steps per second.

    python benchmarks/large_corpus.py [--json] [--groups 10000000] [--peer-groups 10000] [--size 128] [--folder DIR]

The token cache of a made-up corpus in two languages is written directly, as a build would leave it: one group in a
hundred lacks a language. For each size a fresh process opens it, builds the batch plan and a trainer with the tiny
model on the CPU, and assembles batches (first with the files dropped from the page cache, then the same again). Two
processes for each size, in turns; the better value of each counts: other work on the machine only slows. Steps of both
sizes are made in turns by one process, and their medians compared.
Memory is RssAnon, sampled every 20 ms: what the process allocated itself. Mapped files are page cache, which the system
takes back when needed. Ten million groups take 3 GB of disk in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

LANGUAGES = ("de", "en")
QUERY_TOKENS, PASSAGE_TOKENS = (4, 10), (12, 26)  # lengths are drawn between these
FIRST_ID, LAST_ID = 5, 80  # token ids that the tiny model of these texts has
CHUNK = 1 << 19  # rows written at a time
LACKING = 100  # one group in so many lacks a language
BATCHES, STEPS, ROUNDS = 400, 40, 2


def write_cache(folder: Path, groups: int) -> int:
    """The entry of a corpus of ``groups``; returns its bytes."""
    from engine.encoder.tokens import TokenRows
    from engine.training.token_cache import ColumnWriter, write_arrays
    from engine.training.tokenized import PassageKeys

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    row_of = np.arange(groups * len(LANGUAGES)).reshape(groups, len(LANGUAGES))
    row_of[::LACKING, 1] = -1
    for name, (shortest, longest), keyed in (("questions", QUERY_TOKENS, False), ("passages", PASSAGE_TOKENS, True)):
        writer = ColumnWriter(folder, name, keyed=keyed)
        for start in range(0, row_of.size, CHUNK):
            count = min(CHUNK, row_of.size - start)
            offsets = np.zeros(count + 1, dtype=np.int64)
            np.cumsum(rng.integers(shortest, longest + 1, count), out=offsets[1:])
            ids = rng.integers(FIRST_ID, LAST_ID, offsets[-1], dtype=np.int32)
            number = np.arange(start, start + count, dtype=np.uint64)
            writer.append(TokenRows(ids, offsets), PassageKeys(number, number) if keyed else None)
            writer.commit()
        writer.close()
    write_arrays(folder, LANGUAGES, row_of)
    return sum(path.stat().st_size for path in folder.iterdir())


class Memory:
    """Anonymous memory of this process, in bytes."""

    def __init__(self) -> None:
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def now(self) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        return 0

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, self.now())
            time.sleep(0.02)


def config_and_encoder(size: int) -> Any:
    import torch

    from engine.config import BatchConfig, ModelConfig, OptimizerConfig, RunConfig
    from engine.encoder import load_encoder

    torch.set_num_threads(1)  # a second one would wait for the first where other work runs
    words = [f"{chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26)]
    encoder = load_encoder(ModelConfig(), "cpu", texts=[" ".join(words)] * 4)
    assert len(encoder.hub_tokenizer) >= LAST_ID
    return RunConfig(batch=BatchConfig(size=size), optimizer=OptimizerConfig(max_steps=2 * STEPS)), encoder


def work(folder: Path, size: int) -> None:
    """One corpus in a process of its own; prints a JSON line."""
    from engine.training.batches import BatchSource
    from engine.training.ranks import Alone
    from engine.training.token_cache import open_entry

    config, encoder = config_and_encoder(size)
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    memory = Memory()
    before, begin = memory.now(), time.perf_counter()
    corpus = open_entry(folder, "made up", 1.0)
    assert corpus is not None
    source = BatchSource(config, [corpus], encoder, Alone())
    source.assemble(0)
    started = time.perf_counter() - begin

    def rate() -> float:
        begin = time.perf_counter()
        for t in range(BATCHES):
            source.assemble(t)
        return BATCHES / (time.perf_counter() - begin)

    cold, warm = rate(), rate()
    memory.peak = max(memory.peak, memory.now())
    found = {
        "start-up": started,
        "cold": cold,
        "warm": warm,
        "memory": memory.peak,
        "input memory": memory.peak - before,
    }
    print(json.dumps(found))


def steps(folders: list[Path], size: int) -> None:
    """The two corpora in turns; prints a JSON line of a list."""
    import torch

    from engine.training.token_cache import open_entry
    from engine.training.trainer import Trainer

    trainers = []
    for folder in folders:
        config, encoder = config_and_encoder(size)
        corpus = open_entry(folder, "made up", 1.0)
        assert corpus is not None
        trainers.append(Trainer(config, encoder, [corpus], torch.device("cpu")))
    records: list[list[Any]] = [[] for _ in trainers]
    for _ in range(STEPS):
        for trainer, made in zip(trainers, records, strict=True):
            made.append(trainer.update())
    for trainer in trainers:
        trainer.close()
    found = []
    for made in records:
        seconds, waits = ([getattr(record, name) for record in made[5:]] for name in ("seconds", "data_wait"))
        found.append({"step": statistics.median(seconds), "data wait": sum(waits) / sum(seconds)})
    print(json.dumps(found))


def run(role: str, folders: list[Path], size: int) -> Any:
    command = [sys.executable, __file__, "--role", role, "--entries", *map(str, folders), "--size", str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(root: Path, groups: int, peer_groups: int, size: int) -> dict[str, dict[str, Any]]:
    entries = {}
    for count in (peer_groups, groups):
        begin = time.perf_counter()
        taken = write_cache(root / str(count), count)
        entries[count] = taken
        say(f"{count:,} groups written in {time.perf_counter() - begin:.0f} s, {taken / 2**30:.2f} GiB")
    found: dict[int, list[dict[str, float]]] = {peer_groups: [], groups: []}
    for _ in range(ROUNDS):
        for count in found:
            found[count].append(run("work", [root / str(count)], size))
            say(f"{count:,} groups: {found[count][-1]}")
    both = run("steps", [root / str(count) for count in found], size)
    say(f"steps: {both}")
    for count, each in zip(found, both, strict=True):
        found[count] = [{**row, **each} for row in found[count]]
    peer = f"{peer_groups:,} groups"

    def compared(name: str, unit: str, scale: float = 1.0) -> dict[str, Any]:
        better = max if unit == "1/s" else min
        ours, theirs = (better(each[name] for each in found[count]) * scale for count in (groups, peer_groups))
        return {"value": ours, "unit": unit, "peer": peer, "peer_value": theirs, "ratio": ours / theirs}

    return {
        "groups": {"value": groups, "unit": ""},
        "disk": {"value": entries[groups] / 2**30, "unit": "GiB"},
        "start-up to the first batch": compared("start-up", "s"),
        "batches, files not in the page cache": compared("cold", "1/s"),
        "batches, files in the page cache": compared("warm", "1/s"),
        "private memory of plan and batches": compared("input memory", "MiB", 2**-20),
        "private memory of the whole process": compared("memory", "MiB", 2**-20),
        "step of the tiny model": compared("step", "ms", 1e3),
        "share of a step spent waiting for data": compared("data wait", ""),
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--groups", type=int, default=10_000_000)
    parser.add_argument("--peer-groups", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=128, help="pairs of a batch")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    parser.add_argument("--role", choices=("work", "steps"), help=argparse.SUPPRESS)
    parser.add_argument("--entries", type=Path, nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "work":
        work(options.entries[0], options.size)
        return 0
    if options.role == "steps":
        steps(options.entries, options.size)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        report = measure(Path(temporary), options.groups, options.peer_groups, options.size)
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    for name, row in report.items():
        beside = f" ({row['peer']}: {row['peer_value']:,.4g}, ratio {row['ratio']:.3f})" if "peer" in row else ""
        print(f"{name}: {row['value']:,.4g} {row['unit']}{beside}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
