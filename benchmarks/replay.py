"""Times what a viewer does with a run's log: replay of 1,000,000 steps, opening from the snapshot, an idle poll; and
what the worker does: appending an event.

    python benchmarks/replay.py [--json] [--steps 1000000]

The log has 10 steps an event, with numbers as a run writes them: nine digits, times to the microsecond.
The peer is the standard library's json, parsing the same lines and keeping nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine import events
from engine.runs.folder import RunFolder
from engine.runs.log import EventLog
from engine.runs.reader import RunReader
from engine.worker.step_records import microseconds, nine_digits

STEPS_PER_EVENT = 10
COLUMNS = ("loss", "mode", "lr", "masked", "grad_norm", "seconds", "data_wait", "tokens", "flops")
REPEATS = 3


def step_event(rng: random.Random, first_step: int) -> events.Step:
    count = range(STEPS_PER_EVENT)
    return events.Step(
        first_step=first_step,
        loss=[nine_digits(rng.random()) for _ in count],
        mode=[rng.choice(("mono", "cross")) for _ in count],
        lr=[nine_digits(3e-5 * rng.random()) for _ in count],
        masked=[rng.randrange(64) / 64 for _ in count],
        grad_norm=[nine_digits(rng.random()) for _ in count],
        seconds=[microseconds(0.05 + 0.01 * rng.random()) for _ in count],
        data_wait=[microseconds(0.001 * rng.random()) for _ in count],
        tokens=[rng.randrange(2000, 6000) for _ in count],
        flops=[nine_digits(1e10 * rng.random()) for _ in count],
    )


def write_log(folder: RunFolder, steps: int) -> float:
    """Returns the seconds that one append took."""
    rng = random.Random(0)
    log = EventLog.open(folder, attempt=1)
    log.append(
        events.RunStarted(
            name="long", mode="hybrid", mono_share=0.5, max_steps=steps, batch_size=64, seed=0, host="here", pid=1
        )
    )
    spent = 0.0
    for first_step in range(1, steps + 1, STEPS_PER_EVENT):
        event = step_event(rng, first_step)
        start = time.perf_counter()
        log.append(event)
        spent += time.perf_counter() - start
    log.close()
    return spent * STEPS_PER_EVENT / steps


def write_events(folder: RunFolder, count: int) -> None:
    """The log of a run with ``count`` events of one step each."""
    rng = random.Random(0)
    model = events.encode(msgspec.structs.replace(one_step(rng, 1), seq=1, t=1.79e9, attempt=1))
    head, _, tail = model.partition(b'"first_step":1,')
    with folder.events.open("wb") as log:
        log.writelines(head + b'"first_step":%d,' % step + tail for step in range(1, count + 1))


def one_step(rng: random.Random, step: int) -> events.Step:
    whole = step_event(rng, step)
    columns = {name: getattr(whole, name)[:1] for name in whole.__struct_fields__ if name in COLUMNS}
    return msgspec.structs.replace(whole, **columns)


def best(action: Callable[[], object]) -> float:
    """Seconds of the fastest of some repeats: the others were disturbed."""
    return min(timed(action) for _ in range(REPEATS))


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def print_measures(found: dict[str, dict[str, float | str]]) -> None:
    for name, row in found.items():
        peer = f"   ({row['peer']}: {row['peer_value']:.3g}, ratio {row['ratio']:.3g})" if "peer" in row else ""
        where = f"   ({row['where']})" if "where" in row else ""
        print(f"{name}: {row['value']:.3g} {row['unit']}{peer}{where}", flush=True)


def measure(steps: int) -> dict[str, dict[str, float | str]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary))
        append = write_log(folder, steps)

        def replay() -> None:
            RunReader(folder).poll()

        def replay_with_curves() -> None:
            RunReader(folder, series=True).poll()

        def parse() -> None:
            with folder.events.open("rb") as lines:
                for line in lines:
                    json.loads(line)

        replayed, with_curves, parsed = best(replay), best(replay_with_curves), best(parse)
        reader = RunReader(folder)
        reader.poll()
        reader.save_snapshot()
        opened = best(lambda: RunReader(folder).poll())
        idle = best(reader.poll)
        megabytes = folder.events.stat().st_size / 1e6
        write_events(folder, steps)
        folder.state.unlink()
        reader = RunReader(folder)
        many = timed(reader.poll)
        reader.save_snapshot()
        many_opened = best(lambda: RunReader(folder).poll())
    return {
        f"replay of {steps:,} steps": {
            "value": replayed,
            "unit": "s",
            "peer": "json.loads of every line",
            "peer_value": parsed,
            "ratio": parsed / replayed,
        },
        f"replay of {steps:,} steps with their curves": {"value": with_curves, "unit": "s"},
        f"first look at a run of {steps:,} events": {"value": many, "unit": "s"},
        f"opening a run of {steps:,} events from the snapshot": {"value": many_opened * 1e3, "unit": "ms"},
        "log size": {"value": megabytes, "unit": "MB"},
        "opening from the snapshot": {"value": opened * 1e3, "unit": "ms"},
        "poll of an idle run": {"value": idle * 1e6, "unit": "us"},
        "append of an event": {"value": append * 1e6, "unit": "us"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--steps", type=int, default=1_000_000)
    options = parser.parse_args()
    found = measure(options.steps)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print_measures(found)


if __name__ == "__main__":
    main()
