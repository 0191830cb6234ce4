"""Our numbers against those that gbstats gave for the same moments (gbstats_record.py).

Where definitions agree, to 1e-9; where they differ, their number is reproduced by its own formula, so that the
difference is the one that docs/methods.md names and no other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from abgap.records.vocabulary import LiftMethod
from abgap.stats.bayesian import Prior, lift_posterior
from abgap.stats.contrast import Contrast, mean_contrast, ratio_contrast
from abgap.stats.covariates import adjusted_contrast, one_covariate
from abgap.stats.intervals import difference_interval, lift_interval, p_value, relative_difference
from abgap.stats.moments import Univariate, linear_variance
from abgap.stats.quantile import EventCounts, outer_places, quantile_variance, share_sd
from abgap.stats.rule import FIXED, AnytimeValid, Rule
from abgap.stats.srm import sample_ratio
from tests.golden.conftest import bivariate, univariate

Case: TypeAlias = dict[str, Any]

RECORDED = json.loads((Path(__file__).parent / "gbstats.json").read_text(encoding="utf-8"))
CASES: list[Case] = RECORDED["cases"]
RULES: dict[str, Rule] = {"fixed": FIXED, "sequential": AnytimeValid(units=RECORDED["tuning"])}


def of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in CASES if case["kind"] in kinds]


def contrast_of(case: Case) -> Contrast:
    control, treatment = case["arms"]
    if case["kind"] == "mean":
        return mean_contrast(univariate(control), univariate(treatment))
    return ratio_contrast(bivariate(control), bivariate(treatment))


def same(found: Any, theirs: dict[str, float]) -> None:
    for name in ("estimate", "low", "high"):
        assert float(getattr(found, name)) == pytest.approx(theirs[name], rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("looks", RULES)
@pytest.mark.parametrize("case", of_kind("mean", "ratio"))
def test_differences_of_means_and_ratios(case: Case, looks: str) -> None:
    theirs, contrast = case["results"][f"{looks}, absolute"], contrast_of(case)
    same(difference_interval(contrast, 0.05, RULES[looks]), theirs)
    assert float(p_value(contrast, RULES[looks])) == pytest.approx(theirs["p"], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("looks", RULES)
@pytest.mark.parametrize("case", of_kind("mean", "ratio"))
def test_lifts_by_the_delta_method(case: Case, looks: str) -> None:
    theirs, contrast = case["results"][f"{looks}, relative"], contrast_of(case)
    found = lift_interval(contrast, 0.05, RULES[looks], LiftMethod.DELTA)
    p = float(p_value(contrast, RULES[looks], LiftMethod.DELTA))
    assert p == pytest.approx(theirs["p"], rel=1e-9, abs=1e-12)
    if case["name"] == "negative control":  # this version of theirs divides by it with its sign
        theirs = {"estimate": -theirs["estimate"], "low": -theirs["high"], "high": -theirs["low"]}
    same(found, theirs)


@pytest.mark.parametrize("case", of_kind("proportion"))
def test_a_proportion_is_compared_there_as_a_mean_of_variance_p_times_1_minus_p(case: Case) -> None:
    arms = []
    for arm in case["arms"]:
        p = np.asarray(arm["successes"] / arm["n"])
        arms.append(Univariate(n=np.asarray(float(arm["n"])), mean=p, variance=p * (1 - p)))
    contrast = mean_contrast(arms[0], arms[1])
    same(difference_interval(contrast, 0.05), case["results"]["fixed, absolute"])
    same(lift_interval(contrast, 0.05, FIXED, LiftMethod.DELTA), case["results"]["fixed, relative"])


@pytest.mark.parametrize("looks", RULES)
@pytest.mark.parametrize("case", of_kind("covariate"))
def test_differences_adjusted_for_a_covariate(case: Case, looks: str) -> None:
    theirs = case["results"][f"{looks}, absolute"]
    control, treatment = (bivariate(arm) for arm in case["arms"])
    contrast, _ = adjusted_contrast(one_covariate(control), one_covariate(treatment))
    if case["name"].startswith("balanced"):
        # With equal covariate means the slope of both arms put together is that within them.
        same(difference_interval(contrast, 0.05, RULES[looks]), theirs)
        assert float(p_value(contrast, RULES[looks])) == pytest.approx(theirs["p"], rel=1e-9, abs=1e-12)
        return
    theta = slope_of_both_arms_together(case)
    arms = [
        Univariate(n=arm.n, mean=arm.mean_y - theta * arm.mean_x, variance=linear_variance(arm, theta))
        for arm in (control, treatment)
    ]
    same(difference_interval(mean_contrast(*arms), 0.05, RULES[looks]), theirs)
    ours = difference_interval(contrast, 0.05, RULES[looks])
    assert float(ours.estimate) == pytest.approx(theirs["estimate"], rel=0.05)


def slope_of_both_arms_together(case: Case) -> Any:
    n, y, x = (np.array([arm[name] for arm in case["arms"]]) for name in ("n", "mean_y", "mean_x"))
    covariance, variance = (
        np.array([arm[name] for arm in case["arms"]]) for name in ("covariance", "variance_x")
    )
    off_y, off_x = y - (n * y).sum() / n.sum(), x - (n * x).sum() / n.sum()
    joint = ((n - 1) * covariance + n * off_y * off_x).sum()
    return joint / ((n - 1) * variance + n * off_x**2).sum()


@pytest.mark.parametrize("case", of_kind("covariate"))
def test_the_lift_after_a_covariate_there_leaves_out_how_the_control_mean_goes_with_the_difference(
    case: Case,
) -> None:
    if not case["name"].startswith("balanced"):
        return
    theirs = case["results"]["fixed, relative"]
    control, treatment = (bivariate(arm) for arm in case["arms"])
    contrast, _ = adjusted_contrast(one_covariate(control), one_covariate(treatment))
    theta = slope_of_both_arms_together(case)
    left = [linear_variance(arm, theta) / arm.n for arm in (control, treatment)]
    ratio = treatment.mean_y / control.mean_y
    error = np.sqrt(left[1] + left[0] * ratio**2) / control.mean_y
    found = lift_interval(contrast, 0.05, FIXED, LiftMethod.DELTA)
    assert float(found.estimate) == pytest.approx(theirs["estimate"], rel=1e-9)
    reach = (theirs["high"] - theirs["low"]) / 2
    ours = (float(found.high) - float(found.low)) / 2
    assert reach / float(error) == pytest.approx(ours / float(relative_difference(contrast)[1]), rel=1e-9)
    # Nothing to choose between at a lift of about 0; the difference grows with the lift.
    assert ours == pytest.approx(reach, rel=0.05)


@pytest.mark.parametrize("case", of_kind("mean", "ratio"))
def test_posteriors_of_lifts(case: Case) -> None:
    if case["name"] == "negative control":
        return
    lift, error = relative_difference(contrast_of(case))
    prior = RECORDED["prior"]
    for name, sign, sd in (
        ("posterior, flat", 1.0, None),
        ("posterior", 1.0, prior["sd"]),
        ("posterior, less is better", -1.0, prior["sd"]),
    ):
        theirs = case["results"][name]
        # Our prior speaks of what is better, theirs of what is more.
        found = lift_posterior(lift, error**2, sign, Prior(lift=sign * prior["mean"], sd=sd), 0.05)
        same(found, theirs)
        assert float(found.better) == pytest.approx(theirs["better"], rel=1e-9)
        assert float(found.loss_of_shipping) == pytest.approx(theirs["risk_treatment"], rel=1e-7, abs=1e-12)
        assert float(found.loss_of_keeping) == pytest.approx(theirs["risk_control"], rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("case", RECORDED["sample_ratio"])
def test_sample_ratios(case: Case) -> None:
    assert float(sample_ratio(case["counts"], case["weights"])[2]) == pytest.approx(case["p"], rel=1e-9)


@pytest.mark.parametrize("case", of_kind("clustered quantile"))
def test_quantiles_of_events_vary_about_as_much(case: Case) -> None:
    """Ours takes order statistics as far out as units spread; theirs widens the nearer ones of independent events."""
    for events, arm, variance in zip(case["events"], case["arms"], case["variances"], strict=True):
        values, user = np.array(events["values"]), np.array(events["users"])
        units, total = float(user.max() + 1), np.asarray(float(len(values)))
        quantile = np.quantile(values, arm["nu"])
        assert quantile == pytest.approx(arm["quantile_hat"], rel=1e-12)
        mine, below = np.bincount(user), np.bincount(user, weights=values <= quantile)
        counts = EventCounts(
            units=np.asarray(units), events=total, counted=np.asarray(below.sum()),
            events_squared=np.asarray(float((mine**2).sum())), counted_squared=np.asarray((below**2).sum()),
            events_counted=np.asarray((mine * below).sum()),
        )  # fmt: skip
        ordered = np.sort(values)
        ends = []
        sd = share_sd(counts)
        for place in outer_places(total, arm["nu"], sd):
            low, high = (ordered[int(rank) - 1] for rank in (place.low, place.high))
            ends.append(place.value(np.asarray(low), np.asarray(high)))
        mine_varies = quantile_variance(np.asarray(quantile), *ends, fraction=arm["nu"], sd=sd)
        assert float(mine_varies) == pytest.approx(variance, rel=0.35)
        # The spread of the share is the same number.
        theirs = share_variance(arm)
        assert float(sd) ** 2 == pytest.approx(theirs, rel=1e-9)


def share_variance(arm: dict[str, float]) -> float:
    """The variance of the share below the quantile, from the sums that gbstats takes."""
    n = arm["n_clusters"]
    s, d = arm["main_sum"] / n, arm["denominator_sum"] / n
    factor = n / (n - 1)
    ss = (arm["main_sum_squares"] / n - s**2) * factor
    dd = (arm["denominator_sum_squares"] / n - d**2) * factor
    sd = (arm["main_denominator_sum_product"] / n - s * d) * factor
    return (ss - 2 * s * sd / d + s**2 * dd / d**2) / (n * d**2)
