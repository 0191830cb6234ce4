"""Values made of sums over rows, with variances by cluster: the rows of one unit go together.

A metric is a function of sums, and its influence says what a row adds to it: a linear form in the same columns that
are summed, which adds up to zero. Added up by cluster and squared this is the sandwich variance of Liang and Zeger
(1986), with the usual factor G / (G - 1) for G clusters. Of ROC-AUC it is the estimator of Obuchowski (1997). So all
that leaves the engine are sums over clusters, and of products of two sums of one cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.classification import MetricOfCounts, influences, value_of

Weights: TypeAlias = Mapping[str, float]
"""A linear form in the columns of the sums."""

COUNTS = ("tp", "fp", "fn", "tn")
BASE_COUNTS = ("base_tp", "base_fp")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSums:
    """One part of the data. totals: over all rows. products: of two sums of one cluster, over clusters."""

    clusters: int
    totals: Mapping[str, float]
    products: Mapping[tuple[str, str], float]

    def variance(self, weights: Weights) -> float:
        """The variance of a value whose influence is this form; NaN below two clusters."""
        if self.clusters < 2:
            return np.nan
        spread = sum(
            a * b * self.product(left, right) for left, a in weights.items() for right, b in weights.items()
        )
        return max(spread, 0.0) * self.clusters / (self.clusters - 1.0)

    def product(self, left: str, right: str) -> float:
        """The sum over clusters of the product of two of their sums."""
        found = self.products.get((left, right))
        return self.products[right, left] if found is None else found


class Influenced(NamedTuple):
    """A value, NaN where it is not defined, and its influence."""

    value: float
    weights: Weights


def difference(one: Influenced, other: Influenced) -> Influenced:
    """One value minus another over the same clusters."""
    names = {*one.weights, *other.weights}
    weights = {name: one.weights.get(name, 0.0) - other.weights.get(name, 0.0) for name in sorted(names)}
    return Influenced(one.value - other.value, weights)


def of_counts(sums: ClusterSums, metric: MetricOfCounts, *, base: bool = False) -> Influenced:
    """A metric of true and false positives and negatives; of the second decision with ``base``."""
    t = sums.totals
    positives, negatives = t["tp"] + t["fn"], t["fp"] + t["tn"]
    ours: FloatArray = np.array([t[name] for name in COUNTS])
    if base:
        ours = np.array([t["base_tp"], t["base_fp"], positives - t["base_tp"], negatives - t["base_fp"]])
    value, n = float(value_of(metric, ours)), positives + negatives
    if not np.isfinite(value):
        return Influenced(np.nan, {})
    tp, fp, fn, tn = (float(x) / n for x in influences(metric, ours))
    if not base:
        return Influenced(value, dict(zip(COUNTS, (tp, fp, fn, tn), strict=True)))
    # A false negative of the second decision is a positive that it does not call, and so on.
    weights = {"base_tp": tp - fn, "base_fp": fp - tn, "tp": fn, "fn": fn, "fp": tn, "tn": tn}
    return Influenced(value, weights)


def of_mean(sums: ClusterSums, column: str, rows: str) -> Influenced:
    """The mean of a column over the rows that ``rows`` counts."""
    n = sums.totals[rows]
    if not n > 0.0:
        return Influenced(np.nan, {})
    mean = sums.totals[column] / n
    return Influenced(mean, {column: 1.0 / n, rows: -mean / n})


def of_order(sums: ClusterSums, *, base: bool = False) -> Influenced:
    """ROC-AUC out of the placements of positives (``above``) and of negatives (``below``), each from 0 to 1."""
    prefix, t = "base_" if base else "", sums.totals
    positives, negatives = t["positives"], t["negatives"]
    if not (positives > 0.0 and negatives > 0.0):
        return Influenced(np.nan, {})
    above, below = f"{prefix}above", f"{prefix}below"
    area = t[above] / positives
    return Influenced(
        area,
        {
            above: 1.0 / positives,
            "positives": -area / positives,
            below: 1.0 / negatives,
            "negatives": -area / negatives,
        },
    )
