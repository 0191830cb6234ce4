"""Errors of several log ratios at once, against influences of the units themselves; correlations pooled over folds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from abgap.stats.covariates import Covaried, adjusted_contrast
from abgap.stats.moments import Joint, Univariate
from abgap.stats.portfolio.correlated import fold_correlation, possible_correlation, with_correlation
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.joint_errors import Places, joint_errors, log_weights, shared_errors
from abgap.stats.portfolio.log_ratio import log_ratios
from abgap.stats.portfolio.transfer import fit_transfer

Array = npt.NDArray[np.float64]
PLACES = (Places(value=0, covariates=(1, 3)), Places(value=2))


def units(n: int, lift: float, seed: int) -> Array:
    """Units with a value, its covariate, another value and a second covariate."""
    rng = np.random.default_rng(seed)
    before, other = rng.gamma(2.0, 1.0, n), rng.normal(0.0, 1.0, n)
    value = lift * (2.0 + before + 0.5 * other + rng.normal(0, 1, n))
    return np.stack([value, before, lift * (1.0 + 0.3 * value + rng.gamma(1.0, 1.0, n)), other], axis=1)


def joint(arms: list[Array]) -> Joint:
    return Joint(
        n=np.array([len(arm) for arm in arms], dtype=np.float64),
        means=np.array([arm.mean(axis=0) for arm in arms]),
        covariances=np.array([np.cov(arm.T) for arm in arms]),
    )


CONTROL = units(900, 1.0, 1)
ARMS = [units(700, 1.1, 2), units(400, 0.95, 3)]
BEFORE, AFTER = joint([CONTROL, CONTROL]), joint(ARMS)


def covaried(arm: Joint) -> Covaried:
    x = [1, 3]
    return Covaried(
        value=Univariate(n=arm.n, mean=arm.means[:, 0], variance=arm.covariances[:, 0, 0]),
        means=arm.means[:, x],
        covariances=arm.covariances[:, x][:, :, x],
        crosses=arm.covariances[:, 0, x],
    )


def influences(control: Array, treatment: Array) -> tuple[Array, Array]:
    """What every unit of both arms adds to both log ratios, (units, 2)."""
    x = [1, 3]
    spread = sum((len(a) - 1) * np.cov(a[:, x].T) for a in (control, treatment))
    crosses = sum(
        (len(a) - 1) * np.array([np.cov(a[:, 0], a[:, c])[0, 1] for c in x]) for a in (control, treatment)
    )
    theta = np.linalg.solve(spread, crosses)
    mean = control.mean(axis=0)
    adjusted = treatment[:, 0].mean() - (treatment[:, x].mean(axis=0) - mean[x]) @ theta

    def around(values: Array) -> Array:
        return np.asarray((values - values.mean(axis=0)) / np.sqrt(len(values) * (len(values) - 1.0)))

    of_control = np.stack(
        [-control[:, 0] / mean[0] + control[:, x] @ theta / adjusted, -control[:, 2] / mean[2]], axis=1
    )
    of_treatment = np.stack(
        [(treatment[:, 0] - treatment[:, x] @ theta) / adjusted, treatment[:, 2] / treatment[:, 2].mean()],
        axis=1,
    )
    return around(of_control), around(of_treatment)


def test_errors_of_metrics_go_together_as_their_units_do() -> None:
    found = joint_errors(BEFORE, AFTER, log_weights(BEFORE, AFTER, PLACES))
    for arm, treatment in enumerate(ARMS):
        of_control, of_treatment = influences(CONTROL, treatment)
        wanted = of_control.T @ of_control + of_treatment.T @ of_treatment
        assert found[arm] == pytest.approx(wanted, rel=1e-9)
        assert abs(wanted[0, 1]) > 0.1 * np.sqrt(wanted[0, 0] * wanted[1, 1])


def test_arms_share_the_errors_of_their_control() -> None:
    weights = log_weights(BEFORE, AFTER, PLACES)
    found = shared_errors(BEFORE, weights, np.array([0]), np.array([1]))
    one, other = (influences(CONTROL, arm)[0] for arm in ARMS)
    assert found[0] == pytest.approx(one.T @ other, rel=1e-9)


@pytest.mark.parametrize("by_arm", [False, True])
def test_variances_are_those_of_the_adjusted_contrast(*, by_arm: bool) -> None:
    found = joint_errors(BEFORE, AFTER, log_weights(BEFORE, AFTER, PLACES, by_arm=by_arm))
    contrast, _ = adjusted_contrast(covaried(BEFORE), covaried(AFTER), by_arm=by_arm)
    assert found[:, 0, 0] == pytest.approx(log_ratios(contrast).variance, rel=1e-12)


def test_a_mean_that_is_not_above_zero_has_no_errors() -> None:
    below = Joint(n=AFTER.n, means=AFTER.means * [-1.0, 1.0, 1.0, 1.0], covariances=AFTER.covariances)
    found = joint_errors(BEFORE, below, log_weights(BEFORE, below, PLACES))
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1, 1]).all()


def test_folds_of_many_arms_tell_the_correlation_of_errors() -> None:
    rng = np.random.default_rng(5)
    arms, folds = 400, 10
    scale = rng.uniform(0.1, 10.0, (arms, 1))
    draws = rng.multivariate_normal([0, 0, 0], [[1, 0.6, 0], [0.6, 1, -0.3], [0, -0.3, 1]], (arms, folds))
    deviations = (draws - draws.mean(axis=1, keepdims=True)) * scale[:, None, :]
    deviations[:3, :, 2] = np.nan
    found = fold_correlation(deviations, np.broadcast_to(scale, (arms, 3)))
    # The standard error of a correlation over 3,600 degrees of freedom is below 1/60.
    assert found == pytest.approx(np.array([[1, 0.6, 0], [0.6, 1, -0.3], [0, -0.3, 1]]), abs=3 / 60)
    whole = fold_correlation(deviations[3:], np.broadcast_to(scale, (arms, 3))[3:])
    flat = (deviations[3:] / scale[3:, None, :]).reshape(-1, 3)
    moments = flat.T @ flat
    assert whole == pytest.approx(
        moments / np.sqrt(np.outer(moments.diagonal(), moments.diagonal())), rel=1e-9
    )


def test_few_folds_tell_nothing() -> None:
    found = fold_correlation(np.random.default_rng(1).normal(size=(3, 10, 2)), np.ones((3, 2)))
    assert np.isnan(found[0, 1])
    assert found.diagonal() == pytest.approx([1.0, 1.0])


def test_a_correlation_that_cannot_be_is_pulled_to_the_edge_of_what_can() -> None:
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    found = possible_correlation(impossible)
    assert np.linalg.eigvalsh(found)[0] == pytest.approx(0.0, abs=1e-12)
    assert found.diagonal().tolist() == [1.0, 1.0, 1.0]
    assert found[0, 1] / 0.9 == pytest.approx(found[0, 2] / -0.9)
    sound = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert possible_correlation(sound) is sound


def test_a_correlation_is_put_where_variances_are_known() -> None:
    covariances = np.array([[[4.0, 0.0], [0.0, 9.0]], [[np.nan, np.nan], [np.nan, 9.0]]])
    where = np.ones((2, 2, 2), dtype=bool)
    found = with_correlation(covariances, np.array([[1.0, 0.5], [0.5, 1.0]]), where)
    assert found[0].tolist() == [[4.0, 3.0], [3.0, 9.0]]
    assert np.isnan(found[1, 0]).all()
    unchanged = with_correlation(covariances, np.array([[1.0, 0.5], [0.5, 1.0]]), ~where)
    assert unchanged[0, 0, 1] == 0.0


@pytest.mark.parametrize(("share", "kept"), [(0.005, False), (0.2, True)])
def test_a_fit_leaves_out_what_experiments_have_in_common_only_where_it_is_small(
    share: float, *, kept: bool
) -> None:
    values = np.random.default_rng(3).normal(0.0, 1.0, (8, 2))
    common = share * np.array([[1.0, 0.0], [0.0, 0.0]])
    pairs = np.array([(i, j) for i in range(8) for j in range(i + 1, 8)], dtype=np.intp)
    effects = Effects(
        values=values,
        covariances=np.tile(0.3 * np.eye(2), (8, 1, 1)),
        experiment=np.arange(8),
        pairs=pairs,
        shared=np.tile(common, (len(pairs), 1, 1)),
    )
    found = fit_transfer(effects)
    assert found is not None
    assert (len(found.effects.pairs) > 0) is kept
