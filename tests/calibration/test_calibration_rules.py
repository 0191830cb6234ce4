"""Proportions, quantiles, the bootstrap and rules on simulated experiments; and the page that says what came out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from abgap.lab.calibration.comparing import LIFT, Compared
from abgap.lab.calibration.groups import GROUPS, measure
from abgap.lab.calibration.measured import ALPHA, Measured, share_covered
from abgap.lab.calibration.page import page
from abgap.lab.calibration.recorded import from_json, to_json
from abgap.lab.calibration.simulate import (
    capped_revenue_arms,
    clicks_arm,
    clicks_ratio,
    normal_arm,
    revenue_arm,
    revenue_mean,
    revenue_with_history_arm,
    revenue_with_history_mean,
)
from abgap.stats.contrast import mean_contrast
from abgap.stats.intervals import difference_interval
from tests.calibration.conftest import check_group
from tests.calibration.test_calibration_estimators import ESTIMATORS

ROOT = Path(__file__).resolve().parents[2]
A_RATE = Measured(
    group="Mean: test", case="normal", units="50 / 50", what="false positives", nominal=0.05, rate=0.05, runs=10_000
)  # fmt: skip


@pytest.mark.parametrize("name", [name for name in GROUPS if name not in ESTIMATORS])
def test_intervals_hold_the_truth_and_rules_keep_their_level(
    name: str, recorded: dict[str, list[Measured]]
) -> None:
    check_group(measure(name), recorded[name])


def test_the_page_is_what_the_record_says(recorded: dict[str, list[Measured]]) -> None:
    assert list(recorded) == list(GROUPS)
    written = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert written == page(recorded), "run: python -m abgap.lab.calibration"


def test_a_record_is_read_as_it_was_written(recorded: dict[str, list[Measured]]) -> None:
    assert from_json(to_json(recorded)) == recorded


def test_every_rate_that_does_not_hold_is_named_on_the_page(recorded: dict[str, list[Measured]]) -> None:
    written = page(recorded)
    out = [rate for group in recorded.values() for rate in group if not rate.holds]
    assert out
    for rate in out:
        assert f"| {rate.group} | {rate.case} | {rate.units} | {rate.what} |" in written


def test_a_rate_holds_within_three_standard_errors_and_a_bound_on_its_safe_side() -> None:
    reach = 3 * np.sqrt(0.05 * 0.95 / 10_000)
    assert A_RATE.reach == pytest.approx(reach)
    for rate, holds, bound_holds in (
        (0.05 + 0.99 * reach, True, True),
        (0.05 + 1.01 * reach, False, False),
        (0.05 - 1.01 * reach, False, True),
    ):
        found = replace(A_RATE, rate=rate)
        assert (found.holds, replace(found, at_most=True).holds) == (holds, bound_holds)
        mirrored = replace(A_RATE, what="coverage", nominal=0.95, rate=1 - rate)
        assert (mirrored.holds, mirrored.errs_safely) == (holds, rate < 0.05)


def test_an_interval_that_takes_the_control_mean_as_known_is_found_out() -> None:
    rng, runs = np.random.default_rng(1), 10_000
    control, treatment = (normal_arm(rng, runs, 500, m, 64.0).one() for m in (10.0, 10.0 * (1 + LIFT)))
    arms = Compared(control=control, treatment=treatment, contrast=mean_contrast(control, treatment))
    difference = difference_interval(arms.contrast, ALPHA)
    rate, count = share_covered(difference.low / control.mean, difference.high / control.mean, LIFT)
    assert not replace(A_RATE, what="coverage", nominal=0.95, rate=rate, runs=count).holds
    assert not arms.warned.any()


def test_simulated_moments_are_those_of_units() -> None:
    rng, runs = np.random.default_rng(2), 4000
    for arm, means in (
        (normal_arm(rng, runs, 30, [1.0, 5.0], [[4.0, 1.0], [1.0, 2.0]]), [1.0, 5.0]),
        (revenue_arm(rng, runs, 1000, 0.5), [revenue_mean(0.5)]),
        (revenue_with_history_arm(rng, runs, 1000), [revenue_with_history_mean()]),
        (clicks_arm(rng, runs, 200, 0.2), [None, None]),
    ):
        # The variance of the means over the runs is what the covariances say it is.
        n = float(arm.n[0])
        for value, mean in enumerate(means):
            found, spread = arm.mean[:, value], arm.covariance[:, value, value].mean() / n
            assert found.var() == pytest.approx(spread, rel=0.1)
            if mean is not None:
                assert found.mean() == pytest.approx(mean, abs=4 * np.sqrt(spread / runs))
    clicks = clicks_arm(rng, runs, 5000, 0.2).mean.mean(0)
    assert clicks[0] / clicks[1] == pytest.approx(clicks_ratio(0.2), rel=0.005)
    assert clicks_ratio(0.2) == pytest.approx(1.2 * clicks_ratio())


def test_the_cap_is_that_of_numpy_over_both_arms() -> None:
    seed, sizes = 5, (60, 90)
    control, treatment = capped_revenue_arms(np.random.default_rng(seed), 50, sizes, 99.0, 0.3)
    rng = np.random.default_rng(seed)
    units = []
    for n, lift in zip(sizes, (0.0, 0.3), strict=True):
        count = rng.binomial(n, 0.02, 50)
        amount = rng.lognormal(3.0, 1.0, int(count.sum())) * (1 + lift)
        values = np.zeros((50, n))
        starts = np.cumsum(count) - count
        for run in range(50):
            values[run, : count[run]] = amount[starts[run] : starts[run] + count[run]]
        units.append(values)
    cap = np.quantile(np.concatenate(units, axis=1), 0.99, axis=1)[:, None]
    for arm, values in zip((control, treatment), units, strict=True):
        cut = np.minimum(values, cap)
        assert arm.mean[:, 0] == pytest.approx(cut.mean(1), abs=1e-12)
        assert arm.covariance[:, 0, 0] == pytest.approx(cut.var(1, ddof=1), abs=1e-9)
