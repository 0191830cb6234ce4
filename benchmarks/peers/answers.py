"""What every contestant prints, so that all can be held against abgap: moments and estimates, as JSON on stdout.

The closed forms here are plain Python without imports of weight, because the hand-written statements are measured with
them: means and variances out of sums, a ratio by the delta method, an adjustment by one covariate, a difference of two
arms. The polars scripts use them too, with the quantiles of scipy.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

ARMS = ("A", "B")
RANKING_METRICS = ("ndcg@10", "mrr@10", "map", "precision@10", "recall@10")
LEVEL = 0.95
NORMAL_975 = 1.959963984540054  # quantile of the standard normal distribution


class Arm(NamedTuple):
    """Units, and the mean and variance (ddof 1) of one number per unit."""

    n: int
    mean: float
    variance: float


class Pair(NamedTuple):
    """Two numbers per unit in one arm: value and covariate, or numerator and denominator."""

    y: Arm
    x: Arm
    covariance: float


class Cell(NamedTuple):
    """One row of moments: of an arm and metric, as a whole, in a slice or in a period."""

    variant: str
    metric: str
    slice_name: str | None
    slice_value: str | None
    period: str | None
    arm: Arm


# degrees of freedom -> quantile of the two-sided interval
Quantile = Callable[[float], float]


def arm_of_sums(n: int, total: float, squares: float) -> Arm:
    """Mean and variance from a sum and a sum of squares."""
    return Arm(n, total / n, (squares - total * total / n) / (n - 1))


def pair_of_sums(n: int, y: Sequence[float], x: Sequence[float], products: float) -> Pair:
    """The same for two numbers; ``y`` and ``x`` are a sum and a sum of squares each."""
    return Pair(arm_of_sums(n, *y), arm_of_sums(n, *x), (products - y[0] * x[0] / n) / (n - 1))


def proportion(n: int, share: float) -> Arm:
    """A share of units as an arm."""
    return Arm(n, share, share * (1 - share) * n / (n - 1))


def ratio(pair: Pair) -> Arm:
    """A ratio of sums as an arm, its variance per unit by the delta method."""
    r = pair.y.mean / pair.x.mean
    spread = pair.y.variance - 2 * r * pair.covariance + r * r * pair.x.variance
    return Arm(pair.y.n, r, spread / pair.x.mean**2)


def adjusted(control: Pair, treatment: Pair) -> tuple[Arm, Arm]:
    """Both arms with the covariate taken out, its slope pooled within arms."""
    pairs = (control, treatment)
    slope = sum((p.y.n - 1) * p.covariance for p in pairs) / sum((p.x.n - 1) * p.x.variance for p in pairs)
    first, second = (
        Arm(
            p.y.n,
            p.y.mean - slope * p.x.mean,
            p.y.variance - 2 * slope * p.covariance + slope * slope * p.x.variance,
        )
        for p in pairs
    )
    return first, second


def estimate(control: Arm, treatment: Arm, quantile: Quantile) -> dict[str, float]:
    """Treatment minus control, and half the width of its interval (unequal variances)."""
    of_control, of_treatment = control.variance / control.n, treatment.variance / treatment.n
    variance = of_control + of_treatment
    df = variance**2 / (of_control**2 / (control.n - 1) + of_treatment**2 / (treatment.n - 1))
    return {
        "difference": treatment.mean - control.mean,
        "half_width": quantile(df) * math.sqrt(variance),
    }


def paired(differences: Sequence[float]) -> dict[str, float]:
    """The mean of differences, and half the width of its interval."""
    n = len(differences)
    mean = math.fsum(differences) / n
    variance = math.fsum((d - mean) ** 2 for d in differences) / (n - 1)
    return {"difference": mean, "half_width": NORMAL_975 * math.sqrt(variance / n)}


def show(estimates: Mapping[str, Mapping[str, float]], cells: Iterable[Cell] = ()) -> None:
    """Print the answer."""
    rows = [
        [c.variant, c.metric, c.slice_name, c.slice_value, c.period, c.arm.n, c.arm.mean, c.arm.variance]
        for c in cells
    ]
    json.dump({"estimates": estimates, "moments": rows}, sys.stdout)
