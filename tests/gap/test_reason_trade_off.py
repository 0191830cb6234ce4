"""Trade-off: other metrics that got worse, what they cost, and its rates over drawn experiments."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.gap.reasons.trade_off import REASON
from abgap.records import Direction, FindingStatus, Interval
from tests.gap.planted import BUSINESS, METRIC, RATE, Planted, covered, offline_row, study_of, supported

OTHER, HOSTILE = "diversity@10", 'a"b|<i>\n'
RATES = {METRIC: RATE, OTHER: 0.5}


def planted(*, lost: float = -0.12, rates: dict[str, float] | None = None, error: float = 0.01) -> Planted:
    made = Planted(study=study_of(rates=RATES if rates is None else rates))
    name = made.add(lift=0.02)
    made.rows.append(offline_row(f"{name}-new", f"{name}-old", lost, error, metric=OTHER))
    return made


def test_a_loss_costs_its_declared_rate() -> None:
    finding = planted().finding(REASON)
    assert finding.status is FindingStatus.SUPPORTED
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(0.06)
    assert finding.lift.low == pytest.approx(0.5 * (0.12 - 1.959964 * 0.01), rel=1e-6)
    assert finding.share == pytest.approx(1.0)
    assert "Diversity@10 got worse while NDCG@10 got better" in finding.sentence
    assert finding.evidence[0].value == -0.12


def test_without_a_rate_the_missing_one_is_named_and_the_loss_stays_in_sight() -> None:
    finding = planted(rates={METRIC: RATE}).finding(REASON)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert finding.missing == (f'[gap] exchange_rate."{OTHER}" = {{ {BUSINESS} = ... }}',)
    assert finding.evidence[0].value == -0.12


def test_less_of_an_error_is_no_loss() -> None:
    made = planted()
    made.rows[1] = offline_row("x0-new", "x0-old", -0.12, 0.01, metric="mae", direction=Direction.DOWN)
    assert made.finding(REASON).status is FindingStatus.CONTRADICTED


def test_another_cut_off_or_label_of_the_target_is_no_other_metric() -> None:
    made = planted()
    made.rows[1] = offline_row("x0-new", "x0-old", -0.12, 0.01, metric="ndcg@5")
    finding = made.finding(REASON)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert finding.missing == ("another metric in [offline_metrics]",)


def test_many_metrics_are_corrected() -> None:
    made = planted(rates={METRIC: RATE} | {f"m{i}": 0.5 for i in range(10)})
    # p = .01: one of ten such metrics is none.
    made.rows[1:] = [
        offline_row("x0-new", "x0-old", -0.0258 if i == 0 else 0.0, 0.01, metric=f"m{i}") for i in range(10)
    ]
    assert made.finding(REASON).status is not FindingStatus.SUPPORTED
    made.rows[1:] = made.rows[1:2]
    assert made.finding(REASON).evidence[0].high == pytest.approx(-0.0062, abs=1e-4)


def test_margins_of_several_losses_add_up() -> None:
    made = planted(rates=RATES | {HOSTILE: 0.25})
    made.rows.append(offline_row("x0-new", "x0-old", -0.08, 0.01, metric=HOSTILE))
    lift = made.finding(REASON).lift
    assert isinstance(lift, Interval)
    assert lift.estimate == pytest.approx(0.08)
    assert lift.high - lift.estimate == pytest.approx(1.959964 * 0.01 * 0.75, rel=1e-6)


def test_rates_over_drawn_experiments() -> None:
    random, traded = np.random.default_rng(7), Planted(study=study_of(rates=RATES))
    fine, other_fault = Planted(study=study_of(rates=RATES)), Planted(study=study_of(rates=RATES))
    for _ in range(300):
        gain = random.normal(0.04, 0.003)
        for made, lift, loss in ((traded, 0.02, -0.12), (fine, 0.08, 0.0), (other_fault, 0.0, 0.0)):
            name = made.add(gain=gain, lift=random.normal(lift, 0.01))
            lost = random.normal(loss, 0.01)
            made.rows.append(offline_row(f"{name}-new", f"{name}-old", lost, 0.01, metric=OTHER))
    found = traded.findings(REASON)
    assert supported(found) >= 0.98
    assert 0.92 <= covered(found, [0.06] * 300) <= 0.98
    assert supported(fine.findings(REASON)) <= 0.05
    assert supported(other_fault.findings(REASON)) <= 0.05
