"""The Poisson bootstrap, and clusters as units.

Units that are alike are drawn together: the weights of c units, each Poisson(1), add up to Poisson(c).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.lab.calibration.comparing import LIFT, Compared, Setting, Sizes, compare, units_of
from abgap.lab.calibration.measured import ALPHA, Measured, What, share_covered, share_rejected
from abgap.lab.calibration.simulate import Arm, moments_of_counts
from abgap.records.moments import FloatArray
from abgap.stats.contrast import ratio_contrast
from abgap.stats.draws import fewest_draws
from abgap.stats.moments import Univariate, ratio_unit_variance, ratio_value
from abgap.stats.reliability import rests_on_few
from abgap.stats.resampling import BootstrapVerdict, Drawn

_SIZES: tuple[Sizes, ...] = ((50, 50), (500, 500), (900, 100), (5_000, 5_000), (9_000, 1_000))

# Kinds of units: value, what it is divided by, and how many units are of the kind without an effect.
_KINDS = {
    "clicks per session": np.array(
        [(0, 1, 0.30), (1, 1, 0.10), (0, 2, 0.15), (1, 2, 0.15), (1, 4, 0.12), (3, 4, 0.10), (6, 9, 0.08)]
    ),
    "skewed revenue, 2 % payers": np.array(
        [(0, 1, 0.980), (5, 1, 0.009), (20, 1, 0.006), (60, 1, 0.004), (200, 1, 0.001)]
    ),
}


def bootstrap(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Percentiles of draws, for ratios and for skewed money."""
    for case, kinds in _KINDS.items():
        for sizes in _SIZES if case != "skewed revenue, 2 % payers" else _SIZES[3:]:
            yield from _bootstrapped(rng, runs, case, kinds, sizes)


def _bootstrapped(
    rng: np.random.Generator, runs: int, case: str, kinds: FloatArray, sizes: Sizes
) -> Iterator[Measured]:
    truth = float(LIFT * (kinds[:, 2] @ kinds[:, 0]) / (kinds[:, 2] @ kinds[:, 1]))
    for lift in (0.0, LIFT):
        arms = [_drawn(rng, runs, n, kinds, x) for n, x in zip(sizes, (0.0, lift), strict=True)]
        (control, of_control), (treatment, of_treatment) = arms
        contrast = ratio_contrast(control.two(), treatment.two())
        verdict = BootstrapVerdict(contrast, Drawn(control=of_control, treatment=of_treatment), ALPHA)
        warned = float(np.mean(rests_on_few(*(ratio_of(arm) for arm in (control, treatment)))))
        rates: list[tuple[str, What, tuple[float, int]]] = []
        if lift:
            difference, relative = verdict.difference(), verdict.lift()
            rates.append(("difference", "coverage", share_covered(difference.low, difference.high, truth)))
            rates.append(("lift", "coverage", share_covered(relative.low, relative.high, LIFT)))
        else:
            rates.append(("test", "false positives", share_rejected(verdict.p_value())))
        for name, what, (rate, count) in rates:
            yield Measured(
                group=f"Poisson bootstrap: {name}", case=case, units=units_of(sizes), what=what, rate=rate, runs=count,
                nominal=ALPHA if what == "false positives" else 1.0 - ALPHA, warned=warned,
            )  # fmt: skip


def _drawn(
    rng: np.random.Generator, runs: int, n: int, kinds: FloatArray, lift: float
) -> tuple[Arm, FloatArray]:
    """An arm, and its ratio in every draw. The lift makes every value larger by as much."""
    values = kinds[:, :2] * np.array([1.0 + lift, 1.0])
    counts = rng.multinomial(n, kinds[:, 2], size=runs)
    weights = rng.poisson(counts[:, None, :], size=(runs, fewest_draws(ALPHA), len(kinds)))
    sums = weights @ values
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(sums[..., 1] > 0.0, sums[..., 0] / sums[..., 1], np.nan)
    return moments_of_counts(n, counts, values), ratio


def ratio_of(arm: Arm) -> Univariate:
    """The ratio of the first value to the second, as its moments row has it."""
    return Univariate(n=arm.n, mean=ratio_value(arm.two()), variance=ratio_unit_variance(arm.two()))


_MEAN, _OF_CLUSTER, _OF_MEMBER = 10.0, 3.0, 8.0


def clusters(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Companies of very different sizes, whose members are alike; the company is the unit."""

    def draw(sizes: Sizes, lift: float) -> Compared:
        control, treatment = (_clustered(rng, runs, n, x) for n, x in zip(sizes, (0.0, lift), strict=True))
        contrast = ratio_contrast(control.two(), treatment.two())
        return Compared(
            control=ratio_of(control), treatment=ratio_of(treatment), contrast=contrast,
            denominators=(control.one(1), treatment.one(1)),
        )  # fmt: skip

    setting = Setting(group="Clusters", case="members of companies, 1 to 60 each", draw=draw, control=_MEAN)
    for sizes in ((50, 50), (90, 10), (500, 500), (900, 100)):
        yield from compare(setting, sizes)


def _clustered(rng: np.random.Generator, runs: int, n: int, lift: float) -> Arm:
    """Sums over the members of each cluster, and how many they are."""
    members = np.ceil(60.0 * rng.random((runs, n)) ** 3).clip(1.0)
    level = _MEAN * (1 + lift) + _OF_CLUSTER * rng.normal(size=members.shape)
    sums = members * level + np.sqrt(members) * _OF_MEMBER * rng.normal(size=members.shape)
    values = np.stack([sums, members], axis=-1)
    off = values - values.mean(1, keepdims=True)
    return Arm(
        n=np.full(runs, float(n)),
        mean=values.mean(1),
        covariance=np.einsum("rni,rnj->rij", off, off) / (n - 1),
    )
