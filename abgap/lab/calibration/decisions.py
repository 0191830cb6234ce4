"""What is decided from several tests or at several times: margins, looks, families, slices and strata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from abgap.lab.calibration.comparing import LIFT, SIZES, Compared, Setting, Sizes, compare, units_of
from abgap.lab.calibration.measured import ALPHA, Measured, share_rejected, share_true
from abgap.lab.calibration.simulate import normal_arm, revenue_arm
from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray
from abgap.stats.contrast import mean_contrast
from abgap.stats.covariates import ENOUGH_UNITS
from abgap.stats.heterogeneity import common_lift_test, opposite_signs_test
from abgap.stats.intervals import p_value
from abgap.stats.moments import Univariate, merge_bivariate
from abgap.stats.multiplicity import benjamini_hochberg, holm
from abgap.stats.noninferiority import equivalence_p, non_inferiority_p, score_non_inferiority_p
from abgap.stats.proportions import Successes
from abgap.stats.reliability import few_successes, rests_on_few
from abgap.stats.rule import AnytimeValid
from abgap.stats.strata import merge_small, of_means, post_stratified
from abgap.stats.tails import normal_two_sided_p

Drawn: TypeAlias = Callable[[np.random.Generator, int, int], Univariate]

_MEAN, _SD = 10.0, 8.0
_LOOKS = 20
_MARGIN = 0.1
_SHARE = 0.2


def margins(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Non-inferiority and equivalence where the truth lies on the margin."""

    def normal(n: int, lift: float) -> Univariate:
        return normal_arm(rng, runs, n, _MEAN * (1 + lift), _SD**2).one()

    def revenue(n: int, lift: float) -> Univariate:
        return revenue_arm(rng, runs, n, lift).one()

    for case, draw in (("normal", normal), ("skewed revenue, 2 % payers", revenue)):
        for sizes in SIZES[2:]:
            control = draw(sizes[0], 0.0)
            for sign, way in ((1.0, "more is better"), (-1.0, "less is better")):
                treatment = draw(sizes[1], -sign * _MARGIN)
                p = non_inferiority_p(mean_contrast(control, treatment), _MARGIN, sign)
                yield _rejections(f"Non-inferiority, {way}", case, sizes, p, control, treatment)
            treatment = draw(sizes[1], _MARGIN)
            p = equivalence_p(mean_contrast(control, treatment), _MARGIN)
            yield _rejections("Equivalence (TOST)", case, sizes, p, control, treatment, at_most=True)


