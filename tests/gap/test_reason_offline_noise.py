"""Offline noise: claims that may be nothing, what tells that they are not, and its rates over drawn test sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abgap.gap.reasons.offline_noise import REASON
from abgap.records import FindingStatus, Interval
from tests.gap.planted import RATE, Planted, supported


def test_a_gain_whose_interval_includes_0_may_be_noise() -> None:
    planted = Planted()
    planted.add(gain=0.03, gain_error=0.02, lift=0.0, examples_needed=3500, worthwhile_gain=0.03)
    finding = planted.finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert isinstance(finding.lift, Interval)
    assert (finding.lift.estimate, finding.lift.low) == pytest.approx((0.06, 0.0))
    assert finding.lift.high == pytest.approx(RATE * 1.959964 * 0.02, rel=1e-6)
    assert "+0.03 [" in finding.sentence
    assert finding.next_action.startswith("Evaluate on about 3,500 examples")
    by_name = {row.name: row.value for row in finding.evidence}
    assert by_name["paired test"] == pytest.approx(0.1336, abs=1e-4)


@pytest.mark.parametrize(
    ("row", "status", "said"),
    [
        ({"gain": 0.04, "gain_error": 0.003}, FindingStatus.CONTRADICTED, "is established"),
        ({"gain": 0.002, "gain_error": 0.002}, FindingStatus.CONTRADICTED, "not worth having"),
        ({"gain": 0.03, "gain_error": 0.0}, FindingStatus.NOT_TESTABLE, "no interval is given"),
        ({"gain": -0.03, "gain_error": 0.02}, FindingStatus.NOT_TESTABLE, "no gain was claimed"),
    ],
)
def test_what_tells_that_it_is_not(row: dict[str, Any], status: FindingStatus, said: str) -> None:
    planted = Planted()
    planted.add(lift=0.0, lift_error=0.05, **row)
    finding = planted.finding(REASON)
    assert finding.status is status
    assert said in finding.sentence


def test_claims_of_nothing_are_found_out_and_gains_are_not_explained_away() -> None:
    random, nothing, honest, flat = np.random.default_rng(4), Planted(), Planted(), Planted()
    for _ in range(150):
        # Somebody brings what looked better by about one standard error, and is nothing.
        nothing.add(gain=0.02 * abs(random.normal(1.0, 0.3)), gain_error=0.02, lift=random.normal(0.0, 0.01))
        honest.add(gain=random.normal(0.04, 0.003), lift=random.normal(0.08, 0.01))
        flat.add(gain=random.normal(0.0, 0.002), gain_error=0.002, lift=random.normal(0.0, 0.01))
    assert supported(nothing.findings(REASON)) >= 0.95
    assert supported(honest.findings(REASON)) == 0.0
    assert supported(flat.findings(REASON)) <= 0.05
