"""What other experiments say a gain should have brought: without the one that is judged, and in its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest

from abgap.gap import analyse_gaps
from abgap.gap.expected import Expectation
from abgap.gap.offline_side import OfflineSide
from abgap.gap.portfolio.data import PortfolioData
from abgap.gap.portfolio.expecting import Expectations
from abgap.gap.portfolio.transfer import Transfers
from abgap.records import Direction, Estimable, Interval, NotEstimable, Reason
from tests.gap.drawn_portfolio import portfolio

Make: TypeAlias = Callable[..., Any]
GAIN = Interval(estimate=0.05, low=0.042, high=0.058, level=0.95, method="test")
UNKNOWN = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare")


def expected(
    data: PortfolioData,
    *,
    experiment: str = "e3",
    gain: Estimable = GAIN,
    face_value: float | None = None,
    direction: Direction = Direction.UP,
) -> Expectation | None:
    error = (gain.high - gain.low) / 2.0 / 1.959963984540054 if isinstance(gain, Interval) else None
    side = OfflineSide(gain=gain, direction=Direction.UP, face_value=face_value, error=error)
    return Expectations(Transfers(data)).of(experiment, "ndcg@10", "revenue", side=side, direction=direction)


def test_the_expectation_is_the_prediction_of_the_other_experiments() -> None:
    data = portfolio(12)
    found = expected(data)
    assert found is not None
    assert found.source == "portfolio fit over 11 other experiments"
    fit = Transfers(data).without(0, 1, 3)
    assert fit is not None
    error = (GAIN.high - GAIN.low) / 2.0 / 1.959963984540054
    ends = [math.expm1(end) for end in fit.lift(0.05, error).bounds(0.05)]
    assert [found.lift.estimate, found.lift.low, found.lift.high] == pytest.approx(ends, rel=1e-9)


def test_the_lift_of_the_experiment_itself_changes_nothing() -> None:
    data = portfolio(12)
    values = data.effects.values.copy()
    values[3] = (0.3, -0.4)
    moved = replace(data, effects=replace(data.effects, values=values))
    one, other = expected(data), expected(moved)
    assert one is not None
    assert other is not None
    assert other.lift.estimate == pytest.approx(one.lift.estimate, abs=1e-4)
    assert other.lift.low == pytest.approx(one.lift.low, abs=5e-4)


def test_where_less_is_better_the_lift_is_turned_as_the_verdict_turns_it() -> None:
    up, down = expected(portfolio(12)), expected(portfolio(12), direction=Direction.DOWN)
    assert up is not None
    assert down is not None
    assert 1.0 - down.lift.estimate == pytest.approx(1.0 / (1.0 + up.lift.estimate), rel=1e-12)
    assert down.lift.low < down.lift.estimate < down.lift.high


def test_a_gain_at_face_value_counts_as_exact() -> None:
    found = expected(portfolio(12), gain=UNKNOWN, face_value=0.05)
    assert found is not None
    assert found.lift.estimate == pytest.approx(0.025, abs=0.01)


def test_without_a_gain_or_with_too_few_others_nothing_is_expected() -> None:
    assert expected(portfolio(12), gain=UNKNOWN) is None
    assert expected(portfolio(5)) is None
    assert expected(portfolio(4)) is None
    assert expected(portfolio(12), experiment="unheard of") is None


def test_of_hundreds_of_experiments_all_are_taken_and_said_to_be() -> None:
    data = portfolio(201)
    found = expected(data)
    assert found is not None
    assert found.source == "portfolio fit over all 201 experiments"
    fit = Transfers(data).of(0, 1).fit
    assert fit is not None
    exact = np.expm1(np.array(fit.lift(0.05, (GAIN.high - GAIN.low) / 2.0 / 1.96).bounds(0.05)))
    assert [found.lift.estimate, found.lift.low, found.lift.high] == pytest.approx(exact.tolist(), abs=3e-4)


def test_a_verdict_without_a_declared_rate_expects_what_the_others_brought(
    make_study: Make, make_facts: Make, make_offline: Make, make_estimate: Make
) -> None:
    data, gain = portfolio(12), Interval(estimate=0.08, low=0.074, high=0.086, level=0.95, method="test")
    axes = (data.axes[0], replace(data.axes[1], name="revenue_per_user"))
    expectations = Expectations(Transfers(replace(data, axes=axes)))
    found = analyse_gaps(
        make_study(),
        experiments=[make_facts(name="e3", models={"A": "base", "B": "model"})],
        estimates=[make_estimate(0.016, 0.017, experiment="e3")],
        offline_rows=[make_offline(model="model", baseline="base", gain=gain)],
        expectations=expectations,
    )
    (gap,) = found.gaps
    assert gap.expected_source == "portfolio fit over 11 other experiments"
    assert gap.expected_lift is not None
    assert gap.expected_lift.method == "portfolio"
    assert gap.verdict.value == "fell short"
    assert "against an expected +" in gap.sentence
    assert not [note for note in gap.notes if "exchange rate" in note]
