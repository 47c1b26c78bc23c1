"""What a run of the built-in example takes, part by part, each in this one process.

    python benchmarks/example.py [--json]

Of the seeds of its tokenizer and of the permutation that orders a stream of batches also the slow, obvious way is
timed, after it was seen to give the same.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from replay import best, print_measures, timed

from engine.config import load_config, sample_configs_folder
from engine.worker.loading import build_trainer, import_frameworks, load_corpora, set_up_torch

STEPS = 60
BATCHES = 200
GROUPS = 600  # of a stream


def substrings(words: Mapping[str, int], longest: int) -> list[tuple[str, int]]:
    """What engine.encoder.tiny.frequent_substrings counts, one after the other."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for start, end in itertools.combinations(range(len(word) + 1), 2):
            if end - start <= longest:
                counts[word[start:end]] += count
    kept = ((piece, count) for piece, count in counts.items() if count > 1 or len(piece) == 1)
    return sorted(kept, key=lambda piece: (-piece[1] * len(piece[0]), piece[0]))


def permuted(key: int, positions: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """engine.training.keyed.permuted, with every word of its rounds drawn when it is needed."""
    from engine.training.keyed import _ROUNDS, random_words

    left_size = max(1, int(np.ceil(np.sqrt(size))))
    right_size = -(-size // left_size)
    result, outside = positions.astype(np.int64), np.ones(len(positions), dtype=bool)
    while outside.any():
        left, right = np.divmod(result[outside], right_size)
        for turn in range(_ROUNDS):
            offset = turn * (left_size + right_size)
            left = (left + (random_words(key, right + offset) % np.uint64(left_size)).astype(np.int64)) % left_size
            offset += right_size
            right = (right + (random_words(key, left + offset) % np.uint64(right_size)).astype(np.int64)) % right_size
        result[outside] = left * right_size + right
        outside = result >= size
    return result


def measure() -> dict[str, dict[str, Any]]:
    config = load_config(sample_configs_folder() / "cldr-hybrid.toml")
    found: dict[str, dict[str, Any]] = {"torch and transformers": {"value": timed(import_frameworks), "unit": "s"}}
    set_up_torch(config.runtime)

    import torch

    from engine.data.cache import cache_folder
    from engine.data.sources import load_benchmark
    from engine.encoder.tiny import _LONGEST_PIECE, frequent_substrings
    from engine.evaluation.benchmarking import evaluate_model
    from engine.training.keyed import derive_key
    from engine.training.keyed import permuted as permuted_by_tables

    def silent(*_: object) -> None:
        """Nobody watches."""

    start = time.perf_counter()
    corpora = load_corpora(config, silent)
    benchmark = load_benchmark("cldr")
    found["corpus and benchmark"] = {"value": time.perf_counter() - start, "unit": "s"}

    texts = [text for corpus in corpora for column in (corpus.questions, corpus.passages) for text in column]
    words = Counter(f"▁{word}" for text in texts for word in text.split())
    assert frequent_substrings(words) == substrings(words, _LONGEST_PIECE)
    found["seeds of the tokenizer"] = compared(
        best(lambda: frequent_substrings(words)), best(lambda: substrings(words, _LONGEST_PIECE)), "s"
    )

    start = time.perf_counter()
    trainer = build_trainer(config, corpora, torch.device("cpu"), silent)
    found["encoder, tokenizer and tokens"] = {"value": time.perf_counter() - start, "unit": "s"}
    for _ in range(5):
        trainer.update()
    seconds = timed(lambda: [trainer.update() for _ in range(STEPS)])
    found["update"] = {"value": seconds / STEPS * 1e3, "unit": "ms"}
    cache = cache_folder()
    evaluated = best(lambda: evaluate_model([trainer.encoder], benchmark, cache=cache, tick=silent))
    found["evaluation"] = {"value": evaluated, "unit": "s"}
    trainer.close()

    key, positions = derive_key(config.seed, "order"), np.arange(config.batch.size)
    assert (permuted_by_tables(key, positions, GROUPS) == permuted(key, positions, GROUPS)).all()

    def order_with(method: Callable[..., object]) -> float:
        return best(lambda: [method(key, positions, GROUPS) for _ in range(BATCHES)]) / BATCHES * 1e3

    found["groups of a batch"] = compared(order_with(permuted_by_tables), order_with(permuted), "ms")
    return found


def compared(value: float, slow: float, unit: str) -> dict[str, Any]:
    peer = "the slow, obvious way"
    return {"value": value, "unit": unit, "peer": peer, "peer_value": slow, "ratio": slow / value}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    found = measure()
    print(json.dumps(found, indent=2)) if options.json else print_measures(found)


if __name__ == "__main__":
    main()
