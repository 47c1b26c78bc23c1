"""How long it takes to look for a benchmark's texts among those of a training source.

    python benchmarks/overlap.py [ROWS]

A corpus of ROWS rows (default: 50,000) in four scripts, with questions of some ten words and passages of some forty, in
memory, against a benchmark of a tenth as many candidates, of which every tenth is a passage of the corpus, typed
otherwise. Prints the seconds of a first look and of a second one, which finds the answer in the cache.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time

WORDS = {
    "de": ["Straße", "über", "Fluß", "Häuser", "grün", "wächst", "langsam", "und", "Größe", "müde", "schön", "Bäume"],
    "en": [
        "river",
        "rises",
        "in",
        "the",
        "high",
        "Alps,",
        "flows",
        "north;",
        "and",
        "ends",
        "near",
        "a",
        "cold",
        "sea",
    ],
    "hi": ["नदी", "पहाड़ों", "से", "निकलती", "है", "और", "समुद्र", "में", "मिल", "जाती", "है"],
    "zh": ["河流", "发源", "于", "山脉", ",", "最后", "流入", "大海", "。", "城市", "人口"],
}


def text(rng: random.Random, language: str, words: int) -> str:
    return " ".join(f"{rng.choice(WORDS[language])}{rng.randrange(10)}" for _ in range(words))


def main(rows: int) -> None:
    os.environ["HYBRID_TUI_CACHE"] = tempfile.mkdtemp()
    from engine.data.benchmark import Candidate, Query, build_benchmark
    from engine.data.corpus import CorpusRows, build_corpus
    from engine.data.overlap import find_overlaps

    rng = random.Random(0)
    languages = [sorted(WORDS)[row % len(WORDS)] for row in range(rows)]
    passages = [text(rng, language, rng.randrange(20, 60)) for language in languages]
    corpus = build_corpus(
        "made up",
        CorpusRows(
            groups=[f"g{row}" for row in range(rows)],
            languages=languages,
            questions=[text(rng, language, rng.randrange(5, 15)) for language in languages],
            passages=passages,
            passage_ids=[f"{language}:p:{row:08}" for row, language in enumerate(languages)],
            clusters=["c"] * rows,
        ),
    )
    candidates = [
        Candidate(
            f"{languages[row]}:p:{row:08}",
            languages[row],
            passages[row].upper() + "!" if row % 10 == 0 else text(rng, languages[row], 40),
        )
        for row in range(rows // 10)
    ]
    queries = [
        Query(
            f"{entry.language}:q:{row:08}", entry.language, text(rng, entry.language, 10), f"g{row}", "c", {entry.id: 1}
        )
        for row, entry in enumerate(candidates)
    ]
    benchmark = build_benchmark("toy", queries, candidates, unit="sentence", pool="all")
    texts = 2 * rows + len(candidates) + len(queries)
    for what in ("first look", "second look"):
        start = time.process_time()
        (overlap,) = find_overlaps([corpus], [benchmark])
        seconds = time.process_time() - start
        print(f"{what}: {seconds:.2f} s for {texts:,} texts, {texts / seconds:,.0f} texts a second")
        print(f"  relevant passages found: {overlap.relevant.normalised:,} of {overlap.relevant.texts:,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
