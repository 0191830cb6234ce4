"""Post-stratification of metrics that ask for it: from the slices that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm

from abgap.online.moments import concatenate, make_rows
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Estimate, Interval, Kind, Moments, Role
from abgap.stats.procedure import Procedure

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]
PLAIN = MetricTraits(
    name="m",
    kind=Kind.MEAN,
    role=Role.PRIMARY,
    direction=Direction.UP,
    smallest_worthwhile_lift=None,
    non_inferiority_margin=None,
    cumulative=False,
)
BY_DEVICE = replace(PLAIN, stratify_by="device")


def row(values: Values, variant: str, **keys: Any) -> Moments:
    numbers = {"n": float(len(values)), "mean": float(values.mean()), "variance": float(values.var(ddof=1))}
    columns = {"experiment": "e", "metric": "m", "variant": variant} | numbers | keys
    made = {
        name: np.array([value], dtype=np.float64 if isinstance(value, float) else object)
        for name, value in columns.items()
    }
    return make_rows(1, made)


def units(seed: int, n: int, lift: float) -> tuple[Labels, Values]:
    rng = np.random.default_rng(seed)
    label = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
    return label, rng.gamma(4.0, np.array([1.0, 3.0, 9.0])[label] * (1.0 + lift) / 4.0)


def rows(arms: Sequence[tuple[Labels, Values]]) -> list[Moments]:
    found = []
    for variant, (label, values) in zip("AB", arms, strict=True):
        found.append(row(values, variant))
        for value in sorted(set(label.tolist())):
            keys = {"slice_name": "device", "slice_value": f"d{value}"}
            found.append(row(values[label == value], variant, **keys))
    return found


def estimates(parts: Sequence[Moments], trait: MetricTraits) -> tuple[Estimate, ...]:
    return make_estimates(compare_arms(concatenate(parts), {"e": "A"}, {"m": trait}, Procedure()))


ARMS = (units(1, 400, 0.0), units(2, 300, 0.1))


def test_only_the_comparison_over_all_units_is_stratified_and_the_plain_one_stands_beside_it() -> None:
    plain, stratified = estimates(rows(ARMS), PLAIN), estimates(rows(ARMS), BY_DEVICE)
    assert stratified[1:] == plain[1:]
    whole = stratified[0]
    assert whole.unadjusted is not None
    assert whole.unadjusted.difference == plain[0].difference
    assert isinstance(whole.difference, Interval)
    assert isinstance(plain[0].difference, Interval)
    assert whole.difference.method == "welch-stratified"
    assert whole.difference.high - whole.difference.low < plain[0].difference.high - plain[0].difference.low
    assert (whole.value_control, whole.value_treatment) == (plain[0].value_control, plain[0].value_treatment)
    (note,) = whole.notes
    assert note.startswith("post-stratified by device (3 strata), which removes ")


def test_the_estimate_is_the_regression_on_strata_and_their_interactions_with_treatment() -> None:
    whole = estimates(rows(ARMS), BY_DEVICE)[0]
    label, y = np.concatenate([arm[0] for arm in ARMS]), np.concatenate([arm[1] for arm in ARMS])
    treated = np.r_[np.zeros(400), np.ones(300)]
    centred = np.stack([(label == k) - np.mean(label == k) for k in (1, 2)], axis=1)
    design = np.column_stack([np.ones(700), treated, centred, centred * treated[:, None]])
    oracle = sm.OLS(y, design).fit(cov_type="HC2")
    assert isinstance(whole.difference, Interval)
    assert whole.difference.estimate == pytest.approx(oracle.params[1], rel=1e-9)
    # The sandwich takes shares as given; ours counts that they are those of a sample.
    half = (whole.difference.high - whole.difference.low) / 2
    assert half == pytest.approx(1.96 * oracle.bse[1], rel=0.02)


def test_small_slices_are_put_together_and_said() -> None:
    label, y = ARMS[0]
    few = np.where(np.arange(400) < 5, 3, np.where(np.arange(400) < 11, 4, label))
    (note,) = estimates(rows(((few, y), ARMS[1])), BY_DEVICE)[0].notes
    assert "one of them of " in note
    assert " small slices)" in note


def test_slices_that_do_not_hold_all_units_leave_the_plain_comparison() -> None:
    parts = rows(ARMS)
    (plain,), lacking = (
        estimates(parts[:1] + parts[4:5], PLAIN),
        estimates([*parts[:3], *parts[4:7]], BY_DEVICE),
    )
    whole = lacking[0]
    assert whole.difference == plain.difference
    assert whole.unadjusted is None
    assert whole.notes == (
        "not post-stratified: the slices by device do not hold all units, or are too small",
    )
    assert estimates(parts[:1] + parts[4:5], BY_DEVICE)[0].difference == plain.difference


def test_a_share_is_then_compared_as_a_mean() -> None:
    arms = [(label, (values > 2.0).astype(np.float64)) for label, values in ARMS]
    trait = replace(BY_DEVICE, kind=Kind.PROPORTION)
    whole = estimates(rows(arms), trait)[0]
    assert isinstance(whole.difference, Interval)
    assert whole.difference.method == "welch-stratified"
    assert whole.unadjusted is not None
    assert isinstance(whole.unadjusted.difference, Interval)
    assert whole.unadjusted.difference.method == "score"
