"""Writes live runs that train nothing: real logs, locks and heartbeats at the rate of a busy worker.

    python benchmarks/live_runs.py HOME [--runs 4] [--name live] [--finished 0] [--history 2000] [--seconds 60]

Ten ``step`` events a second with five steps each, a heartbeat every 5 s: the most a worker is allowed to write.
Runs until killed or until the seconds are over; prints ``ready`` once every run is there.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path

import msgspec

from engine import events
from engine.config import BatchConfig, EvaluationConfig, OptimizerConfig, RunConfig, SourceConfig
from engine.events import Advantage, EvaluationResult, RankDistances
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.lock import RunLock
from engine.runs.log import EventLog
from engine.runs.reader import RunReader

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
EDGES = [0.5 * 2 ** (index / 2) for index in range(24)]
STEPS_PER_EVENT = 5
EVENTS_PER_SECOND = 10
HEARTBEAT_SECONDS = 5.0
MAX_STEPS = 200_000


class LiveRun:
    """One run folder, its lock held by this process."""

    def __init__(self, home: Path, name: str, history: int) -> None:
        self.folder = RunFolder(home / f"20260101-{name}")
        self.folder.path.mkdir(parents=True)
        self.step = 0
        self._draw = random.Random(name)
        config = RunConfig(
            name=name,
            sources=(SourceConfig(kind="cldr"),),
            batch=BatchConfig(mode="hybrid"),
            optimizer=OptimizerConfig(max_steps=MAX_STEPS),
            evaluation=EvaluationConfig(benchmarks=("cldr",), every=1000),
        )
        spec = Spec(config=config, created=time.time(), provenance=Provenance(host="here"))
        self.folder.spec.write_bytes(msgspec.json.encode(spec))
        self._lock = RunLock.acquire(self.folder)
        self._lock.write_owner(1)
        self.log = EventLog.open(self.folder, attempt=1)
        self.log.append(
            events.RunStarted(
                name=name, mode="hybrid", mono_share=0.5, max_steps=MAX_STEPS, batch_size=64, seed=0, host="here", pid=1
            )
        )
        self.log.append(events.Device(name="cpu (2 threads)"))
        while self.step < history:
            self.train()
            if self.step % 1000 == 0:
                self.evaluate()

    def train(self) -> None:
        """Five steps in one event."""
        count = range(STEPS_PER_EVENT)
        modes = ["mono" if self._draw.random() < 0.5 else "cross" for _ in count]
        level = 0.4 + 3.5 * math.exp(-self.step / 900)
        self.log.append(
            events.Step(
                first_step=self.step + 1,
                loss=[(1.0 if mode == "cross" else 0.45) * level * (0.8 + 0.4 * self._draw.random()) for mode in modes],
                mode=modes,
                lr=[3e-5 * (1 - self.step / MAX_STEPS) for _ in count],
                masked=[self._draw.random() for _ in count],
                grad_norm=[0.5 + self._draw.random() for _ in count],
                seconds=[0.018 + 0.004 * self._draw.random() for _ in count],
                data_wait=[0.0004 for _ in count],
                tokens=[self._draw.randrange(2500, 3500) for _ in count],
            )
        )
        self.step += STEPS_PER_EVENT

    def beat(self) -> None:
        self.log.append(events.Heartbeat(progress_age=0.1))

    def evaluate(self) -> None:
        """An evaluation of eleven languages."""
        matrix = {asked: {shown: self._draw.random() for shown in LANGUAGES} for asked in LANGUAGES}
        result = EvaluationResult(
            queries=147 * len(LANGUAGES),
            candidates=441 * len(LANGUAGES),
            languages=list(LANGUAGES),
            settings={"monolingual": 11, "crosslingual": 110, "multilingual": 11},
            metrics={name: self._draw.random() for name in ("map_monolingual", "map_crosslingual", "map_multilingual")}
            | {"rank_distance": 300 * self._draw.random(), "rank_distance_null": 150.0},
            matrix=matrix,
            map_multilingual_by_language={language: self._draw.random() for language in LANGUAGES},
            histogram_edges=EDGES,
            rank_distance={
                language: RankDistances(queries=147, mean=300.0, median=200.0, p90=700.0, histogram=[6] * 23)
                for language in LANGUAGES
            },
            own_language_advantage={language: Advantage(mean=1.5, interval=(1.0, 2.0)) for language in LANGUAGES},
            ties=0,
        )
        self.log.append(events.EvalStarted(benchmark="cldr", step=self.step))
        self.log.append(events.EvalFinished(benchmark="cldr", step=self.step, seconds=1.0, result=result))

    def finish(self) -> None:
        """Ends the run, as a worker does that has nothing left to train."""
        self.log.append(events.RunFinished(step=self.step, seconds=60.0))
        self.log.close()
        reader = RunReader(self.folder)
        reader.poll()
        reader.save_snapshot()  # as a worker leaves it
        self._lock.release()


def make_finished(home: Path, runs: int, history: int) -> None:
    for index in range(runs):
        LiveRun(home, f"done-{index:03}", history).finish()


def keep_alive(live: list[LiveRun], seconds: float) -> None:
    """Writes to all of them at their rate; the runs take turns, as separate workers would."""
    if not live:
        time.sleep(seconds)
    end, beat = time.monotonic() + seconds, time.monotonic()
    due = time.monotonic()
    while time.monotonic() < end:
        for run in live:
            run.train()
            due += 1 / (EVENTS_PER_SECOND * len(live))
            time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() - beat >= HEARTBEAT_SECONDS:
            beat = time.monotonic()
            for run in live:
                run.beat()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--runs", type=int, default=4, help="live ones")
    parser.add_argument("--name", default="live", help="of the live ones, before their number")
    parser.add_argument("--finished", type=int, default=0)
    parser.add_argument("--history", type=int, default=2000, help="steps that are there from the beginning")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    make_finished(options.home, options.finished, options.history)
    live = [LiveRun(options.home, f"{options.name}-{index}", options.history) for index in range(options.runs)]
    print("ready", flush=True)
    keep_alive(live, options.seconds)


if __name__ == "__main__":
    main()
