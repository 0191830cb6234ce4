"""Means, capped means, ratios and covariates over the kinds of data they meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.lab.calibration.comparing import SIZES, Compared, Draw, Setting, Sizes, compare
from abgap.lab.calibration.drawn import ratio_of
from abgap.lab.calibration.measured import Measured
from abgap.lab.calibration.simulate import (
    Arm,
    capped_revenue_arms,
    clicks_arm,
    clicks_ratio,
    normal_arm,
    revenue_arm,
    revenue_mean,
    revenue_with_history_arm,
    revenue_with_history_mean,
)
from abgap.records.moments import FloatArray
from abgap.records.vocabulary import LiftMethod
from abgap.stats.contrast import mean_contrast, ratio_contrast
from abgap.stats.covariates import ENOUGH_UNITS, ENOUGH_UNITS_BY_ARM, Covaried, adjusted_contrast

_MEAN, _SD = 10.0, 8.0
_CAP = 99.0
_SKEWED = "skewed revenue, 2 % payers"


def means(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Welch's test of means, and lifts by Fieller."""

    def normal(sizes: Sizes, lift: float) -> Compared:
        return _plain(
            *(
                normal_arm(rng, runs, n, m, _SD**2)
                for n, m in zip(sizes, (_MEAN, _MEAN * (1 + lift)), strict=True)
            )
        )

    def revenue(sizes: Sizes, lift: float) -> Compared:
        return _plain(*(revenue_arm(rng, runs, n, x) for n, x in zip(sizes, (0.0, lift), strict=True)))

    for sizes in SIZES:
        yield from compare(Setting(group="Mean", case="normal", draw=normal, control=_MEAN), sizes)
    for sizes in SIZES[2:]:
        yield from compare(Setting(group="Mean", case=_SKEWED, draw=revenue, control=revenue_mean()), sizes)
    for method in (LiftMethod.DELTA, LiftMethod.LOG):
        setting = Setting(
            group=f"Mean, lift by {method.value}", case="normal", draw=normal, control=_MEAN, method=method
        )
        for sizes in SIZES[2:]:
            yield from compare(setting, sizes)


def capped(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Means with a cap at a percentile of both arms together."""

    def draw(sizes: Sizes, lift: float) -> Compared:
        return _plain(*capped_revenue_arms(rng, runs, sizes, _CAP, lift))

    for sizes in SIZES[2:6]:
        yield from compare(
            Setting(group="Capped mean", case=f"{_SKEWED}, cap at {_CAP:g} %", draw=draw), sizes
        )


def ratios(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Ratios by the delta method."""

    def draw(sizes: Sizes, lift: float) -> Compared:
        control, treatment = (clicks_arm(rng, runs, n, x) for n, x in zip(sizes, (0.0, lift), strict=True))
        return Compared(
            control=ratio_of(control),
            treatment=ratio_of(treatment),
            contrast=ratio_contrast(control.two(), treatment.two()),
        )

    setting = Setting(
        group="Ratio", case="clicks per session, parts that go together", draw=draw, control=clicks_ratio()
    )
    for sizes in SIZES:
        yield from compare(setting, sizes)


def covariates(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Means and ratios adjusted for what was before exposure."""
    for by_arm in (False, True):
        slopes = "slopes by arm" if by_arm else "pooled slopes"
        for k, case in ((1, "normal, one covariate"), (3, "normal, three covariates")):
            for sizes in SIZES[:6]:
                setting = _with_normal_covariates(rng, runs, k=k, by_arm=by_arm)
                yield from compare(
                    Setting(group=f"Covariates, {slopes}", case=case, draw=setting, control=_MEAN), sizes
                )
    yield from _revenue_with_history(rng, runs)
    yield from _ratio_with_covariate(rng, runs)


def _with_normal_covariates(rng: np.random.Generator, runs: int, *, k: int, by_arm: bool) -> Draw:
    correlation = 0.7 / np.sqrt(k)
    matrix = np.eye(k + 1)
    matrix[0, 1:] = matrix[1:, 0] = correlation
    scale = np.array([_SD, *range(1, k + 1)])
    matrix = matrix * scale[:, None] * scale

    def draw(sizes: Sizes, lift: float) -> Compared:
        centres = ([_MEAN * (1 + x), *[5.0] * k] for x in (0.0, lift))
        control, treatment = (
            normal_arm(rng, runs, n, centre, matrix) for n, centre in zip(sizes, centres, strict=True)
        )
        return _adjusted(control, treatment, by_arm=by_arm)

    return draw


def _revenue_with_history(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    def draw(sizes: Sizes, lift: float) -> Compared:
        arms = (revenue_with_history_arm(rng, runs, n, x) for n, x in zip(sizes, (0.0, lift), strict=True))
        return _adjusted(*arms, by_arm=False)

    setting = Setting(
        group="Covariates, pooled slopes", case=f"{_SKEWED}, their revenue before", draw=draw,
        control=revenue_with_history_mean(),
    )  # fmt: skip
    for sizes in SIZES[4:6]:
        yield from compare(setting, sizes)


def _ratio_with_covariate(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    # Numerator, denominator, covariate.
    matrix = np.array([[4.0, 1.2, 1.5], [1.2, 1.0, 0.4], [1.5, 0.4, 1.0]])

    def draw(sizes: Sizes, lift: float) -> Compared:
        centres = ((5.0 * (1 + x), 5.0, 2.0) for x in (0.0, lift))
        arms = [normal_arm(rng, runs, n, centre, matrix) for n, centre in zip(sizes, centres, strict=True)]
        control, treatment = (_linearised(arm) for arm in arms)
        contrast, _ = adjusted_contrast(control, treatment)
        return Compared(
            control=control.value, treatment=treatment.value, contrast=contrast, needed=ENOUGH_UNITS
        )

    setting = Setting(
        group="Covariates, of a ratio", case="normal parts, one covariate", draw=draw, control=1.0
    )
    for sizes in SIZES[:6]:
        yield from compare(setting, sizes)


def _plain(control: Arm, treatment: Arm) -> Compared:
    one, other = control.one(), treatment.one()
    return Compared(control=one, treatment=other, contrast=mean_contrast(one, other))


def _adjusted(control: Arm, treatment: Arm, *, by_arm: bool) -> Compared:
    contrast, _ = adjusted_contrast(_covaried(control), _covaried(treatment), by_arm=by_arm)
    covariates = control.mean.shape[1] - 1
    enough = ENOUGH_UNITS_BY_ARM if by_arm else ENOUGH_UNITS
    return Compared(
        control=control.one(), treatment=treatment.one(), contrast=contrast, needed=enough * covariates
    )


def _covaried(arm: Arm) -> Covaried:
    return Covaried(
        value=arm.one(),
        means=arm.mean[:, 1:],
        covariances=arm.covariance[:, 1:, 1:],
        crosses=arm.covariance[:, 0, 1:],
    )


def _linearised(arm: Arm) -> Covaried:
    ratio = ratio_of(arm)
    crosses: FloatArray = arm.covariance[:, 0, 2:] - ratio.mean[:, None] * arm.covariance[:, 1, 2:]
    return Covaried(
        value=ratio,
        means=arm.mean[:, 2:],
        covariances=arm.covariance[:, 2:, 2:],
        crosses=crosses / arm.mean[:, 1, None],
    )
