"""What to expect of a new gain, and the advice that follows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abgap.errors import DataError
from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.portfolio.forecast import forecast
from abgap.gap.portfolio.transfer import Transfers, smallest_gain
from abgap.records import Interval
from abgap.records.forecast import Advice, Forecast
from abgap.records.portfolio import PredictorSide
from abgap.records.words import percent, signed_percent
from tests.gap.drawn_portfolio import portfolio


def of(data: PortfolioData, gain: float, error: float | None = None) -> Forecast:
    return forecast(Transfers(data), 0, 1, gain=gain, error=error)


def with_least(data: PortfolioData, least: float | None) -> PortfolioData:
    return replace(data, axes=(data.axes[0], replace(data.axes[1], smallest_worthwhile=least)))


def test_a_large_gain_is_worth_a_test_because_its_interval_lies_above_zero() -> None:
    found = of(portfolio(12), 0.05)
    assert found.advice is Advice.TEST
    assert found.lift.low > 0.0
    assert found.sentence.startswith("Test: revenue is expected to improve by +2.")
    assert found.probability_positive > 0.975
    assert (found.predictor, found.business_metric, found.experiments) == ("ndcg@10", "revenue", 12)
    assert found.notes[0].startswith(
        "The gain counts as exact; past ones in NDCG@10 had a standard error of 0.0"
    )


def test_chances_and_interval_are_those_of_one_distribution() -> None:
    data = portfolio(12)
    found = of(data, 0.02, error=0.004)
    fit = Transfers(data).of(0, 1).fit
    assert fit is not None
    chances = fit.lift(0.02, 0.004)
    assert found.probability_positive == pytest.approx(1.0 - chances.below(0.0), rel=1e-12)
    assert found.probability_worthwhile == pytest.approx(1.0 - chances.below(math.log1p(0.01)), rel=1e-12)
    assert chances.below(math.log1p(found.lift.high)) == pytest.approx(0.975, abs=1e-9)
    assert not [note for note in found.notes if "exact" in note]


def test_a_likely_worthwhile_lift_is_worth_a_test_though_the_interval_holds_zero() -> None:
    data = with_least(portfolio(7, noise=3.0, seed=2), 0.005)
    found = of(data, 0.03)
    assert found.lift.low < 0.0
    assert found.probability_worthwhile is not None
    assert found.probability_worthwhile >= 0.5
    assert found.advice is Advice.TEST
    assert found.sentence.startswith("Test: a lift of 0.5 % or more has a chance of ")
    assert found.notes[-1].startswith("Only 7 experiments")


def test_a_gain_that_brings_little_is_not_worth_a_test() -> None:
    found = of(portfolio(12), 0.001)
    assert found.advice is Advice.DO_NOT_BOTHER
    assert found.probability_worthwhile is not None
    assert found.probability_worthwhile < 0.5
    assert "does not lie above zero, and a lift of 1 % or more has a chance of" in found.sentence


def test_without_a_smallest_worthwhile_lift_only_the_interval_decides() -> None:
    found = of(with_least(portfolio(12), None), 0.001)
    assert found.probability_worthwhile is None
    assert found.advice is Advice.DO_NOT_BOTHER
    assert "no smallest worthwhile lift is declared" in found.sentence


def test_a_gain_beyond_those_seen_is_said_to_be() -> None:
    data = portfolio(12)
    found = of(data, 10.0 * float(data.effects.values[:, 0].max()))
    assert found.beyond_seen
    assert "the line is drawn further than the data" in found.notes[0]
    assert not of(data, float(np.median(data.effects.values[:, 0]))).beyond_seen


def test_money_is_that_of_the_lift() -> None:
    found = forecast(
        Transfers(portfolio(12)), 0, 1, gain=0.05, error=None, money=lambda lift: lift.scaled(1e6)
    )
    assert isinstance(found.money_per_year, Interval)
    assert found.money_per_year.estimate == pytest.approx(1e6 * found.lift.estimate)


def test_gains_at_face_value_are_forecast_with_a_note() -> None:
    data = portfolio(12)
    data.effects.covariances[:, 0, :] = data.effects.covariances[:, :, 0] = np.nan
    assert "came without standard errors" in of(data, 0.02).notes[0]


def test_without_a_line_there_is_no_forecast() -> None:
    with pytest.raises(
        DataError, match=r"^no forecast of revenue from ndcg@10: 4 experiments with both a gain and a lift"
    ):
        of(portfolio(4), 0.02)


@pytest.mark.parametrize("quick", [{"kind": AxisKind.PROXY}, {"kind": AxisKind.BUSINESS, "also_proxy": True}])
def test_gains_of_proxies_are_told_as_relative_lifts(quick: dict[str, Any]) -> None:
    data = portfolio(12)
    data = replace(data, axes=(replace(data.axes[0], name="clicks", **quick), data.axes[1]))
    found = of(data, math.log(1.3))
    assert found.side is PredictorSide.PROXY
    assert found.gain == pytest.approx(0.3, rel=1e-12)
    ends = np.expm1([data.effects.values[:, 0].min(), data.effects.values[:, 0].max()])
    seen = f"{signed_percent(ends[0], decimals=2)} to {signed_percent(ends[1], decimals=2)}"
    assert f"A gain of +30.00 % lies outside of those seen in clicks ({seen})" in found.notes[0]
    usual = percent(float(np.median(data.effects.errors[:, 0])), decimals=2)
    assert f"had a standard error of {usual} " in found.notes[1]
    least = smallest_gain(Transfers(data).of(0, 1).fit or pytest.fail("no line"), 0.05)
    assert least is not None
    assert found.smallest_gain_worth_testing == pytest.approx(math.expm1(least), rel=1e-12)
