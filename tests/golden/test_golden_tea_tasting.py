"""Our numbers beside those of tea-tasting on the same moments, where the definitions agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tea_tasting as tt
from tea_tasting.aggr import Aggregates
from tea_tasting.experiment import ExperimentResult

from abgap.records.vocabulary import LiftMethod
from abgap.stats.contrast import Contrast, mean_contrast, ratio_contrast
from abgap.stats.covariates import adjusted_contrast, one_covariate
from abgap.stats.intervals import difference_interval, fieller_lift, lift_interval, p_value
from abgap.stats.multiplicity import benjamini_hochberg, holm
from abgap.stats.planning import Design, effect_for, largest_lift, superiority_power, units_for
from abgap.stats.proportions import Successes, score_p_value
from abgap.stats.srm import sample_ratio
from tests.golden.conftest import Arm, bivariate, univariate

SIZES = [(4000, 3500), (25, 60), (900, 100)]


def arms(sizes: tuple[int, int], *, balanced: bool = False) -> list[Arm]:
    rng = np.random.default_rng(sizes[0])
    found: list[Arm] = []
    for n, lift in zip(sizes, (1.0, 1.1), strict=True):
        x = rng.gamma(3.0, 5.0, n)
        y = lift * x + rng.gamma(2.0, 4.0, n)
        found.append(
            {
                "n": n, "mean_y": y.mean(), "variance_y": y.var(ddof=1), "variance_x": x.var(ddof=1),
                "mean_x": 15.0 if balanced else x.mean(), "covariance": np.cov(y, x)[0, 1],
            }
        )  # fmt: skip
    return found


def aggregates(arm: Arm) -> Aggregates:
    return Aggregates(
        count_=arm["n"],
        mean_={"y": float(arm["mean_y"]), "x": float(arm["mean_x"])},
        var_={"y": float(arm["variance_y"]), "x": float(arm["variance_x"])},
        cov_={("x", "y"): float(arm["covariance"])},
    )


def theirs(metric: Any, given: list[Arm]) -> Any:
    return metric.analyze_aggregates(*(aggregates(arm) for arm in given))


def same_difference(contrast: Contrast, found: Any) -> None:
    ours = difference_interval(contrast, 0.05)
    assert float(ours.estimate) == pytest.approx(found.effect_size, rel=1e-9)
    assert float(ours.low) == pytest.approx(found.effect_size_ci_lower, rel=1e-9)
    assert float(ours.high) == pytest.approx(found.effect_size_ci_upper, rel=1e-9)
    assert float(p_value(contrast)) == pytest.approx(found.pvalue, rel=1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_means(sizes: tuple[int, int]) -> None:
    given = arms(sizes)
    contrast = mean_contrast(*(univariate(arm) for arm in given))
    found = theirs(tt.Mean("y"), given)
    same_difference(contrast, found)
    assert float(fieller_lift(contrast, 0.05).estimate) == pytest.approx(found.rel_effect_size, rel=1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_ratios(sizes: tuple[int, int]) -> None:
    given = arms(sizes)
    same_difference(
        ratio_contrast(*(bivariate(arm) for arm in given)), theirs(tt.RatioOfMeans("y", "x"), given)
    )


@pytest.mark.parametrize("sizes", SIZES)
def test_lifts_by_logs_with_normal_quantiles(sizes: tuple[int, int]) -> None:
    """With t they have degrees of freedom of their own for the logarithm; ours are those of the difference."""
    given = arms(sizes)
    for metric, contrast in (
        (tt.Mean("y", use_t=False), mean_contrast(*(univariate(arm) for arm in given))),
        (tt.RatioOfMeans("y", "x", use_t=False), ratio_contrast(*(bivariate(arm) for arm in given))),
    ):
        found = theirs(metric, given)
        normal = replace(contrast, df=np.asarray(np.inf))
        ours = lift_interval(normal, 0.05, method=LiftMethod.LOG)
        assert float(ours.low) == pytest.approx(found.rel_effect_size_ci_lower, rel=1e-9)
        assert float(ours.high) == pytest.approx(found.rel_effect_size_ci_upper, rel=1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_differences_adjusted_for_a_covariate_that_is_balanced(sizes: tuple[int, int]) -> None:
    """Otherwise their slope is that of both arms put together, in which the difference between the arms takes part."""
    given = arms(sizes, balanced=True)
    contrast, _ = adjusted_contrast(*(one_covariate(bivariate(arm)) for arm in given))
    same_difference(contrast, theirs(tt.Mean("y", "x"), given))


def test_the_test_of_two_proportions_is_theirs_without_a_continuity_correction() -> None:
    metric = tt.Proportion("y", method="norm", correction=False, equal_var=True)
    for x_c, n_c, x_t, n_t in ((480, 5000, 530, 4800), (7, 40, 19, 60), (900, 1000, 80, 100)):
        given = [Aggregates(count_=n, mean_={"y": x / n}) for x, n in ((x_c, n_c), (x_t, n_t))]
        p, _ = score_p_value(
            Successes(
                control=np.asarray(float(x_c)), n_control=np.asarray(float(n_c)),
                treatment=np.asarray(float(x_t)), n_treatment=np.asarray(float(n_t)),
            )
        )  # fmt: skip
        assert float(p) == pytest.approx(metric.analyze_aggregates(*given).pvalue, rel=1e-9)


def test_the_sample_ratio_of_two_arms_is_theirs_without_a_continuity_correction() -> None:
    for control, treatment, ratio in ((5000, 5150, 1.0), (8000, 2100, 0.25)):
        data = {0: Aggregates(count_=control), 1: Aggregates(count_=treatment)}
        found = tt.SampleRatio(ratio, method="norm", correction=False).analyze(data, 0, 1)
        assert float(sample_ratio([control, treatment], [1.0, ratio])[2]) == pytest.approx(
            found.pvalue, rel=1e-9
        )


@pytest.mark.parametrize("ratio", [1.0, 4.0])
def test_planned_power_units_and_effects(ratio: float) -> None:
    given = arms((4000, 3500))[0]
    variance = np.asarray(given["variance_y"])
    design = Design(
        mean=np.asarray(given["mean_y"]), variance=variance, residual=variance, binary=np.asarray(False),
        control_part=np.asarray(1 / (1 + ratio)), treatment_part=np.asarray(ratio / (1 + ratio)),
    )  # fmt: skip

    def found(parameter: str, **settings: Any) -> Any:
        metric = tt.Mean("y", ratio=ratio, **settings)
        return metric.solve_power_from_aggregates(aggregates(given), parameter)[0]

    power = found("power", rel_effect_size=0.05, n_obs=3000).power
    assert float(superiority_power(design, 3000.0, 0.05, 0.05)) == pytest.approx(power, rel=1e-9)
    lift = found("rel_effect_size", n_obs=3000).rel_effect_size
    largest = largest_lift(design, 1.0)
    ours = effect_for(lambda e: superiority_power(design, 3000.0, e, 0.05), 0.8, largest)
    assert float(ours) == pytest.approx(lift, rel=1e-9)
    if ratio != 1.0:  # there the search of theirs begins with a single unit in an arm
        return
    units = units_for(design, lambda n: superiority_power(design, n, 0.05, 0.05), 0.8)
    assert int(np.ceil(units)) == found("n_obs", rel_effect_size=0.05).n_obs


@pytest.mark.parametrize("sizes", [(25, 60)])
def test_planned_power_with_a_covariate(sizes: tuple[int, int]) -> None:
    given = arms(sizes)[0]
    variance = np.asarray(given["variance_y"])
    left = variance - given["covariance"] ** 2 / given["variance_x"]
    design = Design(
        mean=np.asarray(given["mean_y"]), variance=variance, residual=left, binary=np.asarray(False),
        control_part=np.asarray(0.5), treatment_part=np.asarray(0.5),
    )  # fmt: skip
    metric = tt.Mean("y", "x", rel_effect_size=0.1, n_obs=400)
    power = metric.solve_power_from_aggregates(aggregates(given), "power")[0].power
    assert float(superiority_power(design, 400.0, 0.1, 0.05)) == pytest.approx(power, rel=1e-9)


def test_corrections_for_many_tests() -> None:
    p = [0.001, 0.012, 0.03, 0.03, 0.2, 0.9]
    results = ExperimentResult({f"m{i}": {"pvalue": value} for i, value in enumerate(p)})
    for ours, corrected in (
        (benjamini_hochberg(p), tt.adjust_fdr(results)),
        (holm(p), tt.adjust_fwer(results, arbitrary_dependence=True, method="bonferroni")),
    ):
        found = {row["metric"]: row["pvalue_adj"] for row in corrected.to_dicts()}
        assert list(ours) == pytest.approx([found[f"m{i}"] for i in range(len(p))], rel=1e-9)
