"""Which texts of a benchmark a model was trained on: exact and normalised matches, by hashes.

Texts are compared as they are, and normalised: NFKC, case folded, without punctuation, white space and control
characters, so that "U.S. dollar" meets "US Dollar". A match is one of 64 hash bits; with 40 million training texts and
a million of a benchmark the chance of one false match is 2 in a million.

Shapes: n texts, d distinct ones.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.benchmark import Benchmark
from engine.data.corpus import ParallelCorpus
from engine.files import write_file
from engine.progress import Counter, Tick

Hashes = npt.NDArray[np.uint64]

_EXAMPLES = 3


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """How many texts of a benchmark are in a source."""

    texts: int  # of the benchmark, repeated ones included
    exact: int
    normalised: int  # exact ones included
    examples: list[str]  # ids of the first ones


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """One training source against one benchmark."""

    source: str
    benchmark: str
    queries: Matches  # among the source's questions
    relevant: Matches  # candidates that answer some query, among the source's passages
    candidates: Matches  # all candidates, among the source's passages

    @property
    def leaks(self) -> bool:
        """Whether a question, or an answer, of the benchmark was trained on; other candidates are only distractors."""
        return self.queries.normalised > 0 or self.relevant.normalised > 0

    def message(self) -> str:
        """One line for a log."""
        parts = [
            f"{found.normalised:,} of {found.texts:,} {what} ({found.exact:,} exactly)"
            for what, found in (("questions", self.queries), ("relevant passages", self.relevant))
            if found.normalised
        ]
        return f"{self.benchmark} overlaps with the training source {self.source}: {' and '.join(parts)} are in both"


class OverlapReport(msgspec.Struct, frozen=True, kw_only=True):
    """What results/overlap.json holds."""

    normalisation: str = "NFKC, case folded, without punctuation, white space and control characters"
    overlaps: list[Overlap]


def find_overlaps(
    corpora: Sequence[ParallelCorpus], benchmarks: Sequence[Benchmark], tick: Tick | None = None
) -> list[Overlap]:
    """Every source against every benchmark.

    Args:
        tick: called as ``tick("checking overlap", texts done, texts in all)``; may raise to abandon the work.
    """
    if not benchmarks:
        return []
    total = 2 * sum(len(corpus.questions) for corpus in corpora)
    total += sum(len(benchmark.query_ids) + len(benchmark.candidate_ids) for benchmark in benchmarks)
    counter = Counter(tick, "checking overlap", total, every=1000)
    asked = [_hashes(benchmark.query_texts, counter) for benchmark in benchmarks]
    answered = [_hashes(benchmark.candidate_texts, counter) for benchmark in benchmarks]
    found = []
    for corpus in corpora:
        questions, passages = (_hashes(texts, counter).distinct() for texts in (corpus.questions, corpus.passages))
        for benchmark, queries, candidates in zip(benchmarks, asked, answered, strict=True):
            relevant = np.unique(benchmark.relevant)
            found.append(
                Overlap(
                    source=corpus.name,
                    benchmark=benchmark.key,
                    queries=_matches(queries, questions, np.arange(len(benchmark.query_ids)), benchmark.query_ids),
                    relevant=_matches(candidates, passages, relevant, benchmark.candidate_ids),
                    candidates=_matches(
                        candidates, passages, np.arange(len(benchmark.candidate_ids)), benchmark.candidate_ids
                    ),
                )
            )
    return found


def write_report(found: Sequence[Overlap], path: Path) -> None:
    """Writes the file whole or not at all.

    Raises:
        OSError: no space, or no permission.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    report = OverlapReport(overlaps=list(found))
    write_file(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def normalise(text: str) -> str:
    """What two texts have in common when only their typing differs."""
    kept = unicodedata.normalize("NFKC", text).casefold().translate(_KEPT)
    return unicodedata.normalize("NFKC", kept)  # what was removed may have kept a letter and its accent apart


class _Texts:
    """Hashes of texts [n]; 0 in ``normalised`` where nothing is left, which matches nothing."""

    def __init__(self, exact: Hashes, normalised: Hashes) -> None:
        self.exact, self.normalised = exact, normalised

    def distinct(self) -> _Texts:
        """[d], sorted."""
        normalised = np.unique(self.normalised)
        return _Texts(np.unique(self.exact), normalised[normalised > 0])


def _hashes(texts: Iterable[str], counter: Counter) -> _Texts:
    exact, normalised = bytearray(), bytearray()
    for text in texts:
        kept = normalise(text)
        exact += _hash(text)
        normalised += _hash(kept) if kept else bytes(8)
        counter.advance()
    return _Texts(np.frombuffer(bytes(exact), np.uint64), np.frombuffer(bytes(normalised), np.uint64))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _matches(texts: _Texts, known: _Texts, some: npt.NDArray[np.int64], ids: Sequence[str]) -> Matches:
    exact = np.isin(texts.exact[some], known.exact)
    either = exact | np.isin(texts.normalised[some], known.normalised)
    return Matches(
        texts=len(some),
        exact=int(exact.sum()),
        normalised=int(either.sum()),
        examples=[ids[int(index)] for index in some[either][:_EXAMPLES]],
    )


class _Kept(dict[int, int | None]):
    """For ``str.translate``: drops the Unicode categories P, Z and C; combining marks stay, which are vowels in Hindi
    and Thai. Filled as characters are met: of a million there are, texts have some hundreds."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.category(chr(code))[0] in "PZC" else code
        self[code] = kept
        return kept


_KEPT = _Kept()
