"""BM25 over the whole pool, with the package bm25s.

Tokens are words of NFKC-normalised, casefolded text: runs of letters, digits and combining marks (which carry the
vowels of Hindi or Thai). Where a script puts no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) a
run is cut into overlapping pairs of characters, which is the usual stand-in for a dictionary. The script decides and
not the language of the passage, so that a Latin name in a Chinese passage stays one word. There is no stemming and no
list of stop words: both exist for some languages only, and would favour them.

A passage without a token of the question has score 0 and is not retrieved. All languages are indexed together, as the
pool is: a word counts as rare by how rare it is in the pool.

Shapes: C candidates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import repeat

import numpy as np

from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.evaluation.systems.lists import RetrievedLists
from engine.progress import Counter, Tick

K1, B = 1.5, 0.75
TOKENS = "words of casefolded text; pairs of characters in scripts without spaces; no stemming, no stop words"

_UNSPACED = (  # Thai and Lao, Burmese, Khmer, kana, ideographs
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_BLOCK = 4096  # texts between two reports of progress


def search_bm25(benchmark: Benchmark, tick: Tick | None) -> RetrievedLists:
    """Every query's candidates that share a token with it.

    Args:
        tick: "indexing" by candidates, and "searching" by queries; what it raises passes through.

    Raises:
        ConfigError: bm25s is not installed.
    """
    try:
        import bm25s
    except ImportError:
        raise ConfigError("bm25 needs the package bm25s: pip install bm25s") from None
    vocabulary: dict[str, int] = {}
    indexed = Counter(tick, "indexing", len(benchmark.candidate_ids), every=_BLOCK)
    documents = []
    contexts = benchmark.candidate_contexts if benchmark.candidate_contexts is not None else repeat("")
    for text, context in zip(benchmark.candidate_texts, contexts, strict=False):
        documents.append([vocabulary.setdefault(token, len(vocabulary)) for token in tokens(f"{text} {context}")])
        indexed.advance()
    lists = RetrievedLists(benchmark)
    if not vocabulary:
        return lists
    index = bm25s.BM25(k1=K1, b=B, method="lucene")
    index.index((documents, vocabulary), show_progress=False, create_empty_token=False)
    searched = Counter(tick, "searching", len(benchmark.query_ids), every=64)
    for query, text in enumerate(benchmark.query_texts):
        asked = [vocabulary[token] for token in tokens(text) if token in vocabulary]
        if asked:
            scores = index.get_scores_from_ids(asked)
            matching = np.flatnonzero(scores > 0)
            lists.add(query, matching, scores[matching].astype(np.float64))
        searched.advance()
    return lists


def tokens(text: str) -> list[str]:
    """The tokens of a text, repeats included."""
    words = _pattern().findall(unicodedata.normalize("NFKC", text).casefold())
    return [token for word, unspaced in words for token in ([word] if word else _pairs(unspaced))]


def _pairs(run: str) -> Sequence[str]:
    return [run] if len(run) == 1 else [run[start : start + 2] for start in range(len(run) - 1)]


@cache
def _pattern() -> re.Pattern[str]:
    """(a word, a run of a script without spaces), one of them empty."""
    # The marks that \\w leaves out; none lies beyond the second plane but selectors of variants, which NFKC text lacks.
    marks = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(f"((?:(?![{_UNSPACED}])[\\w{marks}])+)|([{_UNSPACED}]+)")
