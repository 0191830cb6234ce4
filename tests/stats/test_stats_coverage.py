"""Do 95 % intervals hold the truth 95 times in 100? Seeded simulations where that is in doubt."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abgap.stats.contrast import mean_contrast, ratio_contrast
from abgap.stats.covariates import adjusted_contrast, one_covariate
from abgap.stats.funnel import FunnelArm, decompose_funnel
from abgap.stats.intervals import difference_interval, fieller_lift, p_value
from abgap.stats.moments import Bivariate, Univariate
from abgap.stats.proportions import Successes, score_difference, score_lift

Values: TypeAlias = npt.NDArray[np.float64]
Ends: TypeAlias = tuple[Values, Values]

RUNS = 4000


def univariate(values: Values) -> Univariate:
    return Univariate(n=np.array(values.shape[1]), mean=values.mean(1), variance=values.var(1, ddof=1))


def bivariate(y: Values, x: Values) -> Bivariate:
    n = y.shape[1]
    off_y, off_x = y - y.mean(1, keepdims=True), x - x.mean(1, keepdims=True)
    return Bivariate(
        n=np.array(n),
        mean_y=y.mean(1),
        variance_y=y.var(1, ddof=1),
        mean_x=x.mean(1),
        variance_x=x.var(1, ddof=1),
        covariance=np.einsum("ij,ij->i", off_y, off_x) / (n - 1),
    )


def covered(ends: Ends, truth: float) -> float:
    """Share of the intervals that hold the truth; one without ends is unbounded and holds everything."""
    low, high = ends
    return float(np.mean(~((low > truth) | (high < truth))))


def assert_calibrated(share: float, level: float = 0.95, runs: int = RUNS) -> None:
    assert share == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / runs))


def money(rng: np.random.Generator, units: int, payers: float) -> Values:
    """Revenue of which most is zero: lognormal, for a few payers."""
    revenue = np.zeros(RUNS * units)
    paying = rng.random(RUNS * units) < payers
    revenue[paying] = rng.lognormal(3.0, 1.0, int(paying.sum()))
    return revenue.reshape(RUNS, units)


def test_welch_with_unequal_spread_and_unequal_small_arms() -> None:
    rng = np.random.default_rng(101)
    control, treatment = rng.normal(5.0, 1.0, (RUNS, 12)), rng.normal(6.0, 4.0, (RUNS, 25))
    contrast = mean_contrast(univariate(control), univariate(treatment))
    assert_calibrated(covered(difference_interval(contrast, 0.05)[1:], 1.0))


def test_welch_rejects_no_effect_on_skewed_money_once_in_twenty() -> None:
    rng = np.random.default_rng(102)
    contrast = mean_contrast(univariate(money(rng, 1000, 0.1)), univariate(money(rng, 1000, 0.1)))
    assert_calibrated(float(np.mean(p_value(contrast) < 0.05)), level=0.05)


def test_fieller_on_skewed_money_with_five_percent_payers() -> None:
    rng = np.random.default_rng(103)
    contrast = mean_contrast(univariate(money(rng, 2000, 0.05)), univariate(money(rng, 2000, 0.06)))
    low, high = fieller_lift(contrast, 0.05)[1:3]
    assert_calibrated(covered((low, high), 0.2))
    naive = difference_interval(contrast, 0.05)
    dividing = naive.low / contrast.control, naive.high / contrast.control
    assert covered(dividing, 0.2) < covered((low, high), 0.2) - 0.01


def test_a_ratio_whose_parts_go_together() -> None:
    rng = np.random.default_rng(104)
    arms = []
    for share, units in ((0.25, 300), (0.30, 200)):
        taste = rng.gamma(2.0, 0.5, (RUNS, units))
        sessions = rng.poisson(4.0 * taste) + 1.0
        clicks = rng.binomial(sessions.astype(int), share).astype(np.float64)
        arms.append(bivariate(clicks, np.asarray(sessions, dtype=np.float64)))
    contrast = ratio_contrast(arms[0], arms[1])
    assert_calibrated(covered(difference_interval(contrast, 0.05)[1:], 0.05))
    assert_calibrated(covered(fieller_lift(contrast, 0.05)[1:3], 0.2))


def test_the_lift_of_an_adjusted_difference_when_it_is_sixty_percent() -> None:
    rng = np.random.default_rng(105)
    arms = []
    for lift in (0.0, 0.6):
        x = rng.normal(10.0, 3.0, (RUNS, 400))
        y = (x + rng.normal(0.0, 3.0 * np.sqrt(1 / 0.81 - 1), x.shape)) * (1 + lift)
        arms.append(bivariate(y, x))
    contrast, removed = adjusted_contrast(*(one_covariate(arm) for arm in arms))
    assert removed.mean() > 0.7
    assert_calibrated(covered(difference_interval(contrast, 0.05)[1:], 6.0))
    assert_calibrated(covered(fieller_lift(contrast, 0.05)[1:3], 0.6))


def test_an_adjusted_difference_rejects_no_effect_once_in_twenty() -> None:
    rng = np.random.default_rng(106)
    arms = []
    for units in (300, 150):
        x = rng.lognormal(1.0, 1.0, (RUNS, units))
        arms.append(bivariate(x * rng.gamma(5.0, 0.2, x.shape), x))
    contrast, _ = adjusted_contrast(*(one_covariate(arm) for arm in arms))
    assert_calibrated(float(np.mean(p_value(contrast) < 0.05)), level=0.05)


@pytest.mark.parametrize(("p_c", "p_t"), [(0.02, 0.02), (0.02, 0.05), (0.3, 0.35), (0.5, 0.9)])
def test_score_intervals_of_small_counts_by_summing_over_all_outcomes(p_c: float, p_t: float) -> None:
    n_c, n_t = 120, 90
    x_c, x_t = np.arange(n_c + 1)[:, None], np.arange(n_t + 1)[None, :]
    chance = stats.binom.pmf(x_c, n_c, p_c) * stats.binom.pmf(x_t, n_t, p_t)
    counts = Successes(
        control=x_c.astype(np.float64),
        n_control=np.array(n_c),
        treatment=x_t.astype(np.float64),
        n_treatment=np.array(n_t),
    )
    difference, lift = score_difference(counts, 0.05), score_lift(counts, 0.05)
    for low, high, truth in ((*difference[1:3], p_t - p_c), (*lift[1:3], p_t / p_c - 1)):
        holds = ~((low > truth) | (high < truth))
        assert 0.935 < float(np.sum(chance * holds)) < 0.985


def test_the_funnel_in_logs_and_in_money() -> None:
    rng = np.random.default_rng(107)
    arms = []
    for click, order, price in ((0.30, 0.20, 40.0), (0.33, 0.18, 41.0)):
        clicks = rng.binomial(rng.poisson(10.0, (RUNS, 400)), click)
        orders = rng.binomial(clicks, order)
        revenue = orders * price * rng.gamma(4.0, 0.25, orders.shape)
        units = np.stack([clicks, orders, revenue]).astype(np.float64)
        off = units - units.mean(-1, keepdims=True)
        arms.append(
            FunnelArm(
                n=np.full(RUNS, 400.0),
                means=units.mean(-1).T,
                covariance=np.einsum("arn,brn->rab", off, off) / 399,
            )
        )
    result = decompose_funnel(arms[0], arms[1], 0.05)
    logs = np.log([1.1, 0.9, 1.025])
    before, after = 10 * 0.30 * 0.20 * 40, 10 * 0.33 * 0.18 * 41
    mean = (after - before) / np.log(after / before)
    for stage in range(3):
        assert_calibrated(
            covered((result.log_lift.low[:, stage], result.log_lift.high[:, stage]), logs[stage])
        )
        assert_calibrated(
            covered((result.money.low[:, stage], result.money.high[:, stage]), mean * logs[stage])
        )
    assert_calibrated(covered(result.total_log_lift[1:], float(logs.sum())))
