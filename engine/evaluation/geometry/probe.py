"""How much of a vector tells its language: a linear classifier of languages, tried on texts that it has not seen.

Ridge regression on one column a language (Hastie, Tibshirani and Friedman 2009, section 4.2), every language weighing
alike; the language with the highest value is the answer. Folds are of whole clusters: translations never stand on both
sides, so that a text cannot be known by its content.

Shapes: n texts, D dimensions, L languages, K clusters.
"""

from __future__ import annotations

import numpy as np

from engine.evaluation.arrays import Floats, Ints, Values
from engine.evaluation.geometry.jackknife import Statistic
from engine.evaluation.products import product, solved

FOLDS = 5
_RIDGE = 0.01  # of the mean variance of a dimension


def probe_language(vectors: Floats, language: Ints, cluster: Ints, clusters: int) -> tuple[Statistic, Values]:
    """(mean over languages of the share of texts whose language is recognised, that share by language [L]).

    Args:
        vectors: [n, D].
        language: [n] from 0 to L - 1, each with a text.
        cluster: [n] below ``clusters``, which is K; at least two of them have texts.
    """
    folds = _folds(cluster, clusters)[cluster]
    found = vectors.astype(np.float64)
    predicted = np.empty(len(found), np.int64)
    for fold in range(folds.max() + 1):
        held_out = folds == fold
        predicted[held_out] = _classify(found[~held_out], language[~held_out], found[held_out], int(language.max()) + 1)
    right = (predicted == language).astype(np.float64)
    languages = int(language.max()) + 1
    cell = cluster * languages + language
    shape = (clusters, languages)
    hits = np.bincount(cell, right, minlength=clusters * languages).reshape(shape)
    sizes = np.bincount(cell, minlength=clusters * languages).reshape(shape)
    by_language = hits.sum(axis=0) / sizes.sum(axis=0)
    with np.errstate(invalid="ignore"):
        without = ((hits.sum(axis=0) - hits) / (sizes.sum(axis=0) - sizes)).mean(axis=1)
    return Statistic(float(by_language.mean()), without), by_language


def _folds(cluster: Ints, clusters: int) -> Ints:
    """[K] the fold of each cluster: the largest first, each to the smallest fold."""
    sizes = np.bincount(cluster, minlength=clusters)
    there = np.flatnonzero(sizes)
    loads = np.zeros(min(FOLDS, len(there)), np.int64)
    fold = np.zeros(clusters, np.int64)
    for number in there[np.argsort(-sizes[there], kind="stable")]:
        fold[number] = loads.argmin()
        loads[fold[number]] += sizes[number]
    return fold


def _classify(vectors: Values, language: Ints, others: Values, languages: int) -> Ints:
    """The language that a classifier fitted to ``vectors`` gives each of ``others``; never one without texts."""
    counts = np.bincount(language, minlength=languages)
    weight = (1.0 / np.maximum(counts, 1))[language, None]  # [n, 1]
    share = np.count_nonzero(counts)  # the sum of all weights
    mean = (weight * vectors).sum(axis=0) / share
    centred = vectors - mean
    prior = (counts > 0) / share
    targets = np.eye(languages)[language] - prior
    weighted = centred * weight
    width, count = vectors.shape[1], len(vectors)
    ridge = _RIDGE * (weighted * centred).sum() / width + 1e-300
    if width <= count:
        square = product(centred.T, weighted) + ridge * np.eye(width)
        slopes = solved(square, product(weighted.T, targets))
    else:  # the same solution by the smaller matrix
        root = np.sqrt(weight)
        scaled = centred * root
        square = product(scaled, scaled.T) + ridge * np.eye(count)
        slopes = product(scaled.T, solved(square, targets * root))
    scores = product(others - mean, slopes) + prior
    scores[:, counts == 0] = -np.inf
    best: Ints = scores.argmax(axis=1)
    return best
