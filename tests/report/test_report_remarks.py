"""What stands beside an estimate: only what a reader of the numbers would otherwise overlook."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.records import (
    Bayesian,
    Estimate,
    Heterogeneity,
    Interval,
    MixDecomposition,
    Results,
    Role,
    Trend,
    Unadjusted,
)
from abgap.report import remarks


def interval(estimate: float, low: float, high: float) -> Interval:
    return Interval(estimate=estimate, low=low, high=high, level=0.95, method="test")


@pytest.fixture
def primary(example: Results) -> Estimate:
    found = (e for e in example.estimates if e.role is Role.PRIMARY and e.period is e.slice_name is None)
    return replace(next(found), significant=True, type_s=0.02, type_m=1.2)


def differing(p: float | None, *, role: Role = Role.PRIMARY, reversal: bool = False) -> Heterogeneity:
    number = interval(0.1, 0.05, 0.15)
    mix = MixDecomposition(overall=number, within=number, mix=number, strata=2, merged=0, reversal=reversal)
    return Heterogeneity(
        experiment="e",
        metric="m",
        role=role,
        control="A",
        treatment="B",
        slice_name="device",
        tested=2,
        left_out=0,
        common_lift=0.1,
        q=9.0,
        df=1,
        p_value=p,
        p_adjusted=p,
        i_squared=0.8,
        lift_sd=0.1,
        gail_simon_p=0.5,
        decomposition=mix,
        sentence="Slices differ.",
    )


def test_a_significant_result_of_a_weak_test_is_said_to_overstate(primary: Estimate) -> None:
    weak = replace(primary, type_m=2.4)
    (said,) = remarks.cautions([weak, primary], [], [], 0.05)
    assert (
        "shows 2.4 times as much on average once it is significant, and the wrong sign in 2.0 % of cases"
        in said
    )
    assert remarks.cautions([replace(weak, significant=False)], [], [], 0.05) == []
    assert remarks.cautions([replace(weak, role=Role.SECONDARY)], [], [], 0.05) == []


def test_slices_are_spoken_of_only_where_something_is_shown() -> None:
    assert remarks.cautions([], [differing(0.2), differing(None)], [], 0.05) == []
    assert remarks.cautions([], [differing(0.01)], [], 0.05) == ["Slices differ."]
    assert remarks.cautions([], [differing(0.2, reversal=True)], [], 0.05) == ["Slices differ."]
    assert remarks.cautions([], [differing(0.01, role=Role.DIAGNOSTIC)], [], 0.05) == []


def test_what_was_adjusted_stands_beside_what_was_not(primary: Estimate) -> None:
    assert remarks.unadjusted(replace(primary, unadjusted=None)) == ""
    raw = Unadjusted(difference=interval(1, 0, 2), lift=interval(0.012, 0.001, 0.023), p_value=0.03)
    assert remarks.unadjusted(replace(primary, unadjusted=raw)) == "unadjusted +1.2 %"
    pulled = replace(primary, shrunk_lift=interval(0.015, 0.01, 0.02))
    assert remarks.shrunk(pulled) == "pulled in +1.5 %"


def test_a_belief_is_said_where_the_study_asks_for_one(primary: Estimate) -> None:
    assert remarks.belief(replace(primary, bayesian=None)) == ""
    found = Bayesian(
        lift=interval(0.01, 0.0, 0.02),
        probability_better=0.973,
        expected_loss_of_shipping=0.0001,
        expected_loss_of_keeping=0.01,
        prior_lift=0.0,
        prior_sd=0.05,
    )
    assert remarks.belief(replace(primary, bayesian=found)) == "P(better) 97.3 %, expected loss 0.01 %"
    sure = replace(primary, bayesian=replace(found, probability_better=0.99999))
    assert remarks.belief(sure).startswith("P(better) > 99.9 %")
    assert remarks.belief(replace(primary, bayesian=replace(found, probability_better=1e-6))).startswith(
        "P(better) < 0.1 %"
    )


def test_a_trend_is_said_where_it_is_established() -> None:
    trend = Trend(
        experiment="e",
        metric="m",
        control="A",
        treatment="B",
        days=7,
        n_control=100,
        n_treatment=100,
        slope=interval(-0.01, -0.02, -0.005),
        p_value=0.001,
        p_adjusted=0.001,
        pattern="novelty",
        sentence="The lift wears off.",
    )
    assert remarks.cautions([], [], [trend, replace(trend, pattern=None)], 0.05) == ["The lift wears off."]
