"""Wrong baseline: a claim against production where control ran another model, and its rates over drawn experiments."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.gap.reasons.wrong_baseline import REASON
from abgap.records import FindingStatus, Interval
from tests.gap.planted import RATE, Planted, covered, offline_row, study_of, supported

HOSTILE = "<script>'|\n"


def planted(*, ahead: float | None = 0.03, error: float = 0.003) -> Planted:
    """The candidate is .04 over production, which control's model is ahead of."""
    made = Planted(study=study_of(production=HOSTILE))
    name = made.add(gain=0.04 - (ahead or 0.0), lift=RATE * (0.04 - (ahead or 0.0)))
    made.rows.append(offline_row(f"{name}-new", HOSTILE, 0.04, 0.003))
    if ahead is not None:
        made.rows.append(offline_row(f"{name}-old", HOSTILE, ahead, error))
    return made


def test_what_control_was_ahead_goes_away() -> None:
    finding = planted().finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * 0.03)
    assert finding.lift.high == pytest.approx(RATE * (0.03 + 1.959964 * 0.003), rel=1e-6)
    assert finding.share == pytest.approx(1.0)
    assert "'x0-old'" in finding.sentence
    assert [row.value for row in finding.evidence] == pytest.approx([0.04, 0.03, 0.01])


def test_a_loss_against_control_is_explained_where_a_gain_over_another_model_was_claimed() -> None:
    finding = planted(ahead=0.06).finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert finding.share == pytest.approx(1.0)
    honest = Planted()
    honest.add(gain=-0.02, lift=-0.04)
    assert honest.findings(REASON) == []


def test_models_that_are_alike_are_no_reason() -> None:
    assert planted(ahead=0.0).finding(REASON).status is not FindingStatus.SUPPORTED


def test_a_claim_against_the_model_in_control_is_contradicted() -> None:
    made = Planted()
    made.add(lift=0.0)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.CONTRADICTED
    assert finding.lift == Interval(estimate=0.0, low=0.0, high=0.0, level=0.95, method="same model")


def test_without_a_result_of_control_over_production_it_is_named() -> None:
    made = planted(ahead=None)
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "over the same examples" in finding.missing[0]


def test_rates_over_drawn_experiments() -> None:
    random, wrong, honest = np.random.default_rng(6), *(Planted(study=study_of(production="p")) for _ in "ab")
    for _ in range(300):
        # Three models over the same queries: noise of each, so that gains share it.
        p, old, new = random.normal(0.0, 0.002, 3)
        error = 0.002 * 2**0.5
        for made, ahead in ((wrong, 0.02), (honest, 0.0)):
            gain, lift = 0.04 - ahead + new - old, random.normal(RATE * (0.04 - ahead), 0.008)
            name = made.add(gain=gain, gain_error=error, lift=lift, lift_error=0.008)
            made.rows.append(offline_row(f"{name}-new", "p", 0.04 + new - p, error))
            made.rows.append(offline_row(f"{name}-old", "p", ahead + old - p, error))
    found = wrong.findings(REASON)
    assert supported(found) >= 0.95
    assert 0.92 <= covered(found, [RATE * 0.02] * 300) <= 0.98
    assert supported(honest.findings(REASON)) <= 0.05
