"""Figures of arXiv 2408.10536 (Elmahdy, Lin, Ahmad 2024), as its tables print them.

mAP and recall are those of its result tables, rank distances those of its table of language bias (whose prose gives
another number for monolingual XLM-R). Nothing here was measured by this program. The paper states neither temperature,
pooling, lengths, steps nor seeds, and not whether a candidate is the sentence alone or with its context.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "arXiv 2408.10536"

# Questions in all languages, and candidates, of the whole benchmarks: results on a part of them stand apart.
FULL_SIZES = {"xquad-r": (13_090, 13_014), "mlqa-r": (4_199, 20_534)}

_Three = tuple[float, float, float]  # monolingual, cross-lingual, multilingual


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One model trained with one kind of batches, on XQuAD-R and MLQA-R."""

    model: str
    batches: str  # the paper's names: X-X-mono, X-Y and hybrid
    map: dict[str, _Three]
    recall: dict[str, _Three]  # R@1, R@1, R@10
    rank_distance: dict[str, float]


PUBLISHED = (
    PublishedRow(
        model="XLM-R",
        batches="mono",
        map={"xquad-r": (0.792, 0.674, 0.5479), "mlqa-r": (0.648, 0.584, 0.473)},
        recall={"xquad-r": (0.7035, 0.5623, 0.4785), "mlqa-r": (0.5463, 0.4680, 0.5873)},
        rank_distance={"xquad-r": 410.2, "mlqa-r": 287.5},
    ),
    PublishedRow(
        model="XLM-R",
        batches="X-Y",
        map={"xquad-r": (0.755, 0.700, 0.5934), "mlqa-r": (0.626, 0.620, 0.508)},
        recall={"xquad-r": (0.6554, 0.5898, 0.5155), "mlqa-r": (0.5221, 0.5042, 0.6274)},
        rank_distance={"xquad-r": 295.4, "mlqa-r": 226.7},
    ),
    PublishedRow(
        model="XLM-R",
        batches="hybrid",
        map={"xquad-r": (0.798, 0.705, 0.5927), "mlqa-r": (0.648, 0.623, 0.512)},
        recall={"xquad-r": (0.7086, 0.5976, 0.5169), "mlqa-r": (0.5476, 0.5105, 0.6282)},
        rank_distance={"xquad-r": 286.6, "mlqa-r": 227.1},
    ),
    PublishedRow(
        model="LaBSE",
        batches="mono",
        map={"xquad-r": (0.808, 0.752, 0.652), "mlqa-r": (0.681, 0.656, 0.550)},
        recall={"xquad-r": (0.7226, 0.6536, 0.5673), "mlqa-r": (0.5813, 0.5459, 0.6708)},
        rank_distance={"xquad-r": 261.5, "mlqa-r": 225.3},
    ),
    PublishedRow(
        model="LaBSE",
        batches="X-Y",
        map={"xquad-r": (0.801, 0.762, 0.679), "mlqa-r": (0.671, 0.677, 0.576)},
        recall={"xquad-r": (0.7124, 0.6654, 0.5948), "mlqa-r": (0.5668, 0.5661, 0.6951)},
        rank_distance={"xquad-r": 225.2, "mlqa-r": 198.3},
    ),
    PublishedRow(
        model="LaBSE",
        batches="hybrid",
        map={"xquad-r": (0.817, 0.767, 0.682), "mlqa-r": (0.686, 0.681, 0.579)},
        recall={"xquad-r": (0.7335, 0.6728, 0.5972), "mlqa-r": (0.5880, 0.5754, 0.6941)},
        rank_distance={"xquad-r": 221.1, "mlqa-r": 195.0},
    ),
)
