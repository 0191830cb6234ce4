"""The slope of an effect over days since exposure: least squares by unit, then a difference of means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abgap.stats.intervals import fieller_lift, p_value
from abgap.stats.moments import Bivariate
from abgap.stats.trend import slope_contrast


def arm(y: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Bivariate:
    """Units x days as the engine adds them up."""
    days = y.shape[1]
    tilt, total = y @ (2.0 * np.arange(days) - days + 1.0), y.sum(1)
    spread = np.cov(tilt, total)
    return Bivariate(
        n=np.array(float(len(y))),
        mean_y=tilt.mean(),
        variance_y=spread[0, 0],
        mean_x=total.mean(),
        variance_x=spread[1, 1],
        covariance=spread[0, 1],
    )


@pytest.mark.parametrize("days", [2, 3, 7, 14])
def test_it_is_the_welch_comparison_of_least_squares_slopes(days: int) -> None:
    rng = np.random.default_rng(days)
    arms = [rng.poisson(3, (n, days)) + 0.1 * np.arange(days) * k for n, k in ((80, 0), (120, 1))]
    contrast = slope_contrast(arm(arms[0]), arm(arms[1]), np.array(float(days)))
    slopes = [np.polyfit(np.arange(days), y.T, 1)[0] for y in arms]
    expected = stats.ttest_ind(slopes[1], slopes[0], equal_var=False)
    assert float(contrast.difference) == pytest.approx(slopes[1].mean() - slopes[0].mean(), rel=1e-9)
    assert float(p_value(contrast)) == pytest.approx(expected.pvalue, rel=1e-9)
    per_day = arms[0].mean(1)
    assert float(contrast.control) == pytest.approx(per_day.mean())
    assert float(contrast.control_variance) == pytest.approx(per_day.var(ddof=1) / 80)
    assert float(contrast.covariance) == pytest.approx(-np.cov(slopes[0], per_day)[0, 1] / 80)


def test_swapping_the_arms_negates_it_and_money_scales_out_of_the_lift() -> None:
    rng = np.random.default_rng(1)
    one, two = (arm(rng.lognormal(1, 1, (90, 7))) for _ in range(2))
    days = np.array(7.0)
    there, back = slope_contrast(one, two, days), slope_contrast(two, one, days)
    assert float(there.difference) == -float(back.difference)
    assert float(p_value(there)) == pytest.approx(float(p_value(back)))


def test_the_false_positive_rate_holds_with_days_that_go_together() -> None:
    rng = np.random.default_rng(4)
    repeats, units, days = 2000, 60, 7
    own = rng.gamma(1.0, 2.0, (2, repeats, units, 1))
    y = rng.poisson(own * np.linspace(2.0, 1.0, days)).astype(float)
    tilt, total = y @ (2.0 * np.arange(days) - days + 1.0), y.sum(-1)

    def moments(i: int) -> Bivariate:
        t, x = tilt[i], total[i]
        covariance = ((t - t.mean(-1, keepdims=True)) * (x - x.mean(-1, keepdims=True))).sum(-1) / (units - 1)
        return Bivariate(
            n=np.full(repeats, float(units)),
            mean_y=t.mean(-1),
            variance_y=t.var(-1, ddof=1),
            mean_x=x.mean(-1),
            variance_x=x.var(-1, ddof=1),
            covariance=covariance,
        )

    contrast = slope_contrast(moments(0), moments(1), np.full(repeats, float(days)))
    error = 3 * np.sqrt(0.05 * 0.95 / repeats)
    assert np.mean(p_value(contrast) < 0.05) == pytest.approx(0.05, abs=error)
    lift = fieller_lift(contrast, 0.05)
    assert np.mean((lift.low > 0) | (lift.high < 0)) == pytest.approx(0.05, abs=error)
