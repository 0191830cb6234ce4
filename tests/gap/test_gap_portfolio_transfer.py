"""What a gain brings, from columns of effects to records and refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.portfolio.forecast import forecast
from abgap.gap.portfolio.points import points_of
from abgap.gap.portfolio.steps import worth_in_words
from abgap.gap.portfolio.transfer import Transfers, foreseen, smallest_gain, with_transfer
from abgap.gap.portfolio.typical import typical_lifts
from abgap.records import Interval, NotEstimable, Reason
from abgap.records.portfolio import PairFit, PredictorSide
from tests.gap.drawn_portfolio import portfolio


def told(data: PortfolioData) -> PairFit:
    nothing = PairFit(
        predictor="ndcg@10",
        side=PredictorSide.OFFLINE,
        business_metric="revenue",
        experiments=len(data.names),
        arms=len(data.effects),
        untrusted=0,
        noise_corrected=None,
        transfer=None,
        smallest_gain_worth_testing=None,
        experiments_needed=None,
        sign_agreement=None,
    )
    return with_transfer(nothing, Transfers(data), 0, 1)


def test_the_line_comes_with_a_band_in_fractions_that_holds_zero_and_the_gains_seen() -> None:
    data = portfolio(12)
    found = told(data)
    assert found.transfer is not None
    assert found.refusals == ()
    assert found.transfer.b.low < 0.5 < found.transfer.b.high
    assert found.transfer.b.level == pytest.approx(0.95)
    assert not found.transfer.gains_at_face_value
    gains = [point.gain for point in found.transfer.band]
    assert gains == sorted(gains)
    assert gains[0] <= min(0.0, data.effects.values[:, 0].min())
    assert gains[-1] >= data.effects.values[:, 0].max()
    fit = Transfers(data).of(0, 1).fit
    assert fit is not None
    for point in found.transfer.band[::5]:
        assert point.low < point.lift < point.high
        assert fit.lift(point.gain).below(float(np.log1p(point.low))) == pytest.approx(0.025, abs=1e-9)


def test_from_the_smallest_gain_worth_testing_on_the_prediction_lies_above_zero() -> None:
    data = portfolio(12)
    fit = Transfers(data).of(0, 1).fit
    assert fit is not None
    least = smallest_gain(fit, data.alpha)
    assert least is not None
    assert least == told(data).smallest_gain_worth_testing
    of = data.axes[1]
    assert foreseen(fit, of, least, 0.0, 0.05).low == pytest.approx(0.0, abs=1e-9)
    assert (
        foreseen(fit, of, 1.01 * least, 0.0, 0.05).low > 0.0 > foreseen(fit, of, 0.99 * least, 0.0, 0.05).low
    )


def test_gains_without_a_relation_are_never_worth_testing_and_more_experiments_are_asked_for() -> None:
    found = told(portfolio(12, b=0.0, seed=5))
    assert found.smallest_gain_worth_testing is None
    assert found.transfer is not None
    assert not found.transfer.b.excludes_zero()


def test_experiments_are_asked_for_until_the_slope_is_known_and_no_longer() -> None:
    unsure, sure = told(portfolio(7, b=0.3, noise=5.0, seed=1)), told(portfolio(12))
    assert unsure.transfer is not None
    assert not unsure.transfer.b.excludes_zero()
    assert unsure.experiments_needed is not None
    assert unsure.experiments_needed > 0
    assert sure.experiments_needed is None


def test_each_experiment_is_left_out_once() -> None:
    found = told(portfolio(9))
    assert [each.name for each in found.leave_one_out] == [f"e{at}" for at in range(9)]
    assert {each.experiments for each in found.leave_one_out} == {8}
    assert told(portfolio(5)).leave_one_out == ()


def test_tags_that_some_experiments_have_get_a_slope_of_their_own() -> None:
    found = told(portfolio(9, tags="xxxxxxyyy"))
    assert [(each.name, each.experiments) for each in found.by_tag] == [("x", 6), ("y", 3)]
    inside, few = (each.slope for each in found.by_tag)
    assert isinstance(inside, Interval)
    assert isinstance(few, NotEstimable)
    assert few.reason is Reason.TOO_FEW_EXPERIMENTS
    assert told(portfolio(9, tags="xxxxxxxxx")).by_tag == ()


def test_fewer_than_five_experiments_are_refused_in_words() -> None:
    found = told(portfolio(4))
    assert found.transfer is None
    assert found.refusals == (
        "No transfer and no forecast: 4 experiments with both a gain and a lift, at least 5 are needed.",
    )


def test_without_errors_of_lifts_nothing_is_told() -> None:
    data = portfolio(9)
    data.effects.covariances[:, 1, 1] = np.nan
    assert told(data).refusals == (
        "No transfer and no forecast: the lifts have no standard errors, so chance cannot be told from effect.",
    )


def test_gains_without_errors_are_taken_at_face_value_and_said_to_be() -> None:
    data = portfolio(12, noise=2.0)
    exact = told(data).transfer
    data.effects.covariances[:, 0, :] = data.effects.covariances[:, :, 0] = np.nan
    bare = told(data).transfer
    assert bare is not None
    assert exact is not None
    assert bare.gains_at_face_value
    assert bare.b.estimate < exact.b.estimate


def test_arms_without_errors_are_left_out_and_counted() -> None:
    data = portfolio(12)
    data.effects.covariances[2, 0, 0] = np.nan
    found = told(data)
    assert found.notes == ("1 arm without standard errors took no part in the transfer.",)
    assert len(found.leave_one_out) == 11


def test_lifts_that_are_all_the_same_tell_no_slope() -> None:
    data = portfolio(9)
    values = data.effects.values.copy()
    values[:, 1] = 0.01
    found = told(replace(data, effects=replace(data.effects, values=values)))
    assert found.refusals == ("No transfer and no forecast: all gains, or all lifts, are the same.",)


def test_gains_of_a_proxy_are_shown_as_relative_lifts() -> None:
    data = portfolio(9)
    offline, axes = told(data), (replace(data.axes[0], kind=AxisKind.PROXY), data.axes[1])
    proxy = told(replace(data, axes=axes))
    also = told(replace(data, axes=(replace(axes[0], kind=AxisKind.BUSINESS, also_proxy=True), data.axes[1])))
    assert offline.transfer is not None
    assert offline.smallest_gain_worth_testing is not None
    worth = math.expm1(offline.smallest_gain_worth_testing)
    for each in (proxy, also):
        assert each.transfer is not None
        assert [p.gain for p in each.transfer.band] == pytest.approx(
            np.expm1([p.gain for p in offline.transfer.band])
        )
        assert each.smallest_gain_worth_testing == pytest.approx(worth, rel=1e-12)
    shown = worth_in_words(replace(proxy, side=PredictorSide.PROXY))
    assert shown == f"+{100.0 * worth:.3g} %"


@pytest.mark.parametrize("rounding", [0.0, 6e-17])
def test_gains_that_are_all_the_same_without_errors_have_no_line(rounding: float) -> None:
    data = portfolio(12)
    values, covariances = data.effects.values.copy(), data.effects.covariances.copy()
    values[:, 0] = 0.3 + rounding * np.arange(12)
    covariances[:, 0, :] = covariances[:, :, 0] = np.nan
    found = told(replace(data, effects=replace(data.effects, values=values, covariances=covariances)))
    assert found.refusals == ("No transfer and no forecast: all gains, or all lifts, are the same.",)


def test_gains_that_are_mostly_noise_are_refused() -> None:
    data = portfolio(12)
    data.effects.covariances[:, 0, 0] = 0.05**2
    (refusal,) = told(data).refusals
    assert refusal.startswith("No transfer and no forecast: the gains are mostly noise (reliability 0.")


def test_what_is_better_low_falls_by_a_share_of_itself() -> None:
    data = portfolio(12)
    down = replace(data, axes=(data.axes[0], replace(data.axes[1], sign=-1)))
    up, turned = Transfers(data), Transfers(down)
    one, other = forecast(up, 0, 1, gain=0.05, error=None), forecast(turned, 0, 1, gain=0.05, error=None)
    assert math.log1p(one.lift.high) == pytest.approx(-math.log1p(-other.lift.high), rel=1e-12)
    fit = turned.of(0, 1).fit
    assert fit is not None
    assert other.probability_worthwhile == 1.0 - fit.lift(0.05).below(-math.log1p(-0.01))
    (raw,), point = typical_lifts(down), points_of(down, 0, 1)[0]
    lift = -math.expm1(-data.effects.values[0, 1])
    assert raw.shrunk[0].raw.estimate == pytest.approx(lift, rel=1e-12)
    assert point.lift == pytest.approx(lift, rel=1e-12)
