"""A score of a model that is a function of sums over examples: means, roots of means, ratios, and whatever else.

Whoever has the sums by bucket can draw buckets anew, or exchange them between two models, and knows the score of
each draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOfSums:
    """One score: the terms whose sums it is made of, and how.

    of: sums (..., terms, and the number of examples last) made into the score (...); NaN or infinity where it is not
    defined. mean: whether it is the mean of its first term over examples, so that pairs of examples can be tested.
    """

    terms: tuple[str, ...]
    of: Callable[[FloatArray], FloatArray]
    mean: bool = False


def mean_of(term: str) -> ScoreOfSums:
    """The mean of a term over examples."""
    return ScoreOfSums(terms=(term,), of=_mean, mean=True)


def mean_unless(term: str, refused: str) -> ScoreOfSums:
    """The mean of a term over examples; not defined where any example has the term ``refused``."""
    return ScoreOfSums(terms=(term, refused), of=_mean_unless, mean=True)


def _mean_unless(sums: FloatArray) -> FloatArray:
    term, refused, n = np.moveaxis(sums, -1, 0)
    return np.where(refused > 0, np.nan, term / n)


def _mean(sums: FloatArray) -> FloatArray:
    return np.asarray(sums[..., 0] / sums[..., 1])
