"""Which texts of a benchmark a model was trained on: exact and normalised matches, by hashes.

Texts are compared as they are, and normalised: NFKC, case folded, without punctuation, white space and control
characters, so that "U.S. dollar" meets "US Dollar". A match is one of 64 hash bits; with 40 million training texts and
a million of a benchmark the chance of one false match is 2 in a million.

Shapes: n texts, d distinct ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.benchmark import Benchmark
from engine.data.cache import cache_folder
from engine.data.corpus import ParallelCorpus, corpus_digest
from engine.files import write_file
from engine.progress import Counter, Tick

Hashes = npt.NDArray[np.int64]

_EXAMPLES = 3
_FORMAT = "1"  # part of a cache's key
_CHUNK = 4096  # texts normalised at once
_SEPARATOR = "\0"


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
            f"{matches.normalised:,} of {matches.texts:,} {what} ({matches.exact:,} exactly)"
            for what, matches in (("questions", self.queries), ("relevant passages", self.relevant))
            if matches.normalised
        ]
        return f"{self.benchmark} overlaps with the training source {self.source}: {' and '.join(parts)} are in both"


class OverlapReport(msgspec.Struct, frozen=True, kw_only=True):
    """What results/overlap.json holds."""

    normalisation: str = "NFKC, case folded, without punctuation, white space and control characters"
    overlaps: list[Overlap]


def find_overlaps(
    corpora: Sequence[ParallelCorpus], benchmarks: Sequence[Benchmark], tick: Tick | None = None
) -> list[Overlap]:
    """Every source against every benchmark. What was found once is kept in the cache, by the digests of the two.

    Args:
        tick: called as ``tick("checking overlap", texts done, texts in all)`` for what is not in the cache; may raise
            to abandon the work.
    """
    places = [[_place(corpus, benchmark) for benchmark in benchmarks] for corpus in corpora]
    overlaps = [[_read(place) for place in row] for row in places]
    new_sources = [number for number, row in enumerate(overlaps) if None in row]
    new_benchmarks = [number for number in range(len(benchmarks)) if any(row[number] is None for row in overlaps)]
    total = 2 * sum(len(corpora[number].questions) for number in new_sources)
    total += sum(len(benchmarks[n].query_ids) + len(benchmarks[n].candidate_ids) for n in new_benchmarks)
    counter = Counter(tick, "checking overlap", total)
    asked = {number: _hashes(benchmarks[number].query_texts, counter) for number in new_benchmarks}
    answered = {number: _hashes(benchmarks[number].candidate_texts, counter) for number in new_benchmarks}
    for source in new_sources:
        questions = _hashes(corpora[source].questions, counter).distinct()
        passages = _hashes(corpora[source].passages, counter).distinct()
        for number in new_benchmarks:
            if overlaps[source][number] is None:
                benchmark, candidates = benchmarks[number], answered[number]
                every = np.arange(len(benchmark.candidate_ids))
                overlap = Overlap(
                    source=corpora[source].name,
                    benchmark=benchmark.key,
                    queries=_matches(
                        asked[number], questions, np.arange(len(benchmark.query_ids)), benchmark.query_ids
                    ),
                    relevant=_matches(candidates, passages, np.unique(benchmark.relevant), benchmark.candidate_ids),
                    candidates=_matches(candidates, passages, every, benchmark.candidate_ids),
                )
                _keep(overlap, places[source][number])
                overlaps[source][number] = overlap
    return [
        msgspec.structs.replace(overlap, source=corpus.name, benchmark=benchmark.key)
        for corpus, row in zip(corpora, overlaps, strict=True)
        for benchmark, overlap in zip(benchmarks, row, strict=True)
        if overlap is not None
    ]


def write_report(overlaps: Sequence[Overlap], path: Path) -> None:
    """Writes the file whole or not at all.

    Raises:
        OSError: no space, or no permission.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    report = OverlapReport(overlaps=list(overlaps))
    write_file(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def normalise(texts: Sequence[str]) -> list[str]:
    """What texts have in common when only their typing differs.

    Those of a script are case folded and stripped as one long text, which is several times faster than one by one. The
    separator is a control character, so nothing is lost with it; case folding knows no context.
    """
    if any(_SEPARATOR in text for text in texts):
        texts = [text.replace(_SEPARATOR, "") for text in texts]
    plain = iter(_fold_ascii([text for text in texts if text.isascii()]))
    others = iter(_fold([text for text in texts if not text.isascii()]))
    return [next(plain if text.isascii() else others) for text in texts]


def _fold_ascii(texts: Sequence[str]) -> list[str]:
    joined = _SEPARATOR.join(texts).lower().encode()
    return joined.translate(None, _DROPPED_ASCII).decode().split(_SEPARATOR)


def _fold(texts: Sequence[str]) -> list[str]:
    folded = _SEPARATOR.join([unicodedata.normalize("NFKC", text) for text in texts]).casefold()
    codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), np.uint32)
    stays = _stays(0x10000 if codes.max(initial=0) < 0x10000 else 0x110000)[codes]
    kept = codes[stays].tobytes().decode("utf-32-le", "surrogatepass")
    # What was removed may have kept a letter and its accent apart.
    return [unicodedata.normalize("NFKC", text) for text in kept.split(_SEPARATOR)]


