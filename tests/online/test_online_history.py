"""What the past says: pooled variances, and new units by day."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from abgap.online.counts import ArmCounts
from abgap.online.history import steady_traffic, traffic_of, unit_history
from abgap.online.moments import make_rows
from abgap.records import Moments


def counts(days: dict[str, tuple[int, int]]) -> ArmCounts:
    parts = {("day", day): {"A": a, "B": b} for day, (a, b) in days.items()}
    return ArmCounts(whole={"A": 1, "B": 1}, parts={**parts, ("device", "phone"): {"A": 999}})


def rows(**columns: list[float]) -> Moments:
    given: dict[str, Any] = {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
    return make_rows(len(next(iter(columns.values()))), given)


def test_new_units_are_those_of_the_days_and_then_of_the_last_week() -> None:
    days = {f"2026-03-{day:02}": (60 - 2 * day, 60 - 2 * day) for day in range(1, 15)}
    traffic = traffic_of(counts(days))
    assert traffic is not None
    daily = [2 * (60 - 2 * day) for day in range(1, 15)]
    assert traffic.known_days == 14
    assert traffic.units_after(1.0) == daily[0]
    assert traffic.units_after(2.5) == daily[0] + daily[1] + daily[2] / 2
    assert traffic.units_after(14.0) == sum(daily)
    assert traffic.rate == np.mean(daily[7:])
    assert traffic.units_after(24.0) == pytest.approx(sum(daily) + 10 * np.mean(daily[7:]))


def test_days_for_units_is_the_inverse_of_units_after_days() -> None:
    traffic = traffic_of(counts({"2026-03-01": (10, 30), "2026-03-02": (20, 0), "2026-03-04": (5, 5)}))
    assert traffic is not None
    assert list(traffic.daily) == [40, 20, 0, 10]  # a day without anybody is a day
    for days in (0.0, 0.5, 1.0, 1.7, 3.2, 4.0, 9.0):
        assert traffic.days_for(traffic.units_after(days)) == pytest.approx(days)


def test_units_that_never_come_take_forever() -> None:
    traffic = traffic_of(counts({"2026-03-01": (0, 0), "2026-03-02": (0, 0)}))
    assert traffic is not None
    assert traffic.days_for(1.0) == math.inf


def test_without_days_there_is_no_traffic() -> None:
    assert traffic_of(counts({})) is None
    assert traffic_of(counts({"week 12": (5, 5)})) is None


def test_a_rate_that_is_given_holds_for_ever() -> None:
    traffic = steady_traffic(700.0)
    assert traffic.known_days == 0
    assert traffic.units_after(365.0) == pytest.approx(36_500.0)


def test_variances_are_pooled_within_arms_so_that_an_effect_does_not_widen_them() -> None:
    history = unit_history(rows(n=[100, 300], mean=[10.0, 20.0], variance=[4.0, 8.0]))
    assert (history.n, history.residual) == (400, None)
    assert history.mean == pytest.approx(17.5)
    assert history.variance == pytest.approx((99 * 4 + 299 * 8) / 398)


def test_a_ratio_over_arms_is_that_of_the_sums() -> None:
    history = unit_history(
        rows(n=[100, 300], mean=[0.5, 0.2], variance=[1.0, 1.0], denominator_mean=[4.0, 1.0])
    )
    assert history.mean == pytest.approx((100 * 2.0 + 300 * 0.2) / (400 + 300))


def test_a_covariate_leaves_the_residual_of_the_regression() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(0, 2, 5000)
    y = 3 * x + rng.normal(0, 4, 5000)
    cov = np.cov(y, x)
    columns = {"covariate_mean": x.mean(), "covariate_variance": cov[1, 1], "covariate_covariance": cov[0, 1]}
    history = unit_history(
        rows(n=[5000], mean=[y.mean()], variance=[cov[0, 0]], **{k: [v] for k, v in columns.items()})
    )
    slope, start = np.polyfit(x, y, 1)
    assert history.residual == pytest.approx(np.var(y - slope * x - start, ddof=1), rel=1e-10)
    constant = unit_history(
        rows(
            n=[9], mean=[1.0], variance=[2.0], covariate_mean=[3.0], covariate_variance=[0.0],
            covariate_covariance=[0.0],
        )
    )  # fmt: skip
    assert constant.residual == 2.0


def listed(values: np.ndarray[Any, Any], x: np.ndarray[Any, Any]) -> Moments:
    """One arm with its covariates in lists; a second row of values is the denominator of a ratio."""
    n = values.shape[-1]
    cov = np.cov(np.concatenate([values, x]))
    k, parts = len(x), len(values)
    lists = (x.mean(1), cov[parts:, parts:], cov[:parts, parts:])
    names = ("covariate_means", "covariate_covariances", "covariate_crosses")
    given: dict[str, Any] = {"n": [float(n)]}
    for name, found in zip(names, lists, strict=True):
        given[name] = np.empty(1, dtype=object)
        given[name][0] = tuple(float(v) for v in found.ravel())
    assert len(given["covariate_means"][0]) == k
    if parts == 1:
        given |= {"mean": [values.mean()], "variance": [cov[0, 0]]}
    else:
        ratio = values[0].mean() / values[1].mean()
        linear = (values[0] - ratio * values[1]) / values[1].mean()
        given |= {"mean": [ratio], "variance": [linear.var(ddof=1)], "denominator_mean": [values[1].mean()]}
        given |= {"numerator_mean": [values[0].mean()]}
    columns = {name: v if name in names else np.array(v, dtype=np.float64) for name, v in given.items()}
    return make_rows(1, columns)


@pytest.mark.parametrize("parts", [1, 2])
def test_several_covariates_leave_the_residual_of_the_regression_also_of_a_ratio(parts: int) -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(0, 1, (2, 3000))
    y = 10 + 2 * x[0] - x[1] + rng.normal(0, 1, 3000)
    values = np.stack([y, 5 + x[0] + rng.normal(0, 1, 3000)])[:parts]
    history = unit_history(listed(values, x))
    value = y if parts == 1 else (y - history.mean * values[1]) / values[1].mean()
    design = np.column_stack([np.ones(3000), *x])
    rest = value - design @ np.linalg.lstsq(design, value, rcond=None)[0]
    assert history.residual == pytest.approx(rest.var(ddof=1), rel=1e-9)


def test_what_is_missing_is_none() -> None:
    assert unit_history(make_rows(0, {})).mean is None
    assert unit_history(rows(n=[0], mean=[np.nan], variance=[np.nan])).n == 0
    one = unit_history(rows(n=[1], mean=[3.0], variance=[np.nan]))
    assert (one.mean, one.variance) == (3.0, None)
    assert unit_history(rows(n=[50], mean=[3.0], variance=[np.nan])).variance is None
