"""Strata: against the arithmetic of the units themselves, and against simulation of what is random in them."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abgap.stats.arrays import Bounds, CheckedBounds
from abgap.stats.contrast import Contrast, mean_contrast, ratio_contrast
from abgap.stats.intervals import difference_interval, fieller_lift, p_value
from abgap.stats.moments import Bivariate, Univariate
from abgap.stats.strata import Strata, decompose_mix, merge_small, of_means, post_stratified

Values: TypeAlias = npt.NDArray[np.float64]
Labels: TypeAlias = npt.NDArray[np.integer]

RUNS = 4000


@np.errstate(invalid="ignore", divide="ignore")
def by_stratum(label: Labels, y: Values, x: Values, strata: int) -> Bivariate:
    """Moments of units (last axis) by stratum."""
    columns = []
    for stratum in range(strata):
        inside = label == stratum
        n = inside.sum(-1).astype(np.float64)
        mean_y, mean_x = (np.sum(v * inside, axis=-1) / n for v in (y, x))
        off_y, off_x = (y - mean_y[..., None]) * inside, (x - mean_x[..., None]) * inside
        seconds = [
            np.sum(a * b, axis=-1) / (n - 1) for a, b in ((off_y, off_y), (off_x, off_x), (off_y, off_x))
        ]
        columns.append((n, mean_y, seconds[0], mean_x, seconds[1], seconds[2]))
    stacked = [np.stack(column, axis=-1) for column in zip(*columns, strict=True)]
    return Bivariate(**dict(zip((f.name for f in dataclasses.fields(Bivariate)), stacked, strict=True)))


def an_arm(
    rng: np.random.Generator, n: int, lift: float, *, ratio: bool = False
) -> tuple[Labels, Values, Values]:
    label = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
    x = rng.poisson(2.0 * (1 + label)) + 1.0 if ratio else np.ones(n)
    return label, rng.gamma(2.0, (1.0 + label) * (1.0 + lift) / 2.0) * x, np.asarray(x, dtype=np.float64)


def two_arms(seed: int, *, ratio: bool = False, factor: float = 1.0) -> tuple[Bivariate, Bivariate]:
    rng = np.random.default_rng(seed)
    units = [an_arm(rng, n, lift, ratio=ratio) for n, lift in ((200, 0.0), (120, 0.3))]
    arms = [by_stratum(label, factor * y, x, 3) for label, y, x in units]
    return arms[0], arms[1]


def fields_of(contrast: Contrast) -> list[float]:
    names = ("difference", "variance", "df", "control", "control_variance", "covariance")
    return [float(getattr(contrast, name)) for name in names]


def assert_adds_up(strata: Strata) -> None:
    found = decompose_mix(strata)
    assert found.within.difference + found.mix.difference == pytest.approx(
        float(found.overall.difference), abs=1e-12 * float(np.abs(found.overall.control))
    )


@pytest.mark.parametrize("ratio", [False, True])
def test_one_stratum_is_the_plain_comparison(*, ratio: bool) -> None:
    rng = np.random.default_rng(1)
    _, y, x = an_arm(rng, 90, 0.0, ratio=ratio)
    _, z, w = an_arm(rng, 70, 0.2, ratio=ratio)
    one = [by_stratum(np.zeros(len(v), dtype=int), v, u, 1) for v, u in ((y, x), (z, w))]
    plain = ratio_contrast(
        *(
            dataclasses.replace(a, **{f.name: getattr(a, f.name)[0] for f in dataclasses.fields(a)})
            for a in one
        )
    )
    found = post_stratified(merge_small(one[0], one[1]))
    assert fields_of(found) == pytest.approx(fields_of(plain), rel=1e-9)
    assert p_value(found) == pytest.approx(float(p_value(plain)), rel=1e-9)


def test_post_stratification_by_hand_from_the_units() -> None:
    rng = np.random.default_rng(2)
    (s, y, _), (t, z, _) = an_arm(rng, 200, 0.0), an_arm(rng, 120, 0.3)
    share = np.array([np.mean(np.r_[s, t] == k) for k in range(3)])
    effect = np.array([z[t == k].mean() - y[s == k].mean() for k in range(3)])
    errors = np.array(
        [z[t == k].var(ddof=1) / np.sum(t == k) + y[s == k].var(ddof=1) / np.sum(s == k) for k in range(3)]
    )
    difference = np.sum(share * effect)
    found = post_stratified(merge_small(*(by_stratum(a, v, np.ones(len(v)), 3) for a, v in ((s, y), (t, z)))))
    assert found.difference == pytest.approx(difference, rel=1e-12)
    assert found.variance == pytest.approx(
        np.sum(share**2 * errors) + np.sum(share * (effect - difference) ** 2) / 320
    )
    assert found.control == pytest.approx(y.mean())


def test_the_decomposition_by_hand_from_the_units() -> None:
    rng = np.random.default_rng(3)
    (s, y, x), (t, z, w) = an_arm(rng, 200, 0.0, ratio=True), an_arm(rng, 120, 0.3, ratio=True)
    shares = [np.array([u[a == k].sum() / u.sum() for k in range(3)]) for a, u in ((s, x), (t, w))]
    values = [
        np.array([v[a == k].sum() / u[a == k].sum() for k in range(3)]) for a, v, u in ((s, y, x), (t, z, w))
    ]
    found = decompose_mix(merge_small(by_stratum(s, y, x, 3), by_stratum(t, z, w, 3)))
    assert found.overall.difference == pytest.approx(z.sum() / w.sum() - y.sum() / x.sum())
    assert found.within.difference == pytest.approx(
        np.sum((shares[0] + shares[1]) / 2 * (values[1] - values[0]))
    )
    assert found.mix.difference == pytest.approx(
        np.sum((shares[1] - shares[0]) * (values[0] + values[1]) / 2)
    )


@pytest.mark.parametrize("ratio", [False, True])
def test_a_slope_of_the_delta_method_is_what_the_number_does_when_a_unit_counts_more(*, ratio: bool) -> None:
    """The variance again, from numerical derivatives by the weight of every unit."""
    rng = np.random.default_rng(4)
    arms = an_arm(rng, 60, 0.0, ratio=ratio), an_arm(rng, 50, 0.3, ratio=ratio)

    def numbers(weights: tuple[Values, Values]) -> Values:
        shares, values = [], []
        for (label, y, x), weight in zip(arms, weights, strict=True):
            sums = [
                (np.sum((weight * v)[label == k]), np.sum((weight * x)[label == k]))
                for v in (y,)
                for k in range(3)
            ]
            shares.append(np.array([b for _, b in sums]) / np.sum(weight * x))
            values.append(np.array([a / b for a, b in sums]))
        within = np.sum((shares[0] + shares[1]) / 2 * (values[1] - values[0]))
        return np.array([within, np.sum((shares[1] - shares[0]) * (values[0] + values[1]) / 2)])

    step, moved = 1e-5, []
    for side in (0, 1):
        n = len(arms[side][0])
        for unit in range(n):
            up, down = ([np.ones(60), np.ones(50)] for _ in range(2))
            up[side][unit] += step
            down[side][unit] -= step
            moved.append((numbers((up[0], up[1])) - numbers((down[0], down[1]))) / (2 * step))
    expected = np.sum(np.array(moved) ** 2, axis=0)
    found = decompose_mix(merge_small(*(by_stratum(*arm, 3) for arm in arms)))
    # Variances within strata divide by n - 1, the derivatives by n.
    assert float(found.within.variance) == pytest.approx(expected[0], rel=0.1)
    assert float(found.mix.variance) == pytest.approx(expected[1], rel=0.1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2000), ratio=st.booleans())
def test_swapping_the_arms_turns_every_sign(seed: int, *, ratio: bool) -> None:
    control, treatment = two_arms(seed, ratio=ratio)
    there, back = merge_small(control, treatment), merge_small(treatment, control)
    for found, turned in zip(
        (post_stratified(there), *decompose_mix(there)),
        (post_stratified(back), *decompose_mix(back)),
        strict=True,
    ):
        assert float(turned.difference) == pytest.approx(-float(found.difference), abs=1e-12)
        assert float(turned.variance) == pytest.approx(float(found.variance), rel=1e-9)
        assert float(turned.df) == pytest.approx(float(found.df), rel=1e-9)
    assert_adds_up(there)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2000), factor=st.sampled_from([1e-6, 0.01, 365.25, 1e9]), ratio=st.booleans())
def test_another_currency_scales_differences_and_leaves_lifts(
    seed: int, factor: float, *, ratio: bool
) -> None:
    plain, scaled = (merge_small(*two_arms(seed, ratio=ratio, factor=f)) for f in (1.0, factor))
    for found, other in zip(
        (post_stratified(plain), *decompose_mix(plain)),
        (post_stratified(scaled), *decompose_mix(scaled)),
        strict=True,
    ):
        assert float(other.difference) == pytest.approx(factor * float(found.difference), rel=1e-7)
        assert float(other.standard_error) == pytest.approx(factor * float(found.standard_error), rel=1e-9)
        for one, end in zip(fieller_lift(found, 0.05)[:3], fieller_lift(other, 0.05)[:3], strict=True):
            np.testing.assert_allclose(end, one, rtol=1e-7)


def test_arms_of_the_same_mix_differ_within_strata_alone() -> None:
    control, treatment = two_arms(5)
    n = 3.0 * control.n
    found = decompose_mix(merge_small(control, dataclasses.replace(treatment, n=n)))
    assert found.mix.difference == pytest.approx(0.0, abs=1e-15)
    assert found.within.difference == pytest.approx(float(found.overall.difference), rel=1e-12)


def test_strata_that_differ_in_nothing_may_be_merged_without_changing_the_estimate() -> None:
    control, treatment = (dataclasses.replace(arm, n=5.0 * arm.n) for arm in two_arms(6))

    def split(arm: Bivariate) -> Bivariate:
        """The last stratum twice, with half of its units each."""
        parts = {
            f.name: np.r_[getattr(arm, f.name), getattr(arm, f.name)[-1]] for f in dataclasses.fields(arm)
        }
        parts["n"] = parts["n"] * np.array([1.0, 1.0, 0.5, 0.5])
        return Bivariate(**parts)

    for found, other in zip(
        (post_stratified(merge_small(control, treatment)), *decompose_mix(merge_small(control, treatment))),
        (
            post_stratified(merge_small(split(control), split(treatment))),
            *decompose_mix(merge_small(split(control), split(treatment))),
        ),
        strict=True,
    ):
        assert float(other.difference) == pytest.approx(float(found.difference), rel=1e-12)
        assert float(other.variance) == pytest.approx(float(found.variance), rel=0.02)


def counts(strata: Strata) -> tuple[int, int]:
    """Strata that were merged, and strata that have units."""
    return int(strata.merged), int(strata.filled)


def arm_of_sizes(*n: float) -> Bivariate:
    sizes = np.array(n)
    rank = np.arange(sizes.size, dtype=np.float64)
    return of_means(Univariate(n=sizes, mean=1.0 + rank, variance=2.0 + rank))


def test_small_strata_become_one_that_is_large_enough() -> None:
    control, treatment = arm_of_sizes(50, 3, 40, 2, 9), arm_of_sizes(60, 2, 4, 3, 12)
    strata = merge_small(control, treatment)
    assert counts(strata) == (4, 2)
    assert strata.control.n[-1] == 54
    assert strata.treatment.n[-1] == 21
    assert strata.control.mean_y[-1] == pytest.approx((3 * 2 + 40 * 3 + 2 * 4 + 9 * 5) / 54)
    assert np.sum(strata.control.n) == 104


def test_a_rest_that_is_too_small_takes_in_the_next_smallest_stratum() -> None:
    strata = merge_small(arm_of_sizes(50, 3, 20), arm_of_sizes(50, 3, 30))
    assert counts(strata) == (2, 2)
    assert strata.control.n[-1] == 23
    everything = merge_small(arm_of_sizes(5, 3), arm_of_sizes(6, 7))
    assert counts(everything) == (2, 1)


def test_strata_large_enough_stay_and_one_without_units_is_nothing() -> None:
    strata = merge_small(arm_of_sizes(50, 8, 0), arm_of_sizes(9, 80, 0))
    assert counts(strata) == (0, 2)


def test_a_stratum_in_one_arm_only_goes_into_the_rest() -> None:
    strata = merge_small(arm_of_sizes(50, 40, 0), arm_of_sizes(50, 40, 12))
    assert counts(strata) == (2, 2)
    assert_adds_up(strata)


def test_a_paradox_is_seen_as_within_against_overall() -> None:
    """Every stratum gains and the whole loses, because treatment has more of the weak stratum."""
    control = of_means(
        Univariate(n=np.array([900.0, 100.0]), mean=np.array([10.0, 2.0]), variance=np.array(4.0))
    )
    treatment = of_means(
        Univariate(n=np.array([600.0, 400.0]), mean=np.array([10.6, 2.6]), variance=np.array(4.0))
    )
    found = decompose_mix(merge_small(control, treatment))
    overall, within, mix = (difference_interval(part, 0.05) for part in found)
    assert overall.high < 0.0 < within.low
    assert mix.high < 0.0
    assert within.estimate == pytest.approx(0.6)


def test_units_that_do_not_vary_are_refused_like_anywhere() -> None:
    flat = of_means(Univariate(n=np.array([20.0, 30.0]), mean=np.array([5.0, 5.0]), variance=np.zeros(2)))
    found = post_stratified(merge_small(flat, flat))
    assert found.problem == "zero_variance"
    few = of_means(Univariate(n=np.array([2.0, 3.0]), mean=np.array([5.0, 5.0]), variance=np.ones(2)))
    assert post_stratified(merge_small(few, few)).problem == "too_few_units"


def test_means_and_post_stratification_agree_where_strata_say_nothing() -> None:
    control, treatment = two_arms(7)
    whole = post_stratified(merge_small(control, treatment))
    assert (
        mean_contrast(
            Univariate(n=whole.n_control, mean=whole.control, variance=np.array(1.0)),
            Univariate(n=whole.n_treatment, mean=whole.control, variance=np.array(1.0)),
        ).n_control
        == 200
    )


def covered(ends: Bounds | CheckedBounds, truth: float) -> float:
    return float(np.mean(~((ends.low > truth) | (ends.high < truth))))


SHARES = np.array([0.5, 0.3, 0.2])


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("shares", [SHARES, np.array([0.3, 0.3, 0.4])])
def test_intervals_hold_the_truth_with_shares_that_are_random(shares: Values, *, ratio: bool) -> None:
    rng = np.random.default_rng(31)
    means, effect = np.array([1.0, 3.0, 6.0]), np.array([0.1, 0.5, -0.8])
    arms = []
    for n, share, level in ((400, SHARES, means), (300, shares, means + effect)):
        label = rng.choice(3, size=(RUNS, n), p=share)
        x = rng.poisson(2.0 * (1 + label)) + 1.0 if ratio else np.ones((RUNS, n))
        arms.append(by_stratum(label, rng.gamma(2.0, level[label] / 2.0) * x, np.asarray(x), 3))
    strata = merge_small(arms[0], arms[1])
    size = 2.0 * np.array([1.0, 2.0, 3.0]) + 1.0 if ratio else np.ones(3)
    weight = [share * size / np.sum(share * size) for share in (SHARES, shares)]
    pooled = (400 * SHARES + 300 * shares) / 700 * size
    control, after = np.sum(weight[0] * means), np.sum(weight[1] * (means + effect))
    equal_mix = np.sum(pooled * effect) / np.sum(pooled)
    tolerance = 3 * np.sqrt(0.95 * 0.05 / RUNS)
    found = post_stratified(strata)
    assert covered(difference_interval(found, 0.05), equal_mix) == pytest.approx(0.95, abs=tolerance)
    assert covered(fieller_lift(found, 0.05), equal_mix / control) == pytest.approx(0.95, abs=tolerance)
    overall, within, mix = (difference_interval(part, 0.05) for part in decompose_mix(strata))
    assert covered(overall, after - control) == pytest.approx(0.95, abs=tolerance)
    assert covered(within, np.sum((weight[0] + weight[1]) / 2 * effect)) == pytest.approx(0.95, abs=tolerance)
    mixed = np.sum((weight[1] - weight[0]) * (means + effect / 2))
    assert covered(mix, mixed) == pytest.approx(0.95, abs=tolerance)


def test_post_stratification_finds_no_effect_in_an_a_a_test_and_is_shorter() -> None:
    rng = np.random.default_rng(32)
    arms = []
    for n in (300, 150):
        label = rng.choice(3, size=(RUNS, n), p=SHARES)
        y = rng.lognormal(0.0, 0.5, (RUNS, n)) * np.array([1.0, 3.0, 6.0])[label]
        arms.append(by_stratum(label, y, np.ones((RUNS, n)), 3))
    strata = merge_small(arms[0], arms[1])
    found = post_stratified(strata)
    assert np.mean(p_value(found) < 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / RUNS))
    assert np.mean(found.variance) < 0.6 * np.mean(decompose_mix(strata).overall.variance)


@pytest.mark.parametrize("units", [(100, 100), (50, 50), (900, 100)])
def test_intervals_hold_the_truth_where_strata_are_small_and_some_are_put_together(
    units: tuple[int, int],
) -> None:
    """Putting together what chance divided worst would make them too short: 92 % of 8 strata in 100 and 100 units."""
    rng = np.random.default_rng(33)
    arms = []
    for n, effect in zip(units, (0.0, 0.3), strict=True):
        label = rng.choice(8, size=(RUNS, n))
        arms.append(by_stratum(label, rng.normal(effect + label, 1.0), np.ones((RUNS, n)), 8))
    strata = merge_small(arms[0], arms[1])
    tolerance = 3 * np.sqrt(0.95 * 0.05 / RUNS)
    for contrast in (post_stratified(strata), decompose_mix(strata).within):
        assert covered(difference_interval(contrast, 0.05), 0.3) == pytest.approx(0.95, abs=tolerance)
