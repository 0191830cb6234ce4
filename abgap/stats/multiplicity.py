"""Adjusted p-values for many tests at once, in families.

An undefined p-value (NaN) stays undefined and does not count as a test. Thousands of families are adjusted
in one pass: sorted by family and size, ranked within, and made monotone by one running maximum.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats

Labels = npt.NDArray[np.integer]


def holm(p: Floats, family: Labels | None = None) -> FloatArray:
    """Return Holm's adjusted p-values, which control the chance of any false positive in a family.

    family: integer label of each p-value's family, same shape; without it all are one family.
    """
    return _adjusted(p, family, step_up=False)


def benjamini_hochberg(p: Floats, family: Labels | None = None) -> FloatArray:
    """Return Benjamini and Hochberg's adjusted p-values, which control the share of false positives.

    family: as for ``holm``.
    """
    return _adjusted(p, family, step_up=True)


def _adjusted(p: Floats, family: Labels | None, *, step_up: bool) -> FloatArray:
    """Adjust by rank, then make monotone: from the smallest p up (Holm) or from the largest down (BH)."""
    p = np.asarray(p, dtype=np.float64)
    labels = np.zeros(p.shape, dtype=np.intp) if family is None else np.asarray(family)
    flat, flat_labels = p.ravel(), np.broadcast_to(labels, p.shape).ravel()
    tests = np.flatnonzero(~np.isnan(flat))
    order = tests[np.lexsort((flat[tests], flat_labels[tests]))]
    _, first, code, size = np.unique(
        flat_labels[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(order.size) - first[code]
    sorted_p, tests_in_family = flat[order], size[code]
    result: FloatArray = np.full(flat.shape, np.nan)
    if step_up:
        # The factor first: it is at least 1, so that rounding cannot make an adjusted p-value smaller than its own.
        scaled = sorted_p * (tests_in_family / (rank + 1.0))
        result[order] = -_running_maximum(-scaled[::-1], size.size - 1 - code[::-1])[::-1]
    else:
        result[order] = _running_maximum(sorted_p * (tests_in_family - rank), code)
    return np.minimum(result, 1.0).reshape(p.shape)


def _running_maximum(values: FloatArray, family: npt.NDArray[np.intp]) -> FloatArray:
    """Return the largest value so far in each family; families are consecutive and numbered upwards.

    Taken over the ranks of the values, whole numbers that can be shifted by family without losing digits.
    """
    by_value = np.argsort(values, kind="stable")
    rank = np.empty(values.size, dtype=np.intp)
    rank[by_value] = np.arange(values.size)
    shift = family * values.size
    largest: FloatArray = values[by_value][np.maximum.accumulate(rank + shift) - shift]
    return largest
