"""Lazy metric: accuracy of rare events and the like, and what happens where the metric is fit to be a target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abgap.gap.reasons.lazy_metric import REASON
from abgap.offline.lazy import PRODUCTION
from abgap.records import FindingStatus, Interval
from tests.gap.planted import RATE, Planted, covered, supported

# 0.5 % positives: always "no" is right in 99.5 %, always "yes" in 0.5 %.
LAZY = {"always negative": 0.995, "always positive": 0.005, "by <b>chance</b>": 0.99}


def planted(**changes: object) -> Planted:
    made = Planted()
    of_row = {"lazy": LAZY, "target_ready": False, "skill": 0.2, "level": 0.955} | changes
    made.add(lift=0.0, **of_row)  # type: ignore[arg-type]
    return made


def test_all_of_the_expected_lift_goes_away_where_always_no_does_as_well() -> None:
    finding = planted().finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * 0.04)
    assert finding.share == pytest.approx(1.0)
    assert "'always negative' learnt nothing and gets 0.995" in finding.sentence
    by_name = {row.name: row.value for row in finding.evidence}
    assert by_name["value of 'always positive'"] == 0.005
    assert by_name["skill: gained over the best lazy one"] == 0.2


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        (
            {"target_ready": True},
            FindingStatus.CONTRADICTED,
            "tells the model from solutions that learnt nothing",
        ),
        (
            {"lazy": {"a": 0.9, "b": 0.89}},
            FindingStatus.CONTRADICTED,
            "more than what lies between lazy solutions",
        ),
        ({"lazy": {PRODUCTION: 0.9}, "target_ready": None}, FindingStatus.NOT_TESTABLE, "no lazy solution"),
        ({"lazy": {}, "target_ready": None}, FindingStatus.NOT_TESTABLE, "no lazy solution"),
    ],
)
def test_other_metrics_are_not_lazy(changes: dict[str, object], status: FindingStatus, said: str) -> None:
    finding = planted(**changes).finding(REASON)
    assert finding.status is status
    assert said in finding.sentence


def test_errors_are_lazy_from_above() -> None:
    row = planted().rows[0]
    down = replace(row, direction=row.direction.__class__.DOWN, gain=row.gain)
    assert down.turned(0.1) > down.turned(0.2)


def test_rates_over_drawn_experiments() -> None:
    random, lazy, honest, truth = np.random.default_rng(5), Planted(), Planted(), []
    for _ in range(150):
        gain = random.normal(0.04, 0.003)
        lazy.add(gain=gain, lift=random.normal(0.0, 0.01), lazy=LAZY, target_ready=False)
        honest.add(gain=gain, lift=random.normal(0.08, 0.01), lazy=LAZY, target_ready=False)
        truth.append(RATE * 0.04)
    found = lazy.findings(REASON)
    assert supported(found) >= 0.98
    assert 0.92 <= covered(found, truth) <= 0.98
    # Where the lift came, nothing is missing that a lazy metric could explain.
    assert supported(honest.findings(REASON)) <= 0.05
