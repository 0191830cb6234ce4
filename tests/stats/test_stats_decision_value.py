"""Values of launch rules: against sums by hand, and against worlds in which nothing is to be earned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from abgap.stats.portfolio.decision_value import Earned, FoldParts, best_arms, earned, regret
from abgap.stats.tails import t_quantile

Values = npt.NDArray[np.float64]
EXPERIMENT = np.array([0, 0, 0, 1, 1, 2])
FOLDS = 10


def drawn(seed: int) -> FoldParts:
    rng = np.random.default_rng(seed)
    return FoldParts(
        parts=rng.normal(0.01, 0.1, (6, 4)), variance=rng.uniform(0.1, 0.4, 6), experiment=EXPERIMENT
    )


def test_of_the_arms_allowed_the_best_is_launched_and_of_equals_the_first() -> None:
    rng = np.random.default_rng(1)
    score, allowed = rng.integers(0, 3, (6, 50)).astype(float), rng.random((6, 50)) < 0.6
    launched = best_arms(score, allowed, EXPERIMENT)
    for fold in range(50):
        for experiment in range(3):
            arms = np.flatnonzero((experiment == EXPERIMENT) & allowed[:, fold])
            best = max(arms, key=lambda arm: (score[arm, fold], -arm), default=None)
            chosen = np.flatnonzero(launched[:, fold] & (experiment == EXPERIMENT)).tolist()
            assert chosen == ([] if best is None else [best])


def test_launching_one_arm_everywhere_earns_its_effects() -> None:
    found = drawn(2)
    launched = np.zeros((6, 4), dtype=bool)
    launched[[1, 3, 5]] = True
    effect = found.parts.sum(axis=1)[[1, 3, 5]]
    value = earned(launched, found)
    assert value.value == pytest.approx(effect.mean(), rel=1e-12)
    assert value.launches == 3.0
    money = earned(launched, found, np.array([9.0, 2.0, 9.0, 3.0, 9.0, 4.0]))
    assert money.value == pytest.approx((effect * [2.0, 3.0, 4.0]).mean(), rel=1e-12)


def test_the_interval_is_between_experiments_with_at_least_the_error_of_those_where_folds_disagree() -> None:
    found = drawn(3)
    launched = np.zeros((6, 4), dtype=bool)
    launched[0, :3] = launched[3, 0] = launched[4, 1:] = launched[5] = True
    values = [
        found.parts[0, :3].sum(),
        found.parts[3, 0] + found.parts[4, 1:].sum(),
        found.parts[5].sum(),
    ]
    floors = [0.75 * found.variance[0], 0.25 * found.variance[3] + 0.75 * found.variance[4], 0.0]
    mean = sum(values) / 3.0
    squares = sum(max((v - mean) ** 2, f) for v, f in zip(values, floors, strict=True))
    value = earned(launched, found)
    error = np.sqrt(squares / 6.0)
    assert value == pytest.approx(Earned(mean, error, 2.0, 2.75), rel=1e-12)
    reach = t_quantile(0.95, 2.0) * error
    assert value.interval(0.1) == pytest.approx((mean - reach, mean + reach), rel=1e-12)


def test_one_experiment_has_a_value_and_no_interval() -> None:
    found = FoldParts(parts=np.ones((1, 4)), variance=np.ones(1), experiment=np.zeros(1, dtype=np.intp))
    value = earned(np.ones((1, 4), dtype=bool), found)
    assert value.value == 4.0
    assert np.isnan(value.standard_error)


def test_the_oracle_has_no_regret_and_a_loss_is_regretted_in_full() -> None:
    truth = np.array([0.1, 0.3, -0.2, -0.1, -0.2, -0.4])
    nothing = np.zeros((6, 4), dtype=bool)
    assert regret(truth, nothing, EXPERIMENT).tolist() == [0.3, 0.0, 0.0]
    oracle = nothing.copy()
    oracle[1] = True
    assert regret(truth, oracle, EXPERIMENT).tolist() == [0.0, 0.0, 0.0]
    wrong = nothing.copy()
    wrong[2, :2] = wrong[5] = True
    assert regret(truth, wrong, EXPERIMENT) == pytest.approx([0.4, 0.0, 0.4])


def of_the_others(parts: Values) -> Values:
    """The effects as they look without each fold."""
    return np.asarray((parts.sum(axis=1, keepdims=True) - parts) * FOLDS / (FOLDS - 1.0))


def worlds(
    arms: int, experiments: int, spread: float, *, lifts: float, draws: int
) -> Iterator[tuple[FoldParts, Values, Values]]:
    """Experiments of unequal size whose lifts have nothing to do with gains and clicks, except for common noise."""
    rng = np.random.default_rng(experiments + arms)
    experiment = np.repeat(np.arange(experiments), arms)
    for _ in range(draws):
        error = np.exp(rng.uniform(-0.5, 0.5, experiments) * np.log(spread) / 2.0)[experiment]
        noise = error[:, None] * rng.standard_normal((2, len(experiment), FOLDS)) / np.sqrt(FOLDS)
        lift, clicks = rng.standard_normal((2, len(experiment))) * lifts
        found = FoldParts(parts=lift[:, None] / FOLDS + noise[0], variance=error**2, experiment=experiment)
        yield (
            found,
            clicks[:, None] / FOLDS + 0.8 * noise[0] + 0.6 * noise[1],
            rng.standard_normal(len(error)),
        )


@pytest.mark.parametrize(
    ("arms", "experiments", "spread", "lifts"),
    [(1, 5, 1.0, 0.0), (1, 12, 1.0, 1.0), (2, 12, 1000.0, 1.0), (1, 12, 1000.0, 0.0), (1, 150, 30.0, 0.0)],
)
def test_no_rule_earns_by_noise(arms: int, experiments: int, spread: float, lifts: float) -> None:
    """Of 500 worlds 93 % less two standard errors: no rule of any kind may go below."""
    draws, covered = 500, dict.fromkeys(("offline", "clicks", "significant clicks", "significant"), 0)
    for found, clicks, gain in worlds(arms, experiments, spread, lifts=lifts, draws=draws):
        seen = of_the_others(clicks)
        critical = 1.96 * np.sqrt(found.variance * FOLDS / (FOLDS - 1.0))[:, None]
        score = {"offline": np.repeat(gain[:, None], FOLDS, axis=1), "clicks": seen}
        allowed = {"offline": score["offline"] > 0.0, "clicks": seen > 0.0}
        score["significant clicks"], allowed["significant clicks"] = seen, seen > critical
        # On the business metric itself there is something to be earned unless true lifts are 0.
        own = of_the_others(found.parts) if lifts == 0.0 else seen
        score["significant"], allowed["significant"] = own, own > critical
        for rule in covered:
            low, high = earned(best_arms(score[rule], allowed[rule], found.experiment), found).interval(0.05)
            covered[rule] += low <= 0.0 <= high
    assert min(covered.values()) >= (0.93 - 2.0 * np.sqrt(0.93 * 0.07 / draws)) * draws, covered
