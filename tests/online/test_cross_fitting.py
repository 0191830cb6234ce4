"""Parts of effects by fold and moments without each fold: against the same computed from the units themselves."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from abgap.online.cross_fitting import Folds
from abgap.online.experiments import Variants
from abgap.online.folds import as_folds, sum_folds
from abgap.online.moments import make_moments
from abgap.online.plan import make_plan
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Estimate, Interval, Kind, Moments, Role
from abgap.stats.procedure import Procedure

FIRST, SECOND = "e'; drop", "f"
VARIANTS: Variants = {FIRST: None, SECOND: None}
CONTROLS = {FIRST: "A", SECOND: "A"}
METRICS = {"spend": Kind.MEAN, "buyer": Kind.PROPORTION, "basket": Kind.RATIO}
FEW = 40


def units(n: int = 2_000) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    before, arm = rng.normal(20.0, 4.0, n), rng.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1])
    return {
        # So few units of the second that its arms have none at all in some folds.
        "test": np.where(np.arange(n) < FEW, SECOND, FIRST),
        "user": np.array([f"u{i}" for i in range(n)]),
        "arm": arm,
        "spend": before + rng.normal(0.0, 3.0, n) + 2.0 * (arm == "B"),
        "before": before,
        "orders": rng.poisson(2, n),
    }


def study(path: str) -> dict[str, Any]:
    return {
        "experiments": {name: {"control": "A"} for name in CONTROLS},
        "unit_values": {
            "path": path,
            "columns": {"experiment": "test", "unit": "user", "variant": "arm"},
        },
        "metrics": {
            "spend": {"kind": "mean", "value": "spend", "covariate": {"column": "before"}},
            "buyer": {"kind": "proportion", "value": "spend > 20"},
            "basket": {
                "kind": "ratio",
                "numerator": {"value": "spend"},
                "denominator": {"value": "orders"},
            },
        },
    }


def estimates_of(moments: Moments, controls: dict[str, str]) -> dict[tuple[str, str, str], Estimate]:
    traits = {
        name: MetricTraits(
            name=name,
            kind=kind,
            role=Role.SECONDARY,
            direction=Direction.UP,
            smallest_worthwhile_lift=None,
            non_inferiority_margin=None,
            cumulative=False,
        )
        for name, kind in METRICS.items()
    }
    card = compare_arms(moments, controls, traits, Procedure())
    return {(e.experiment, e.treatment, e.metric): e for e in make_estimates(card)}


def folds_of(run: Any) -> Folds:
    sums = sum_folds(run.engine, make_plan(run.study), run.wide, progress=lambda _: None)
    return Folds(as_folds(make_moments(sums, VARIANTS)), METRICS)


def test_the_parts_of_all_folds_add_up_to_the_lift_and_have_its_error(bench: Any) -> None:
    bench.parquet("users.parquet", units())
    with bench.run(study("users.parquet")) as run:
        folds, whole = folds_of(run), estimates_of(run.moments, CONTROLS)
    assert folds.count == 10
    for metric in METRICS:
        found = folds.parts(metric, CONTROLS)
        for at, arm in enumerate(zip(found.experiment, found.treatment, strict=True)):
            estimate = whole[*arm, metric]
            assert isinstance(estimate.lift, Interval)
            assert found.parts[at].sum() == pytest.approx(estimate.lift.estimate, rel=1e-9, abs=1e-12)
            assert found.control_value[at] == pytest.approx(estimate.value_control, rel=1e-12)
            if arm[0] == FIRST:
                half = (estimate.lift.high - estimate.lift.low) / 2.0
                assert 1.96 * np.sqrt(found.variance[at]) == pytest.approx(half, rel=0.03)


def test_a_part_rests_on_the_units_of_its_fold_and_varies_by_a_tenth(bench: Any) -> None:
    """Over ten folds the parts scatter as their errors say: by a tenth of the variance each."""
    bench.parquet("users.parquet", units(20_000))
    with bench.run(study("users.parquet")) as run:
        folds = folds_of(run)
    for metric in METRICS:
        found = folds.parts(metric, CONTROLS)
        first = found.experiment == FIRST
        ratio = found.parts[first].var(axis=1, ddof=1) * 10.0 / found.variance[first]
        assert ((ratio > 0.2) & (ratio < 2.6)).all(), (metric, ratio)


def test_moments_without_a_fold_are_those_of_the_other_units(bench: Any) -> None:
    data = units()
    fold = np.array([int(hashlib.md5(u.encode()).hexdigest()[:8], 16) % 10 for u in data["user"]])  # noqa: S324
    bench.parquet("users.parquet", data)
    bench.parquet("others.parquet", {name: column[fold != 3] for name, column in data.items()})
    with bench.run(study("users.parquet")) as run:
        left_out = folds_of(run).without_each()
    names = left_out.experiments
    found = estimates_of(left_out.moments, {key: CONTROLS[name] for key, (name, _) in names.items()})
    with bench.run(study("others.parquet")) as run:
        expected = estimates_of(run.moments, CONTROLS)
    key = {name: key for key, (name, of_fold) in names.items() if of_fold == 3}
    assert len(names) == 20
    for (experiment, arm, metric), estimate in expected.items():
        other = found[key[experiment], arm, metric]
        assert (other.n_control, other.n_treatment) == (estimate.n_control, estimate.n_treatment)
        assert other.p_value == pytest.approx(estimate.p_value, rel=1e-8)
        if isinstance(estimate.lift, Interval) and isinstance(other.lift, Interval):
            assert other.lift.low == pytest.approx(estimate.lift.low, rel=1e-8, abs=1e-12)


def test_rows_that_are_no_folds_are_passed_over(bench: Any) -> None:
    bench.parquet("users.parquet", units())
    with bench.run(study("users.parquet")) as run:
        folds = Folds(run.moments, METRICS)
    assert folds.count == 0
    assert "spend" not in folds