def _stay(code: int) -> bool:
    """Not those of the Unicode categories P, Z and C; combining marks stay, which are vowels in Hindi and Thai."""
    return unicodedata.category(chr(code))[0] not in "PZC" or chr(code) == _SEPARATOR


@cache
def _stays(count: int) -> npt.NDArray[np.bool_]:
    """Of each code point below ``count``, which is less work where there are no rare ones."""
    return np.fromiter(map(_stay, range(count)), np.bool_, count)


_DROPPED_ASCII = bytes(code for code in range(128) if not _stay(code))


class _Texts:
    """Hashes of texts [n]; 0 in ``normalised`` where nothing is left, which matches nothing."""

    def __init__(self, exact: Hashes, normalised: Hashes) -> None:
        self.exact, self.normalised = exact, normalised

    def distinct(self) -> _Texts:
        """[d], sorted."""
        normalised = np.unique(self.normalised)
        return _Texts(np.unique(self.exact), normalised[normalised != 0])


def _hashes(texts: Sequence[str], counter: Counter) -> _Texts:
    exact, normalised = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
    for start in range(0, len(texts), _CHUNK):
        some = texts[start : start + _CHUNK]
        part = slice(start, start + len(some))
        # Python's own hash: other in each process, which is why the cache holds what was found, and not these.
        exact[part] = np.fromiter(map(hash, some), np.int64, len(some))
        normalised[part] = np.fromiter(map(hash, normalise(some)), np.int64, len(some))  # of "": 0
        counter.advance(len(some))
    return _Texts(exact, normalised)


def _matches(texts: _Texts, trained: _Texts, some: npt.NDArray[np.int64], ids: Sequence[str]) -> Matches:
    exact = np.isin(texts.exact[some], trained.exact)
    either = exact | np.isin(texts.normalised[some], trained.normalised)
    return Matches(
        texts=len(some),
        exact=int(exact.sum()),
        normalised=int(either.sum()),
        examples=[ids[int(index)] for index in some[either][:_EXAMPLES]],
    )


def _place(corpus: ParallelCorpus, benchmark: Benchmark) -> Path | None:
    """Where the overlap of the two is kept; None: there is no cache."""
    parts = [_FORMAT, unicodedata.unidata_version, corpus.digest or corpus_digest(corpus), benchmark.digest]
    name = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]
    try:
        return cache_folder() / "overlap" / f"{name}.json"
    except OSError:
        return None


def _read(place: Path | None) -> Overlap | None:
    if place is None:
        return None
    try:
        return msgspec.json.decode(place.read_bytes(), type=Overlap)
    except (OSError, msgspec.MsgspecError):
        return None


def _keep(overlap: Overlap, place: Path | None) -> None:
    if place is not None:
        with contextlib.suppress(OSError):  # a full disk only costs the next run its time
            place.parent.mkdir(exist_ok=True, mode=0o700)
            write_file(place, msgspec.json.encode(overlap))
