"""Points of the portfolio's picture: the effects of all arms, as a reader knows them."""

from __future__ import annotations

import math

import numpy as np

from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.points import points_of
from abgap.stats.portfolio.effects import Effects


def test_points_are_relative_lifts_with_their_errors_and_doubtful_arms_are_marked() -> None:
    values = np.array([[0.02, 0.03], [0.01, np.nan], [-0.01, -0.05]])
    covariances = np.tile(np.diag([0.003, 0.02]) ** 2, (3, 1, 1))
    covariances[2, 0, 0] = np.nan
    data = PortfolioData(
        axes=(Axis(name="ndcg", kind=AxisKind.OFFLINE), Axis(name="revenue", kind=AxisKind.BUSINESS)),
        effects=Effects(
            values=values,
            covariances=covariances,
            experiment=np.array([0, 0, 1]),
            pairs=np.zeros((0, 2), dtype=np.intp),
            shared=np.zeros((0, 2, 2)),
        ),
        names=("<b>one", "two"),
        treatment=np.array(["B", "C", "B"], dtype=object),
        trusted=np.array([True, True, False]),
        significant=np.zeros((3, 2)),
        level=np.full((3, 2), np.nan),
        units=np.full(3, 1000.0),
        days=np.full(2, np.nan),
        starts=("2026-01-01", None),
        tags=((), ()),
        alpha=0.05,
        seed=1,
    )
    first, second = points_of(data, 0, 1)
    assert (first.experiment, first.treatment, first.start, first.untrusted) == (
        "<b>one",
        "B",
        "2026-01-01",
        False,
    )
    assert (first.gain, first.gain_error) == (0.02, 0.003)
    assert first.lift == math.expm1(0.03)
    assert first.lift_error is not None
    assert math.isclose(first.lift_error, 0.02 * math.exp(0.03), rel_tol=1e-12)
    assert (second.experiment, second.untrusted, second.gain_error) == ("two", True, None)
