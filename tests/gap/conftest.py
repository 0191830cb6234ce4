"""Factories of records, so that a test says only what matters to it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from abgap.gap import ExperimentFacts
from abgap.records import (
    Adjustment,
    Check,
    Direction,
    Estimate,
    Interval,
    Kind,
    OfflineRow,
    Role,
    Status,
)
from abgap.study.model import Study

Make: TypeAlias = Callable[..., Any]


def interval(low: float, high: float, *, level: float = 0.95) -> Interval:
    return Interval(estimate=(low + high) / 2.0, low=low, high=high, level=level, method="test")


_ESTIMATE = Estimate(
    experiment="search_v2",
    metric="revenue_per_user",
    role=Role.PRIMARY,
    kind=Kind.MEAN,
    direction=Direction.UP,
    control="A",
    treatment="B",
    slice_name=None,
    slice_value=None,
    period=None,
    n_control=10_000,
    n_treatment=10_000,
    value_control=10.0,
    value_treatment=10.1,
    difference=interval(0.05, 0.15),
    lift=interval(0.005, 0.015),
    p_value=0.001,
    p_adjusted=0.001,
    adjustment=Adjustment.HOLM,
    significant=True,
    effect_size=interval(0.01, 0.02),
    mde=0.0143,
    power_at_smallest_worthwhile=None,
    equivalence_p=None,
    non_inferiority=None,
    covariate_variance_removed=None,
    capped_units=None,
)
_OFFLINE = OfflineRow(
    model="ranker-2",
    baseline="ranker-1",
    metric="ndcg@10",
    definition="NDCG@10",
    direction=Direction.UP,
    slice_name=None,
    slice_value=None,
    n=2_000,
    skipped=0,
    value=0.78,
    baseline_value=0.72,
    gain=interval(0.055, 0.065),
    p_value=1e-6,
    p_adjusted=1e-6,
)
_CHECK = Check(
    name="sample_ratio",
    experiment="search_v2",
    status=Status.FAIL,
    value=1e-9,
    threshold=0.001,
    sentence="The split is 52:48 instead of 50:50 (p < 0.001).",
    sql="units_per_arm",
    blocking=True,
)
_FACTS = ExperimentFacts(
    name="search_v2",
    control="A",
    treatments=("B",),
    arms={"A": 10_000, "B": 10_000},
    start="2026-03-02",
    end="2026-03-30",
    models={"A": "ranker-1", "B": "ranker-2"},
)


@pytest.fixture
def make_interval() -> Make:
    return interval


@pytest.fixture
def make_estimate() -> Make:
    """An estimate whose p-value agrees with the lift's interval unless one is given."""

    def make(low: float, high: float, **changes: Any) -> Estimate:
        lift = interval(low, high)
        value = changes.setdefault("value_control", 10.0)
        se = (high - low) / 2.0 / 1.959963984540054
        p = math.erfc(abs(lift.estimate) / se / math.sqrt(2.0))
        changes.setdefault("p_value", p)
        changes.setdefault("p_adjusted", changes["p_value"])
        changes.setdefault("mde", 2.8015852 * se)
        changes.setdefault("lift", lift)
        changes.setdefault("difference", lift.scaled(value))
        return dataclasses.replace(_ESTIMATE, **changes)

    return make


@pytest.fixture
def make_offline() -> Make:
    return lambda **changes: dataclasses.replace(_OFFLINE, **changes)


@pytest.fixture
def make_check() -> Make:
    return lambda **changes: dataclasses.replace(_CHECK, **changes)


@pytest.fixture
def make_facts() -> Make:
    return lambda **changes: dataclasses.replace(_FACTS, **changes)


@pytest.fixture
def make_study() -> Make:
    """A study with one primary money metric, one guardrail, one gap pair; parts can be replaced."""

    def make(**parts: Any) -> Study:
        study: dict[str, Any] = {
            "study": {"name": "Test", "currency": "EUR"},
            "metrics": {
                "revenue_per_user": {
                    "kind": Kind.MEAN,
                    "value": "revenue",
                    "role": Role.PRIMARY,
                    "money": True,
                    "smallest_worthwhile_lift": 0.015,
                },
                "latency": {
                    "kind": Kind.MEAN,
                    "value": "ms",
                    "role": Role.GUARDRAIL,
                    "direction": Direction.DOWN,
                    "non_inferiority_margin": 0.05,
                },
            },
            "gap": {"offline": ["ndcg@10"], "business": ["revenue_per_user"]},
        }
        return Study.model_validate(study | parts)

    return make
