"""What is said of a lift beside its test: exaggeration, posterior, and slices pulled towards each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from abgap.online.moments import concatenate, make_rows
from abgap.online.scorecard import Scorecard, compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Estimate, Interval, Kind, Moments, Role
from abgap.stats.bayesian import Prior
from abgap.stats.procedure import Procedure
from abgap.stats.rule import AnytimeValid
from abgap.stats.shrinkage import shrink

Values = npt.NDArray[np.float64]
MEAN = MetricTraits(
    name="m",
    kind=Kind.MEAN,
    role=Role.SECONDARY,
    direction=Direction.UP,
    smallest_worthwhile_lift=None,
    non_inferiority_margin=None,
    cumulative=False,
)


def arm(values: Values, variant: str, **keys: Any) -> Moments:
    numbers = {"n": float(len(values)), "mean": float(values.mean()), "variance": float(values.var(ddof=1))}
    columns = {"experiment": "e", "metric": "m", "variant": variant} | numbers | keys
    made = {
        name: np.array([value], dtype=np.float64 if isinstance(value, float) else object)
        for name, value in columns.items()
    }
    return make_rows(1, made)


def draw(seed: int, n: int = 400, lift: float = 0.0) -> Values:
    return np.random.default_rng(seed).gamma(2.0, 5.0, n) * (1.0 + lift)


def sliced(lifts: dict[str, float], n: int = 400, metric: str = "m") -> list[Moments]:
    """Rows of one slice name, and of all units."""
    found, control, treatment = [], [], []
    for i, (value, lift) in enumerate(lifts.items()):
        control.append(draw(2 * i, n))
        treatment.append(draw(2 * i + 1, n, lift))
        keys = {"slice_name": "device", "slice_value": value, "metric": metric}
        found += [arm(control[-1], "A", **keys), arm(treatment[-1], "B", **keys)]
    whole = [
        arm(np.concatenate(side), variant, metric=metric)
        for side, variant in ((control, "A"), (treatment, "B"))
    ]
    return [*whole, *found]


def compare(parts: list[Moments], *traits: MetricTraits, procedure: Procedure | None = None) -> Scorecard:
    known = {trait.name: trait for trait in traits or (MEAN,)}
    return compare_arms(concatenate(parts), {"e": "A"}, known, procedure or Procedure())


def estimates(
    parts: list[Moments], *traits: MetricTraits, procedure: Procedure | None = None
) -> tuple[Estimate, ...]:
    return make_estimates(compare(parts, *traits, procedure=procedure))


def test_exaggeration_is_told_for_the_lift_worth_having_and_for_no_other() -> None:
    pair = [arm(draw(1), "A"), arm(draw(2), "B")]
    (plain,) = estimates(pair)
    assert (plain.type_s, plain.type_m) == (None, None)
    (small,) = estimates(pair, replace(MEAN, smallest_worthwhile_lift=0.005))
    (large,) = estimates(pair, replace(MEAN, smallest_worthwhile_lift=0.5))
    assert small.type_s is not None
    assert small.type_m is not None
    assert large.type_m is not None
    assert small.type_s > 0.2
    assert small.type_m > 10.0
    assert large.type_m == pytest.approx(1.0, abs=1e-3)


def test_a_posterior_is_given_where_the_study_asks_for_one() -> None:
    pair = [arm(draw(1), "A"), arm(draw(2, 400, 0.1), "B")]
    assert estimates(pair)[0].bayesian is None
    (found,) = estimates(pair, procedure=Procedure(prior=Prior()))
    assert found.bayesian is not None
    assert isinstance(found.lift, Interval)
    assert found.bayesian.lift.estimate == pytest.approx(found.lift.estimate)
    assert found.p_value is not None
    # With a flat prior and many units: the one-sided test in other words.
    assert found.bayesian.probability_better == pytest.approx(1.0 - found.p_value / 2.0, abs=5e-3)
    losses = found.bayesian.expected_loss_of_keeping - found.bayesian.expected_loss_of_shipping
    assert losses == pytest.approx(found.lift.estimate)


def test_the_posterior_knows_which_way_is_better() -> None:
    pair = [arm(draw(1), "A"), arm(draw(2, 400, 0.4), "B")]
    prior = Procedure(prior=Prior(lift=0.02, sd=0.01))
    up, down = (
        estimates(pair, replace(MEAN, direction=way), procedure=prior)[0].bayesian for way in Direction
    )
    assert up is not None
    assert down is not None
    assert 0.02 < up.lift.estimate < 0.05
    assert -0.02 < down.lift.estimate < 0.01
    assert down.probability_better < up.probability_better


def test_no_posterior_of_a_lift_over_nothing() -> None:
    values = draw(5)
    pair = [arm(values - values.mean(), "A"), arm(values, "B")]
    assert estimates(pair, procedure=Procedure(prior=Prior()))[0].bayesian is None


def test_lifts_of_slices_are_pulled_together_and_nothing_else_is() -> None:
    parts = sliced({"phone": 0.0, "tablet": 0.3, "desktop": 0.05, "tv": -0.1}, n=60)
    whole, *slices = estimates(parts)
    assert whole.shrunk_lift is None
    raw = [e.lift for e in slices]
    shrunk = [e.shrunk_lift for e in slices]
    assert all(isinstance(lift, Interval) for lift in raw)
    lifts = np.array([lift.estimate for lift in raw if isinstance(lift, Interval)])
    pulled = np.array([lift.estimate for lift in shrunk if lift is not None])
    assert np.ptp(pulled) < np.ptp(lifts)
    contrast = compare(parts).numbers.contrasts.judged
    error = (
        np.sqrt(
            contrast.variance
            - 2 * lifts_of(contrast) * contrast.covariance
            + lifts_of(contrast) ** 2 * contrast.control_variance
        )
        / contrast.control
    )
    oracle = shrink(lifts, error[1:] ** 2)
    np.testing.assert_allclose(pulled, oracle.effect, rtol=1e-9)
    first = shrunk[0]
    assert first is not None
    assert first.method == "shrunk"
    assert first.high - first.estimate == pytest.approx(
        scipy.stats.norm.isf(0.025) * np.sqrt(oracle.variance[0])
    )


def lifts_of(contrast: Any) -> Values:
    return np.asarray(contrast.difference / contrast.control)


def test_two_slices_are_too_few_to_learn_from_each_other() -> None:
    found = estimates(sliced({"phone": 0.0, "desktop": 0.3}))
    assert [e.shrunk_lift for e in found] == [None, None, None]


def test_always_valid_intervals_of_shrunk_lifts_are_wider() -> None:
    parts = sliced({"phone": 0.0, "tablet": 0.3, "desktop": 0.05})
    fixed = estimates(parts)[1].shrunk_lift
    always = estimates(parts, procedure=Procedure(rule=AnytimeValid(units=800.0)))[1].shrunk_lift
    assert fixed is not None
    assert always is not None
    assert always.estimate == pytest.approx(fixed.estimate)
    assert always.high - always.low > 1.2 * (fixed.high - fixed.low)
