"""What is done to the vectors of a benchmark: three corrections from the literature, applied by language of each row.

    centre   z' = z - m_l              m_l: the mean vector of language l, of questions for queries and of passages
                                       for candidates
    shift    z' = z - alpha * V_l      V_l = mean over pairs of f(passage in l) - f(its translation in the pivot);
                                       candidates alone; queries and the pivot's candidates stay as they are.
                                       SHIFT, arXiv 2606.18801, has one language of queries for a pivot; here queries
                                       of all languages meet the one index that was moved towards the pivot
    lir      z' = z - U_l U_l^T z      U_l [D, r]: the first r left singular vectors of the matrix [D, n] of passages
                                       in language l, not centred; queries and candidates. LIR, arXiv 2109.04727

Where the encoder's vectors have length 1, corrected ones are brought back to it: cosines are still what ranks. (LIR's
own code leaves them and takes dot products; SHIFT's re-implementation of it takes cosines.) A vector that nothing is
taken from keeps its bits.

Everything is computed row by row, in float64, so that a vector is corrected to the same bits whatever lies beside it:
in memory and through files alike.

Shapes: n vectors, D dimensions, r directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.arrays import Floats, Ints, Values
from engine.evaluation.results import DebiasProtocol
from engine.evaluation.vectors import Kind

_BLOCK = 4096  # rows corrected at once, in float64


@dataclass(frozen=True, slots=True)
class LanguageCorrection:
    """What vectors of one language lose: an offset, and their part along some directions."""

    offset: Values | None = None  # [D]
    directions: Values | None = None  # [r, D], orthonormal

    def __call__(self, vectors: Floats, *, normalise: bool) -> Floats:
        """Vectors [n, D], corrected, and with length 1 where asked; a vector of zeros stays one."""
        found = vectors.astype(np.float64)
        if self.offset is not None:
            found -= self.offset
        for direction in () if self.directions is None else self.directions:
            found -= (found * direction).sum(axis=1, keepdims=True) * direction
        if normalise:
            length = np.sqrt((found * found).sum(axis=1, keepdims=True))
            np.divide(found, length, out=found, where=length > 0)
        return found.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction as it was estimated, for the languages of some benchmarks.

    Attributes:
        queries, candidates: by language; a language that is not in it stays as it is.
        is_normalized: whether the encoder's vectors have length 1.
        protocol: what it is and what it was estimated on.
    """

    queries: Mapping[str, LanguageCorrection]
    candidates: Mapping[str, LanguageCorrection]
    is_normalized: bool
    protocol: DebiasProtocol

    def apply(self, kind: Kind, vectors: Floats, language: npt.NDArray[np.integer], languages: Sequence[str]) -> Floats:
        """Vectors [n, D], corrected by the language of each: ``languages[language[i]]``."""
        of_language = self.queries if kind == "query" else self.candidates
        found = vectors.copy()
        for number, name in enumerate(languages):
            if (correct := of_language.get(name)) is not None:
                for rows in _blocks(np.flatnonzero(language == number)):
                    found[rows] = correct(vectors[rows], normalise=self.is_normalized)
        return found


def _blocks(rows: Ints) -> Iterator[Ints]:
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]
