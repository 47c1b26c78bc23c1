"""What moves the measures of vectors, and what does not: texts whose bias is known, drawn and measured again and again.

    python benchmarks/vector_simulation.py [--json] [--draws 50]

A text is its fact plus noise of its own, in 48 dimensions, at length 1: 240 facts in 40 clusters, each told in four
languages. Facts of a cluster have a part in common. Then

- no language effect: nothing more;
- language offset: the texts of a language all lie off in one direction of their own;
- ignores language: the noise of a fact is that of all its translations, which are one vector;
- one bad language: the texts of one language have more noise.

Printed are means over draws, and how often the 95 % interval holds the mean that many draws have.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.evaluation.geometry.measure import VectorLookup, vector_geometry
from engine.events import VectorMeasure

CASES = ("no language effect", "language offset", "ignores language", "one bad language")
LANGUAGES = ("de", "en", "th", "zh")
FACTS, CLUSTERS, WIDTH = 240, 40, 48
_NOISE, _SHARED, _OFFSET, _BAD = 0.6, 0.5, 0.7, 2.5


def benchmark() -> Benchmark:
    """Every fact is asked and answered once in every language."""
    facts = range(FACTS)
    return build_benchmark(
        "simulated",
        [
            Query(f"{name}:q:{fact:04}", name, "", f"f{fact}", f"c{fact % CLUSTERS}", _answers(fact))
            for name in LANGUAGES
            for fact in facts
        ],
        [Candidate(f"{name}:p:{fact:04}", name, "") for name in LANGUAGES for fact in facts],
        unit="fact",
        pool="all passages",
    )


def _answers(fact: int) -> dict[str, int]:
    return {f"{name}:p:{fact:04}": 1 for name in LANGUAGES}


def draw(case: str, rng: np.random.Generator) -> np.ndarray:
    """Vectors [L * FACTS, WIDTH] of that case, in the benchmark's order."""
    shape = (len(LANGUAGES), FACTS, WIDTH)
    shared = rng.standard_normal((CLUSTERS, WIDTH))[np.arange(FACTS) % CLUSTERS]
    texts = np.broadcast_to(rng.standard_normal(shape[1:]) + _SHARED * shared, shape).copy()
    noise = rng.standard_normal(shape)
    if case == "ignores language":
        noise[:] = noise[0]
    if case == "one bad language":
        noise[0] *= _BAD
    texts += _NOISE * noise
    if case == "language offset":
        texts += _OFFSET * np.random.default_rng(0).standard_normal((len(LANGUAGES), 1, WIDTH))  # the same in each draw
    vectors = texts.reshape(-1, WIDTH)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def simulate(case: str, seed: int = 0) -> dict[str, VectorMeasure]:
    """The measures of one draw, by name."""
    vectors = draw(case, np.random.default_rng(seed))
    found = vector_geometry(benchmark(), VectorLookup(vectors.__getitem__, vectors.__getitem__))
    return found["candidates"].measures


def measure(draws: int) -> dict[str, dict[str, dict[str, float]]]:
    """By case and measure: the mean, the null, and the share of the intervals that hold the mean of all draws."""
    report: dict[str, dict[str, dict[str, float]]] = {}
    for case in CASES:
        found = [simulate(case, seed) for seed in range(draws)]
        report[case] = {}
        for name in found[0]:
            values = np.array([one[name].mean for one in found])
            inside = [
                low <= values.mean() <= high
                for one in found
                if one[name].interval
                for low, high in [one[name].interval]
            ]
            report[case][name] = {
                "mean": float(values.mean()),
                "null": float(np.mean([one[name].null for one in found])),
                "held": float(np.mean(inside)) if inside else float("nan"),
            }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--draws", type=int, default=50)
    options = parser.parse_args()
    found = measure(options.draws)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    names = list(found[CASES[0]])
    print("| | " + " | ".join(f"`{name}`" for name in names) + " |")
    print("|---|" + "---|" * len(names))
    for case, row in found.items():
        cells = (f"{one['mean']:.3f} ({one['null']:.3f})" for one in row.values())
        print(f"| {case} | " + " | ".join(cells) + " |")
    for name in names:
        held = ", ".join(f"{case} {100 * row[name]['held']:.0f} %" for case, row in found.items())
        print(f"{name}: intervals hold the mean: {held}")


if __name__ == "__main__":
    main()
