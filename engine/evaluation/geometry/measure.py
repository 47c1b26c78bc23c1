"""All measures of an evaluation's vectors, and for what cannot be measured, why.

Vectors are brought to length 1 first, whatever the model ranks by. Queries and candidates are measured apart: prefixes
move them apart from each other, in every language alike.

Shapes: n texts, U sets of translations, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.data.benchmark import Benchmark
from engine.evaluation.arrays import Floats, Ints
from engine.evaluation.geometry.distances import language_offset, pair_distances
from engine.evaluation.geometry.jackknife import Statistic, jackknife_interval, mean_of
from engine.evaluation.geometry.probe import probe_language
from engine.evaluation.geometry.sample import Side, Translations, sample_translations
from engine.evaluation.products import one_thread
from engine.events import VectorMeasure, VectorSide
from engine.measures import ONE_LANGUAGE

VECTOR_MEASURES = ("alignment", "uniformity", "language_offset", "language_probe")
NO_VECTORS = "the system has no vectors"

Lookup = Callable[[Ints], Floats]  # numbers of queries or candidates [n] -> their vectors [n, D]


@dataclass(frozen=True, slots=True)
class VectorLookup:
    """The vectors of a benchmark, as they were ranked."""

    queries: Lookup
    candidates: Lookup


def vector_geometry(benchmark: Benchmark, vectors: VectorLookup | None) -> dict[str, VectorSide]:
    """``queries`` and ``candidates``, measured on a sample of translations (see ``sample``).

    ``vectors``: None of a system that has none.
    """
    if vectors is None:
        return dict.fromkeys(("queries", "candidates"), _absent(NO_VECTORS))
    if len(benchmark.languages) < 2:
        return dict.fromkeys(("queries", "candidates"), _absent(ONE_LANGUAGE))
    with one_thread():
        return {
            "queries": _side(benchmark, "queries", vectors.queries),
            "candidates": _side(benchmark, "candidates", vectors.candidates),
        }


def _side(benchmark: Benchmark, side: Side, vectors: Lookup) -> VectorSide:
    sample = sample_translations(benchmark, side)
    if len(sample.text) < 2:
        return _absent(f"fewer than two {side} have a translation")
    texts = np.unique(sample.text[sample.text >= 0])
    rows = vectors(texts).astype(np.float32)
    if not np.isfinite(rows).all():
        return _absent("some vectors are not finite")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, length, out=rows, where=length > 0)
    row_of = np.searchsorted(texts, np.maximum(sample.text, 0))  # [U, L]
    clusters = int(sample.cluster.max()) + 1
    measures = _pair_measures(sample, rows, row_of, clusters)
    absent = {name: "no two languages share two sets of translations" for name in VECTOR_MEASURES[:3] if not measures}
    if clusters < 2:
        absent["language_probe"] = "one cluster of texts: none can be held out"
    else:
        measures["language_probe"] = _probe(sample, rows, row_of, clusters)
    return VectorSide(
        texts=len(texts), sets=len(sample.text), clusters=clusters, measures=measures, not_applicable=absent
    )


def _absent(reason: str) -> VectorSide:
    return VectorSide(texts=0, sets=0, clusters=0, measures={}, not_applicable=dict.fromkeys(VECTOR_MEASURES, reason))


def _pair_measures(sample: Translations, rows: Floats, row_of: Ints, clusters: int) -> dict[str, VectorMeasure]:
    """What is measured between pairs of languages; nothing where no pair has two sets of translations."""
    names = sample.languages
    alignment: dict[tuple[str, str], Statistic] = {}
    apart: list[float] = []
    uniformity: dict[tuple[str, str], Statistic] = {}
    offset: dict[tuple[str, str], Statistic] = {}
    exchanged: list[float] = []
    for one, first in enumerate(names):
        for other in range(one, len(names)):
            both = np.flatnonzero((sample.text[:, [one, other]] >= 0).all(axis=1))
            if len(both) < 2:
                continue
            pair, cluster = (first, names[other]), sample.cluster[both]
            left, right = rows[row_of[both, one]], rows[row_of[both, other]]
            found = pair_distances(left, right, cluster, clusters)
            uniformity[pair] = found.uniformity
            if one != other:
                alignment[pair] = found.alignment
                apart.append(found.apart)
                offset[pair], null = language_offset(left, right, cluster, clusters)
                exchanged.append(null)
    if not alignment:
        return {}
    across = {pair: statistic for pair, statistic in uniformity.items() if pair[0] != pair[1]}
    within = [statistic.value for pair, statistic in uniformity.items() if pair[0] == pair[1]]
    return {
        "alignment": _measure(mean_of([*alignment.values()]), float(np.mean(apart)), alignment),
        "uniformity": _measure(mean_of([*across.values()]), float(np.mean(within)), uniformity),
        "language_offset": _measure(mean_of([*offset.values()]), float(np.mean(exchanged)), offset),
    }


def _measure(mean: Statistic, null: float, by_pair: dict[tuple[str, str], Statistic]) -> VectorMeasure:
    pairs: dict[str, dict[str, float]] = {}
    for (first, second), statistic in by_pair.items():
        pairs.setdefault(first, {})[second] = statistic.value
    return VectorMeasure(mean=mean.value, interval=jackknife_interval(mean), null=null, by_pair=pairs)


def _probe(sample: Translations, rows: Floats, row_of: Ints, clusters: int) -> VectorMeasure:
    which, language = np.nonzero(sample.text >= 0)
    mean, by_language = probe_language(rows[row_of[which, language]], language, sample.cluster[which], clusters)
    interval = jackknife_interval(mean)
    return VectorMeasure(
        mean=mean.value,
        interval=None if interval is None else (max(0.0, interval[0]), min(1.0, interval[1])),  # it is a share
        null=1 / len(sample.languages),
        by_language=dict(zip(sample.languages, by_language.tolist(), strict=True)),
    )