def share_margins(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """The same for shares, by score."""
    for sizes in SIZES[2:]:
        for sign, way in ((1.0, "more is better"), (-1.0, "less is better")):
            counts = Successes(
                control=rng.binomial(sizes[0], _SHARE, runs).astype(np.float64),
                n_control=np.asarray(float(sizes[0])),
                treatment=rng.binomial(sizes[1], _SHARE * (1 - sign * _MARGIN), runs).astype(np.float64),
                n_treatment=np.asarray(float(sizes[1])),
            )
            rate, count = share_rejected(score_non_inferiority_p(counts, _MARGIN, sign))
            yield Measured(
                group=f"Non-inferiority of shares, {way}", case="a fifth of the units", units=units_of(sizes),
                what="false positives", nominal=ALPHA, rate=rate, runs=count,
                warned=float(np.mean(few_successes(counts))),
            )  # fmt: skip


def _rejections(
    group: str, case: str, sizes: Sizes, p: FloatArray, control: Univariate, treatment: Univariate,
    *, at_most: bool = False,
) -> Measured:  # fmt: skip
    rate, runs = share_rejected(p)
    return Measured(
        group=group, case=case, units=units_of(sizes), what="false positives", nominal=ALPHA, rate=rate, runs=runs,
        at_most=at_most, warned=float(np.mean(rests_on_few(control, treatment))),
    )  # fmt: skip


def looks(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Confidence sequences looked at twenty times: any wrong look counts, with and without those that are warned of."""
    for sizes in ((500, 500), (900, 100), (5_000, 5_000), (50_000, 50_000)):
        rule = AnytimeValid(units=float(sum(sizes)) / 2.0)
        for case, draw, warns in (
            ("normal", _normal_unit, rests_on_few),
            ("a fifth of the units", _share_unit, _few_shares),
        ):
            arms = [_growing(draw, rng, runs, n) for n in sizes]
            found = p_value(mean_contrast(*arms), rule)
            wrong, warned = found < ALPHA, warns(*arms)
            warned_of = int(np.count_nonzero((wrong & warned).any(axis=0)))
            share_warned = warned_of / max(int(np.count_nonzero(wrong.any(axis=0))), 1)
            for which, counted in (("", wrong), (" that are not warned of", wrong & ~warned)):
                rate, count = share_true(np.asarray(counted.any(axis=0)))
                yield Measured(
                    group=f"Sequential looks: any of {_LOOKS}{which}", case=case, units=units_of(sizes), nominal=ALPHA,
                    what="false positives", rate=rate, runs=count, at_most=True,
                    warned=0.0 if which else share_warned,
                )  # fmt: skip


def _few_shares(control: Univariate, treatment: Univariate) -> BoolArray:
    successes = Successes(
        control=control.n * control.mean, n_control=control.n,
        treatment=treatment.n * treatment.mean, n_treatment=treatment.n,
    )  # fmt: skip
    return few_successes(successes)


def _normal_unit(rng: np.random.Generator, runs: int, n: int) -> Univariate:
    return normal_arm(rng, runs, n, _MEAN, _SD**2).one()


def _share_unit(rng: np.random.Generator, runs: int, n: int) -> Univariate:
    share = rng.binomial(n, _SHARE, runs) / n
    return Univariate(n=np.full(runs, float(n)), mean=share, variance=share * (1 - share) * n / (n - 1))


def _growing(draw: Drawn, rng: np.random.Generator, runs: int, n: int) -> Univariate:
    """An arm at every look: (looks, runs)."""
    so_far = [draw(rng, runs, n // _LOOKS)]
    for _ in range(_LOOKS - 1):
        so_far.append(_merged(_stacked([so_far[-1], draw(rng, runs, n // _LOOKS)], axis=-1)))
    return _stacked(so_far, axis=0)


def _stacked(parts: Sequence[Univariate], axis: int) -> Univariate:
    """Parts along an axis of their own."""
    return Univariate(
        n=np.stack([part.n for part in parts], axis=axis),
        mean=np.stack([part.mean for part in parts], axis=axis),
        variance=np.stack([part.variance for part in parts], axis=axis),
    )


def _merged(parts: Univariate) -> Univariate:
    """All units of the parts along the last axis."""
    whole = merge_bivariate(of_means(parts))
    return Univariate(n=whole.n, mean=whole.mean_y, variance=whole.variance_y)


def families(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Many tests at once: any false positive (Holm), the share of false ones among the found (Benjamini-Hochberg)."""
    for tests, real in ((6, 0), (6, 3), (40, 10)):
        z = rng.normal(size=(runs, tests))
        z[:, :real] += 3.0
        p = normal_two_sided_p(z)
        family = np.broadcast_to(np.arange(runs)[:, None], p.shape)
        false = np.arange(tests) >= real
        by_holm = (holm(p, family) < ALPHA) & false
        by_bh = benjamini_hochberg(p, family) < ALPHA
        share = (by_bh & false).sum(1) / np.maximum(by_bh.sum(1), 1)
        for group, rate in (
            ("Holm: any false positive", float(np.mean(by_holm.any(1)))),
            ("Benjamini-Hochberg: share of false positives", float(np.mean(share))),
        ):
            yield Measured(
                group=group, case=f"{tests} tests, {real} of them real", units="independent", what="false positives",
                nominal=ALPHA, rate=rate, runs=runs, at_most=True,
            )  # fmt: skip


def slices(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Slices with one lift (Q), and with effects of one sign (Gail-Simon)."""
    for units in (40, 400, 4_000):
        for count in (3, 12):
            means = _MEAN * np.linspace(0.5, 2.0, count)
            for lift, group in ((LIFT, "Slices: one lift (Q)"), (0.0, "Slices: one sign (Gail-Simon)")):
                arms = [_side_by_side(rng, runs, units, means * (1 + x)) for x in (0.0, lift)]
                contrast = mean_contrast(*arms)
                use = np.ones(contrast.difference.shape, dtype=bool)
                test = common_lift_test if lift else opposite_signs_test
                rate, found = share_rejected(test(contrast, use).p_value)
                yield Measured(
                    group=group, case=f"normal, {count} slices", units=f"{units:,} / {units:,} each",
                    what="false positives", nominal=ALPHA, rate=rate, runs=found, at_most=lift == 0.0,
                )  # fmt: skip


def _side_by_side(rng: np.random.Generator, runs: int, n: int, means: FloatArray) -> Univariate:
    """Slices of one arm: (runs, slices)."""
    return _stacked([normal_arm(rng, runs, n, mean, (0.8 * mean) ** 2).one() for mean in means], axis=-1)


_SHARES = np.array([0.5, 0.3, 0.2])
_LEVELS = np.array([0.5, 1.0, 2.5])


def strata(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Post-stratified differences; the strata are those of a sample."""

    def draw(sizes: Sizes, lift: float) -> Compared:
        arms = [_stratified(rng, runs, n, x) for n, x in zip(sizes, (0.0, lift), strict=True)]
        contrast = post_stratified(merge_small(*(of_means(arm) for arm in arms)))
        control, treatment = (_merged(arm) for arm in arms)
        return Compared(
            control=control, treatment=treatment, contrast=contrast, needed=ENOUGH_UNITS * len(_SHARES)
        )

    setting = Setting(
        group="Post-stratified mean", case="normal in three strata", draw=draw, control=_MEAN * float(_SHARES @ _LEVELS)
    )  # fmt: skip
    for sizes in SIZES[:6]:
        yield from compare(setting, sizes)


def _stratified(rng: np.random.Generator, runs: int, n: int, lift: float) -> Univariate:
    """One arm by stratum: (runs, strata). Means and variances of normal units given their number."""
    units = rng.multinomial(n, _SHARES, size=runs).astype(np.float64)
    centre, spread = _MEAN * _LEVELS * (1 + lift), 0.4 * _MEAN
    some = np.maximum(units, 1.0)
    mean = centre + spread * rng.normal(size=units.shape) / np.sqrt(some)
    freedom = np.maximum(units - 1.0, 1.0)
    variance = spread**2 * rng.chisquare(freedom) / freedom
    return Univariate(
        n=units, mean=np.where(units > 0, mean, np.nan), variance=np.where(units > 1, variance, np.nan)
    )
