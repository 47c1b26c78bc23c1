"""Exact search of a collection too large for memory: under a memory cap, killed twice, equal to one pass in memory.

    python benchmarks/large_search.py [--json] [--passages 2000000] [--queries 500] [--cap-gib 2] [--folder DIR]

A collection of made-up short passages in MIRACL's format is written to a temporary folder, with a tiny encoder. A
process with its anonymous memory capped (RLIMIT_DATA, so an allocation beyond it fails) reads, encodes and searches it;
it is killed with SIGKILL in the middle of encoding, again in the middle of the search, and started a third time. Its
ranks and best passages are then compared, bit for bit, with one pass in memory, without a cap, over the same stored
vectors. Peaks are RssAnon, sampled every 20 ms; mapped files are page cache, which the system takes back when needed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

LANGUAGE = "sw"
WORDS = 4000
SEED = 0
SEARCH_MEMORY = 256 << 20  # bytes for one shard, or
SEARCH_MEMORY_EACH = 600  # bytes for each passage, so that a small collection has several shards as well
SAMPLE = 8192  # passages whose encoding gives the estimate, or an eighth of a small collection
REPORT_SECONDS = 0.02

# RLIMIT_DATA counts what allocators reserve: these reserve what they use. Threads that wait sleep, so that other work
# on the machine disturbs less.
QUIET = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OMP_WAIT_POLICY": "PASSIVE"}


def passages(count: int) -> Iterator[tuple[str, str]]:
    """(title, text): Zipf-distributed made-up words; one in fifty repeats an earlier passage."""
    rng = np.random.default_rng(SEED)
    syllables = ["ka", "ri", "mo", "tu", "ne", "sa", "li", "wa", "pe", "zo", "chi", "nga", "mba", "ho", "vu", "ye"]
    words = ["".join(rng.choice(syllables, rng.integers(2, 5))) for _ in range(WORDS)]
    shares = 1 / np.arange(10, WORDS + 10)
    shares /= shares.sum()
    recent: list[tuple[str, str]] = []
    while count > 0:
        block = min(count, 10_000)
        lengths = rng.integers(6, 14, block)
        drawn = rng.choice(WORDS, int(lengths.sum()), p=shares)
        ends = np.cumsum(lengths)
        again = rng.random(block) < 0.02
        for number in range(block):
            if again[number] and recent:
                yield recent[int(rng.integers(len(recent)))]
                continue
            chosen = [words[index] for index in drawn[ends[number] - lengths[number] : ends[number]]]
            made = chosen[0].capitalize(), " ".join(chosen[1:]) + "."
            if number % 100 == 0:
                recent.append(made)
            yield made
        count -= block


def make_collection(folder: Path, count: int, queries: int) -> list[str]:
    """Writes topics, qrels and passages; returns some texts. A query is some words of its first relevant passage."""
    rng = np.random.default_rng(SEED + 1)
    relevant = [sorted(rng.choice(count, rng.integers(1, 4), replace=False).tolist()) for _ in range(queries)]
    asked = {some[0] for some in relevant}
    texts: dict[int, str] = {}
    sample = []
    judged, corpus = folder / f"miracl-v1.0-{LANGUAGE}", folder / f"miracl-corpus-v1.0-{LANGUAGE}"
    for path in (judged, corpus):
        path.mkdir(parents=True)
    with (corpus / "docs-0.jsonl").open("w") as file:
        for number, (title, text) in enumerate(passages(count)):
            row = {"docid": f"{number // 7}#{number % 7}", "title": title, "text": text}
            file.write(json.dumps(row) + "\n")
            if number in asked:
                texts[number] = text
            if len(sample) < min(SAMPLE, count // 8):
                sample.append(f"{title} {text}")
    with (judged / f"topics.miracl-v1.0-{LANGUAGE}-dev.tsv").open("w") as file:
        for number, some in enumerate(relevant):
            words = texts[some[0]].rstrip(".").split()
            file.write(f"{number}\t{' '.join(rng.permutation(words)[:4])}\n")
    with (judged / f"qrels.miracl-v1.0-{LANGUAGE}-dev.tsv").open("w") as file:
        for number, some in enumerate(relevant):
            file.writelines(f"{number}\tQ0\t{place // 7}#{place % 7}\t1\n" for place in some)
    return sample


def make_encoder(folder: Path, sample: list[str]) -> None:
    from engine.config import ModelConfig
    from engine.encoder import load_encoder

    options = ModelConfig(name="tiny", max_query_tokens=16, max_passage_tokens=32)
    load_encoder(options, "cpu", texts=sample[:2000]).save(folder / "model")


def passages_per_second(folder: Path, sample: list[str]) -> float:
    from engine.config import ModelConfig
    from engine.encoder import load_encoder

    encoder = load_encoder(ModelConfig(name=str(folder / "model")), "cpu")
    encoder.encode_passages(sample[:512])
    start = time.perf_counter()
    encoder.encode_passages(sample)
    return len(sample) / (time.perf_counter() - start)


class PeakMemory:
    """Most anonymous memory that this process held, in bytes; sampled by a thread."""

    def __init__(self) -> None:
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)
            time.sleep(0.02)


def work(folder: Path) -> None:
    """The capped process: everything from files to ranks. Prints progress, and a JSON line at the end."""
    memory = PeakMemory()
    from engine.config import ModelConfig
    from engine.data.cache import cache_folder
    from engine.data.sources import load_benchmark
    from engine.encoder import load_encoder
    from engine.evaluation import benchmarking

    benchmarking.IN_MEMORY = 0  # a small collection goes through files here too
    reported = 0.0
    started: dict[str, float] = {}

    def tick(what: str, done: int, total: int | None) -> None:
        nonlocal reported
        now = time.monotonic()
        started.setdefault(what, now)
        if now - reported >= REPORT_SECONDS:
            reported = now
            print(f"{what}\t{done}\t{total or 0}", flush=True)

    benchmark = load_benchmark(f"miracl={folder / 'collection'}", tick=tick)
    encoder = load_encoder(ModelConfig(name=str(folder / "model")), "cpu")
    search_memory = min(SEARCH_MEMORY, SEARCH_MEMORY_EACH * len(benchmark.candidate_ids))
    evaluation = benchmarking.evaluate_model(
        [encoder], benchmark, cache=cache_folder(), memory=search_memory, tick=tick
    )
    started["end"] = time.monotonic()
    np.savez(folder / "found.npz", **arrays(evaluation.ranks, evaluation.top))
    order = list(started)
    seconds = {part: started[order[place + 1]] - started[part] for place, part in enumerate(order[:-1])}
    metrics = {name: evaluation.summary.metrics[name] for name in ("ndcg_at_10", "recall_at_100")}
    print(json.dumps({"peak": memory.peak, "seconds": seconds, "metrics": metrics, "ties": evaluation.summary.ties}))


def reference(folder: Path) -> dict[str, Any]:
    """One pass in memory, one shard, over the same vectors, compared with what the capped process found."""
    memory = PeakMemory()
    from engine.config import ModelConfig
    from engine.data.cache import cache_folder
    from engine.data.sources import load_benchmark
    from engine.encoder import load_encoder
    from engine.evaluation.ranking import distinct_vectors, rank_shards, stored_queries
    from engine.evaluation.shards import make_shards
    from engine.evaluation.vectors import encode_stored

    benchmark = load_benchmark(f"miracl={folder / 'collection'}")
    encoder = load_encoder(ModelConfig(name=str(folder / "model")), "cpu")
    root, digests = cache_folder() / "vectors", encoder.digests()
    queries = stored_queries(encode_stored([encoder], "query", benchmark.query_texts, None, root, digests))
    candidates = encode_stored([encoder], "passage", benchmark.candidate_texts, None, root, digests)
    rows, row_of = distinct_vectors(candidates)
    shards = make_shards(benchmark, row_of, len(rows), len(rows))
    assert len(shards) == 1
    start = time.perf_counter()
    expected = arrays(*rank_shards(benchmark, queries, rows, row_of, shards))
    seconds = time.perf_counter() - start
    with np.load(folder / "found.npz") as found:
        differing = {name: int((found[name] != array).sum()) for name, array in expected.items()}
    return {"peak": memory.peak, "seconds": seconds, "differing": sum(differing.values()), "distinct": len(rows)}


def arrays(ranks: Any, top: Any) -> dict[str, np.ndarray]:
    found = {name: getattr(ranks, name) for name in ranks.__slots__}
    return {**found, "top_passage": top.passage, "top_score": top.score}


def start(folder: Path, cap: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--work", "--folder", str(folder)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))

    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=limit)


def run_until(process: subprocess.Popen[str], part: str, share: float) -> tuple[int, int, dict[str, int]]:
    """Kills the process once ``part`` is that far; returns done and total of it, and where each part began.

    Raises:
        RuntimeError: it ended before.
    """
    assert process.stdout is not None
    began: dict[str, int] = {}
    for line in process.stdout:
        what, _, rest = line.rstrip("\n").partition("\t")
        if rest:
            done, total = map(int, rest.split("\t"))
            began.setdefault(what, done)
            if what == part and total and done >= share * total:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return done, total, began
    raise RuntimeError(f"the process ended before {part!r} was {share:.0%} done (status {process.wait()})")


def finish(process: subprocess.Popen[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """The JSON line at the end, and where each part began."""
    assert process.stdout is not None
    began: dict[str, int] = {}
    last = ""
    for line in process.stdout:
        last = line
        what, _, rest = line.rstrip("\n").partition("\t")
        if rest:
            began.setdefault(what, int(rest.split("\t")[0]))
    if process.wait() != 0:
        raise RuntimeError(f"status {process.returncode}: {last.strip()}")
    result: dict[str, Any] = json.loads(last)
    return result, began


def measure(folder: Path, count: int, queries: int, cap: int) -> dict[str, dict[str, Any]]:
    begin = time.perf_counter()
    sample = make_collection(folder / "collection", count, queries)
    written = time.perf_counter() - begin
    make_encoder(folder, sample)
    speed = passages_per_second(folder, sample)
    say(f"{count:,} passages written in {written:.0f} s; {speed:,.0f} passages/s: encoding takes about"
        f" {count / speed / 60:.1f} minutes")  # fmt: skip
    begin = time.perf_counter()
    encoded, texts, _ = run_until(start(folder, cap), "encoding passage texts", 0.6)
    say(f"killed in the middle of encoding, at {encoded:,} of {texts:,} texts")
    searched, steps, again = run_until(start(folder, cap), "ranking", 0.5)
    say(f"killed in the middle of the search, at {searched:,} of {steps:,} queries times shards")
    found, began = finish(start(folder, cap))
    resumed = began.get("ranking", steps)
    spent = time.perf_counter() - begin
    say("compared with one pass in memory ...")
    compared = reference(folder)
    report: dict[str, dict[str, Any]] = {
        "passages": {"value": count, "unit": ""},
        "distinct vectors": {"value": compared["distinct"], "unit": ""},
        "queries": {"value": queries, "unit": ""},
        "anonymous memory, cap": {"value": cap / 2**20, "unit": "MiB"},
        "anonymous memory, peak of the last process": {"value": found["peak"] / 2**20, "unit": "MiB"},
        "anonymous memory, peak of the pass in memory": {"value": compared["peak"] / 2**20, "unit": "MiB"},
        "encoding, estimated": {"value": count / speed, "unit": "s"},
        "all three processes": {"value": spent, "unit": "s"},
        "encoding resumed at": {"value": again["encoding passage texts"], "unit": f"of {texts}"},
        "search resumed at": {"value": resumed, "unit": f"of {steps}"},
        "pass in memory": {"value": compared["seconds"], "unit": "s"},
        "values that differ from the pass in memory": {"value": compared["differing"], "unit": "of all that it found"},
        "relevant passages with ties": {"value": found["ties"], "unit": ""},
    }
    for part, seconds in found["seconds"].items():
        report[f"last process, {part}"] = {"value": seconds, "unit": "s"}
    for name, value in found["metrics"].items():
        report[name] = {"value": value, "unit": ""}
    return report


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--passages", type=int, default=2_000_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--cap-gib", type=float, default=2.0, help="anonymous memory of the capped process")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.folder)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        os.environ.update(QUIET, HYBRID_TUI_CACHE=str(Path(temporary) / "cache"))
        report = measure(Path(temporary), options.passages, options.queries, int(options.cap_gib * 2**30))
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(f"{name}: {row['value']:,.6g} {row['unit']}" for name, row in report.items()))
    return 0 if report["values that differ from the pass in memory"]["value"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
