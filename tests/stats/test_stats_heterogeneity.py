"""Tests over slices against published examples, Welch's analysis of variance, and simulations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from abgap.stats.contrast import Contrast, mean_contrast
from abgap.stats.heterogeneity import common_lift_test, gail_simon, homogeneity, opposite_signs_test
from abgap.stats.intervals import p_value
from abgap.stats.moments import Univariate

Values: TypeAlias = npt.NDArray[np.float64]

RUNS = 4000


def slices(control: list[Values], treatment: list[Values]) -> Contrast:
    """Contrasts of slices along the last axis, from values with the units along the last axis."""
    arms = [
        Univariate(
            n=np.array([float(v.shape[-1]) for v in arm]),
            mean=np.stack([v.mean(-1) for v in arm], axis=-1),
            variance=np.stack([v.var(-1, ddof=1) for v in arm], axis=-1),
        )
        for arm in (control, treatment)
    ]
    return mean_contrast(arms[0], arms[1])


def assert_same(found: Sequence[Values], expected: Sequence[Values], rel: float = 1e-9) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rel)


def everything(contrast: Contrast) -> npt.NDArray[np.bool_]:
    return np.ones(contrast.difference.shape, dtype=bool)


def some_slices(seed: int, lifts: tuple[float, ...]) -> tuple[list[Values], list[Values]]:
    rng = np.random.default_rng(seed)
    base = rng.uniform(1.0, 9.0, len(lifts))
    return tuple(
        [
            rng.gamma(2.0, b * (1.0 + treated * lift) / 2.0, 60 + 20 * i)
            for i, (b, lift) in enumerate(zip(base, lifts, strict=True))
        ]
        for treated in (0, 1)
    )  # type: ignore[return-value]


def test_gail_and_simons_own_example_of_breast_cancer() -> None:
    effect = np.array([0.163, -0.114, -0.047, -0.151])
    found = gail_simon(effect / np.array([0.0788, 0.0689, 0.0614, 0.0547]))
    assert found.q_up == pytest.approx(4.28, abs=0.005)
    assert found.q_down == pytest.approx(10.94, abs=0.005)
    assert found.p_value == pytest.approx(0.0877, abs=0.0001)


@pytest.mark.parametrize(("groups", "critical"), [(2, 2.71), (3, 4.23), (4, 5.43), (5, 6.50), (6, 7.48)])
def test_critical_values_of_gail_and_simons_table(groups: int, critical: float) -> None:
    z = np.r_[np.sqrt(critical), np.full(groups - 1, -10.0)]
    assert gail_simon(z).p_value == pytest.approx(0.05, abs=0.0003)


def test_slices_of_one_sign_are_no_evidence_of_opposite_signs() -> None:
    assert gail_simon(np.array([3.0, 1.0, 0.2])).p_value == 1.0


def test_a_slice_without_an_effect_does_not_count() -> None:
    alone = gail_simon(np.array([2.0, -2.5]))
    assert_same(gail_simon(np.array([2.0, np.nan, -2.5])), alone)
    assert np.isnan(gail_simon(np.array([2.0, np.nan])).p_value)


def test_the_known_heterogeneity_of_the_bcg_vaccine_trials(bcg: tuple[Values, Values]) -> None:
    found = homogeneity(*bcg)
    assert found.q == pytest.approx(152.233, abs=0.0005)
    assert found.df == 12
    assert found.i_squared == pytest.approx(1 - 12 / 152.23300808, rel=1e-9)
    assert found.p_value == pytest.approx(stats.chi2.sf(152.23300808, 12), rel=1e-6)


def test_means_with_few_units_are_tested_as_welch_did() -> None:
    rng = np.random.default_rng(11)
    groups = [rng.normal(0.4 * i, 1.0 + i, 9 + 3 * i) for i in range(4)]
    n = np.array([len(g) for g in groups])
    variance = np.array([g.var(ddof=1) for g in groups]) / n
    found = homogeneity(np.array([g.mean() for g in groups]), variance, n - 1.0)
    oracle = anova_oneway(groups, use_var="unequal", welch_correction=True)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)


def test_q_is_the_smallest_that_any_common_lift_gives() -> None:
    contrast = slices(*some_slices(12, (0.1, 0.3, -0.1, 0.0)))
    found = common_lift_test(contrast, everything(contrast))
    grid = np.linspace(-0.5, 1.0, 200_001)[:, None]
    pivot = (contrast.difference - grid * contrast.control) ** 2
    spread = contrast.variance - 2 * grid * contrast.covariance + grid**2 * contrast.control_variance
    q = np.sum(pivot / spread, axis=1)
    assert found.q == pytest.approx(q.min(), rel=1e-6)
    assert found.common_effect == pytest.approx(grid[np.argmin(q), 0], abs=2e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_exchanging_the_arms_changes_neither_test(seed: int) -> None:
    control, treatment = some_slices(seed, (0.4, -0.2, 0.1))
    contrast, turned = slices(control, treatment), slices(treatment, control)
    found, back = (common_lift_test(c, everything(c)) for c in (contrast, turned))
    assert back.q == pytest.approx(found.q, rel=1e-7)
    assert 1 + back.common_effect == pytest.approx(1 / (1 + found.common_effect), rel=1e-6)
    signs, other = (opposite_signs_test(c, everything(c)) for c in (contrast, turned))
    assert (other.q_up, other.q_down) == pytest.approx((signs.q_down, signs.q_up))
    assert other.p_value == pytest.approx(signs.p_value)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.sampled_from([1e-9, 0.01, 250.0, 1e12]))
def test_another_currency_changes_nothing(seed: int, factor: float) -> None:
    control, treatment = some_slices(seed, (0.4, -0.2, 0.1))
    contrast = slices(control, treatment)
    scaled = slices([factor * v for v in control], [factor * v for v in treatment])
    assert_same(
        common_lift_test(scaled, everything(scaled)), common_lift_test(contrast, everything(contrast)), 1e-6
    )


def test_the_same_percentage_on_different_levels_is_no_difference() -> None:
    rng = np.random.default_rng(13)
    values = rng.gamma(4.0, 1.0, 500)
    control = [values, 100.0 * values]
    found = common_lift_test(c := slices(control, [1.2 * v for v in control]), everything(c))
    assert found.q == pytest.approx(0.0, abs=1e-9)
    assert found.common_effect == pytest.approx(0.2)
    assert found.i_squared == 0.0


def test_slices_that_are_left_out_leave_the_rest_as_if_they_were_not_there() -> None:
    control, treatment = some_slices(14, (0.4, -0.2, 0.1))
    contrast = slices(control, treatment)
    without = slices(control[:1] + control[2:], treatment[:1] + treatment[2:])
    found = common_lift_test(contrast, np.array([True, False, True]))
    assert_same(found, common_lift_test(without, everything(without)))
    assert found.tested == 2
    alone = common_lift_test(contrast, np.array([True, False, False]))
    assert np.isnan([alone.q, alone.df, alone.p_value, alone.i_squared]).all()


def test_a_slice_has_the_same_say_in_the_sign_test_as_its_own_test() -> None:
    contrast = slices(*some_slices(15, (0.4, -0.3)))
    found = opposite_signs_test(contrast, everything(contrast))
    z = stats.norm.isf(p_value(contrast) / 2)
    assert found.q_up + found.q_down == pytest.approx(np.sum(z**2), rel=1e-9)


def units(rng: np.random.Generator, kind: str, level: float, n: int) -> Values:
    if kind == "few units":
        return level * (1.0 + 0.3 * rng.normal(size=(RUNS, n)))
    if kind == "money":
        return level * rng.lognormal(0.0, 1.0, (RUNS, n)) * (rng.random((RUNS, n)) < 0.1)
    return np.asarray(rng.random((RUNS, n)) < 0.01 * level, dtype=np.float64)


@pytest.mark.parametrize(("kind", "n"), [("few units", 10), ("money", 800), ("conversion", 1500)])
def test_one_common_lift_is_rejected_once_in_twenty(kind: str, n: int) -> None:
    rng = np.random.default_rng(16)
    contrast = slices(*([units(rng, kind, b * lift, n) for b in (1.5, 2.0, 4.0, 8.0)] for lift in (1.0, 1.2)))
    found = common_lift_test(contrast, everything(contrast))
    assert np.mean(found.p_value < 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / RUNS))


def test_opposite_signs_are_claimed_at_most_once_in_twenty_where_one_slice_gains_much() -> None:
    rng = np.random.default_rng(17)
    lifts = (1.0, 1.0, 1.6)
    control = [rng.normal(5.0, 2.0, (RUNS, 40)) for _ in lifts]
    treatment = [rng.normal(5.0 * lift, 2.0, (RUNS, 40)) for lift in lifts]
    contrast = slices(control, treatment)
    rejected = float(np.mean(opposite_signs_test(contrast, everything(contrast)).p_value < 0.05))
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / RUNS)
    real = [rng.normal(5.0 * lift, 2.0, (RUNS, 40)) for lift in (1.5, 0.5, 1.0)]
    contrast = slices(control, real)
    assert np.mean(opposite_signs_test(contrast, everything(contrast)).p_value < 0.05) > 0.9


def test_what_may_not_be_concluded_from_does_not_enter() -> None:
    contrast = slices(*some_slices(18, (0.4, -0.2, 0.1)))
    few = dataclasses.replace(contrast, problem=np.array(["too_few_units", None, None], dtype=object))
    assert common_lift_test(few, everything(few)).tested == 2
