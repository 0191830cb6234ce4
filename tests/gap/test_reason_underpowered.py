"""Underpowered: open verdicts of small tests, what chance makes of a lift, and its rates over drawn experiments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from abgap.gap.reasons.underpowered import REASON
from abgap.records import FindingStatus, Interval, NotEstimable
from abgap.study.procedure import procedure_of
from tests.gap.planted import Planted, covered, study_of, supported


def test_a_small_test_with_an_open_verdict_is_underpowered() -> None:
    planted = Planted()
    planted.add(lift=0.02, lift_error=0.05)
    finding = planted.finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    # Expected 8 %, seen 2 %: six points of lift are within what chance makes, 1.96 times 5 %.
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(0.06)
    assert (finding.lift.low, finding.lift.high) == pytest.approx((-0.098, 0.098), abs=1e-4)
    power = stats.norm.cdf(0.08 / 0.05 - 1.959964) + stats.norm.cdf(-0.08 / 0.05 - 1.959964)
    by_name = {row.name: row.value for row in finding.evidence}
    assert by_name["power at the expected lift"] == pytest.approx(power, rel=1e-3)
    assert by_name["units per arm to see the expected lift"] == np.ceil(4000 * (2.8015852 * 0.05 / 0.08) ** 2)
    assert "is seen in 36 % of such tests" in finding.sentence
    assert (
        finding.next_action.startswith("Give the test more traffic") or "units per arm" in finding.next_action
    )


def test_type_m_is_what_significant_draws_overstate() -> None:
    planted = Planted()
    planted.add(lift=0.02, lift_error=0.05)
    by_name = {row.name: row.value for row in planted.finding(REASON).evidence}
    drawn = np.random.default_rng(1).normal(0.08, 0.05, 200_000)
    seen = drawn[np.abs(drawn) > 1.959964 * 0.05]
    assert by_name["times that a significant lift would be too large (type M)"] == pytest.approx(
        np.abs(seen).mean() / 0.08, rel=0.01
    )


def test_type_m_of_a_sequential_test_is_beyond_its_own_border() -> None:
    study = study_of()
    looks = study.study.model_copy(update={"looks": "sequential", "sequential_units": 8000})
    planted = Planted(study=study.model_copy(update={"study": looks}))
    planted.add(lift=0.02, lift_error=0.05)
    by_name = {row.name: row.value for row in planted.finding(REASON).evidence}
    # The interval is the sequential one, as wide as 1.96 times 5 %.
    border = float(procedure_of(planted.study).rule.large_sample_critical(8000.0, 0.05))
    error = 1.959964 * 0.05 / border
    assert border > 2.5
    drawn = np.random.default_rng(1).normal(0.08, error, 400_000)
    seen = drawn[np.abs(drawn) > border * error]
    assert by_name["times that a significant lift would be too large (type M)"] == pytest.approx(
        np.abs(seen).mean() / 0.08, rel=0.01
    )


@pytest.mark.parametrize(
    ("experiment", "said"),
    [
        ({"lift": 0.08, "lift_error": 0.01}, "the test was large enough for its verdict"),
        ({"lift": 0.0, "lift_error": 0.02}, "more is missing than chance explains"),
        ({"lift": 0.05, "lift_error": 0.027}, "is seen in 84 % of such tests"),
    ],
)
def test_other_tests_are_not(experiment: dict[str, Any], said: str) -> None:
    planted = Planted()
    planted.add(**experiment)
    finding = planted.finding(REASON)
    assert finding.status is FindingStatus.CONTRADICTED
    assert said.lower() in finding.sentence.lower()
    assert not finding.next_action


def test_where_no_gain_is_there_the_test_is_not_called_large_enough() -> None:
    planted = Planted()
    planted.add(gain=0.002, lift=0.01, lift_error=0.3)
    finding = planted.finding(REASON)
    assert finding.status is FindingStatus.CONTRADICTED
    assert "large enough" not in finding.sentence
    assert "no offline gain" in finding.sentence


def test_without_anything_to_aim_at_the_missing_key_is_named() -> None:
    planted = Planted(study=study_of(rates={"other": 1.0}, delta=None))
    planted.add(lift=0.02, lift_error=0.05)
    finding = planted.finding(REASON)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert finding.missing == ("[metrics.revenue_per_user] smallest_worthwhile_lift",)
    assert isinstance(finding.lift, NotEstimable)


def drawn(seed: int, *, true: float, error: float, count: int = 400) -> tuple[Planted, list[float]]:
    """Experiments whose lift is true, and how far each was seen below it."""
    random, planted, below = np.random.default_rng(seed), Planted(), []
    for _ in range(count):
        lift, gain = random.normal(true, error), random.normal(0.04, 0.003)
        planted.add(gain=gain, lift=lift, lift_error=error)
        below.append(true - lift)
    return planted, below


def test_small_tests_are_called_so_and_chance_is_what_it_says() -> None:
    # Power is 6 %: such tests are significant by luck, and their verdict is not open.
    planted, below = drawn(2, true=0.08, error=0.3)
    findings = planted.findings(REASON)
    assert supported(findings) >= 0.9
    assert 0.92 <= covered(findings, below) <= 0.98


@pytest.mark.parametrize("true", [0.08, 0.0])
def test_large_tests_are_not_called_small(true: float) -> None:
    planted, _ = drawn(3, true=true, error=0.01)
    assert supported(planted.findings(REASON)) <= 0.02
