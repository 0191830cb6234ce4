"""BLEU out of sums over segments, as sacrebleu computes it, for many draws at once.

Papineni, Roukos, Ward, Zhu (2002), with the exponential smoothing of mteval-v13a that is sacrebleu's default: the first
n-gram order without a match counts as half a match, the next as a quarter. From 0 to 100.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.score_of_sums import ScoreOfSums

ORDERS = 4
TERMS = (
    *(f"correct {i}" for i in range(1, ORDERS + 1)),
    *(f"total {i}" for i in range(1, ORDERS + 1)),
    "length",
    "reference length",
)
"""What every segment adds: n-grams found in a reference and n-grams, by order, and the two lengths in tokens."""


def _bleu(sums: FloatArray) -> FloatArray:
    correct, total = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    length, reference = sums[..., 2 * ORDERS], sums[..., 2 * ORDERS + 1]
    missed = correct <= 0
    smoothed = 0.5 ** np.cumsum(missed, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(missed, smoothed, correct) / total
        brevity = np.exp(np.minimum(1.0 - reference / length, 0.0))
        score = 100.0 * brevity * np.exp(np.log(precisions).mean(axis=-1))
    nothing = (correct.sum(axis=-1) <= 0) | (total <= 0).any(axis=-1) | (length <= 0)
    return np.where(nothing, 0.0, score)


BLEU = ScoreOfSums(terms=TERMS, of=_bleu)
