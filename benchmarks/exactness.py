"""Kills a run at random moments, resumes it, and holds it bit for bit against one that never stopped.

    python benchmarks/exactness.py [--ranks 1|2|3|4] [--kills 10] [--seed 0] [--steps 60] [--set KEY=VALUE]... [--json]

A real `hybrid-tui run` of the tiny model, dropout 0.1, several ranks as so many processes on the CPU. Each attempt is
killed (SIGKILL) at a random moment, one in four while it starts and the others while it trains, saves or evaluates: the
worker; with several ranks as often one rank alone, the agent above them, or all at once. Then it is resumed, until the
kills are used up and the run finishes; one that finishes before is followed by another. Compared are the SHA-256 of
model, optimizer state and RNG at the last step, and every loss. Exit status 1: something differs, or a run was not
resumable within 30 s of a kill.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.runs.folder import RunFolder
from engine.runs.lock import probe
from engine.runs.reader import RunReader
from engine.runs.status import status_of

CONFIG = """
name = "exact"
seed = {seed}
[model]
dropout = 0.1
max_query_tokens = 48
max_passage_tokens = 48
[[sources]]
kind = "cldr"
languages = ["de", "en", "th"]
[batch]
size = 24
[loss]
learned_temperature = true
[optimizer]
learning_rate = 1e-3
warmup_steps = 5
max_steps = {steps}
[runtime]
devices = "cpu:{ranks}"
threads = {threads}
[evaluation]
benchmarks = ["cldr"]
languages = ["de", "en", "th"]
every = 20
[checkpoint]
every = 5
keep = 1
"""
FILES = ("model.safetensors", "optimizer.safetensors")
BUDGET_SECONDS = 30.0
DEADLINE_SECONDS = 600.0
POLL_SECONDS = 0.005
STARTING_SHARE = 0.25  # of the kills
TRAINING_SHARE = 0.3  # of a run's training, at most, between two kills: so that many fit into one


@dataclass(frozen=True)
class Kill:
    """``seconds`` until the lock was free and every process gone."""

    who: str
    step: int
    seconds: float
    state: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, choices=(1, 2, 3, 4), default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the run and of the moments")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override, as in run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exactness-") as scratch:
        os.environ |= {"XDG_STATE_HOME": f"{scratch}/state", "HYBRID_TUI_CACHE": f"{scratch}/cache"}
        config = Path(scratch) / "exact.toml"
        config.write_text(
            CONFIG.format(seed=options.seed, steps=options.steps, ranks=options.ranks, threads=max(2, options.ranks))
        )
        command = [str(config), *(word for each in options.set for word in ("--set", each))]
        home = Path(scratch) / "runs"
        start = time.monotonic()
        whole = launched(home, command)
        until_step(whole)
        lengths = time.monotonic() - start, 0.0
        ended(whole)
        lengths = lengths[0], time.monotonic() - start - lengths[0]
        expected = fingerprint(whole, options.steps)
        kills, same, runs = [], True, 0
        draw = random.Random(options.seed)
        while len(kills) < options.kills:
            folder = launched(home, command)
            runs += 1
            kills += killed_until_finished(folder, options.kills - len(kills), lengths, draw)
            same = fingerprint(folder, options.steps) == expected and same
    return report(options, kills, same, runs, expected)


def killed_until_finished(
    folder: RunFolder, most: int, lengths: tuple[float, float], draw: random.Random
) -> list[Kill]:
    """Kills each attempt at a random moment, ``most`` times; until it finishes.

    ``lengths``: seconds that a whole run takes to its first step, and from there to its end.
    """
    starting, training = lengths
    kills: list[Kill] = []
    while len(kills) < most:
        if draw.random() < STARTING_SHARE:
            time.sleep(draw.uniform(0.0, starting))
        else:
            until_step(folder)
            time.sleep(draw.uniform(0.0, TRAINING_SHARE * training))
        targets = processes(folder)
        if not targets:
            break  # it has finished meanwhile
        who = draw.choice(sorted(targets))
        step = read(folder).state.step
        start = time.monotonic()
        for process in targets[who]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        everyone = {process for each in targets.values() for process in each}
        while probe(folder).alive or any(Path(f"/proc/{process}").exists() for process in everyone):
            if time.monotonic() - start > DEADLINE_SECONDS:
                raise SystemExit(f"{who} was killed, and the run hangs")
            time.sleep(POLL_SECONDS)
        state = status_of(read(folder)).state
        kills.append(Kill(who, step, time.monotonic() - start, state))
        if state == "finished":
            break
        hybrid_tui(folder.path.parent, "resume", folder.id)
    ended(folder)
    return kills


def processes(folder: RunFolder) -> dict[str, list[int]]:
    """Whom to kill, by what they are; empty when the run has ended."""
    liveness = probe(folder)
    if not liveness.alive or liveness.owner is None or not liveness.owner.pid:
        return {}
    worker = liveness.owner.pid
    above = parent(worker)
    ranks = children(above) if worker in children(above) and above > 1 else []
    if not ranks:  # a run of one process, or one that is only starting
        return {"worker": [worker, *children(worker)]}
    others = [rank for rank in ranks if rank != worker]
    named = {"rank 0": [worker], "agent": [above], "all": [above, *ranks]}
    return {**named, **{f"rank {number}": [rank] for number, rank in enumerate(others, start=1)}}


def parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def launched(home: Path, command: Sequence[str]) -> RunFolder:
    return RunFolder(home / json.loads(hybrid_tui(home, "run", *command, "--json"))["id"])


def hybrid_tui(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", "--runs", str(home), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"hybrid-tui {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def until_step(folder: RunFolder) -> None:
    """Until this attempt has computed a step, or is over."""
    reader = RunReader(folder)
    while probe(folder).alive:
        reader.poll()
        owner = probe(folder).owner
        if owner is not None and owner.attempt == reader.state.attempt and reader.state.phase == "running":
            return
        time.sleep(POLL_SECONDS)


def ended(folder: RunFolder) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while probe(folder).alive:
        if time.monotonic() > deadline:
            raise SystemExit("the run does not end")
        time.sleep(POLL_SECONDS)
    if (state := status_of(read(folder)).state) != "finished":
        raise SystemExit(f"the run is {state}: {folder.log.read_text()[-2000:]}")


def read(folder: RunFolder) -> RunReader:
    reader = RunReader(folder, series=True)
    reader.poll()
    return reader


def fingerprint(folder: RunFolder, steps: int) -> dict[str, str]:
    """SHA-256 by file of the last checkpoint, and of every loss."""
    checkpoint = folder.checkpoints / f"step-{steps:06d}"
    found = {name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in FILES}
    series = read(folder).series
    assert series is not None
    assert len(series.loss) == steps
    return {**found, "losses": hashlib.sha256(repr(list(series.loss)).encode()).hexdigest()}


def report(options: argparse.Namespace, kills: Sequence[Kill], same: bool, runs: int, expected: dict[str, str]) -> int:
    longest = max((kill.seconds for kill in kills), default=0.0)
    if options.json:
        document = {
            "identical": {"value": same, "unit": "model, optimizer, RNG and losses"},
            "kills": {"value": len(kills), "unit": f"kills in {runs} runs of {options.ranks} ranks"},
            "until_resumable": {"value": longest, "unit": "s, the longest"},
            "moments": {"value": [vars(kill) for kill in kills], "unit": "who, step, s, state"},
            "sha256": {"value": expected, "unit": "of the run that never stopped"},
        }
        print(json.dumps(document))
    else:
        for kill in kills:
            print(f"{kill.who:8} killed after step {kill.step:3}: {kill.state}, resumable after {kill.seconds:.2f} s")
        for name, digest in expected.items():
            print(f"{name:24} {digest}")
        verdict = "identical" if same else "DIFFERENT"
        print(f"{len(kills)} kills in {runs} runs of {options.ranks} ranks: {verdict}; at most {longest:.2f} s")
    return 0 if same and longest <= BUDGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
