"""Simulated logs of ``abgap selftest``: their truth, and what becomes of each planted fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abgap.lab.selftest import effects, faults
from abgap.lab.selftest.shop import DAY, ORDER, VISIT, WINDOW_DAYS, open_shop, true_lifts
from abgap.records import Interval, NotEstimable
from abgap.records.selftest import FaultFate, PlantedFaults, Selftest, failures
from abgap.study.model import Engine


def silent(message: str) -> None:
    """No progress."""


def test_true_lifts_are_those_of_very_many_users() -> None:
    n, lift = 600_000, 0.3
    shop = open_shop(np.random.default_rng(1), users=n, lift=lift)
    events = shop.events
    inside = events.second >= shop.exposed[events.user]
    inside &= events.second < shop.exposed[events.user] + WINDOW_DAYS * DAY
    is_order = inside & (events.kind == ORDER)
    orders = np.bincount(events.user[is_order], minlength=n)
    revenue = np.bincount(events.user[is_order], events.amount[is_order], minlength=n)
    visits = np.bincount(events.user[inside & (events.kind == VISIT)], minlength=n)
    treated = shop.arm == 1
    values = {
        name: [float(x[arm].mean()) for arm in (~treated, treated)]
        for name, x in {
            "revenue_per_user": revenue,
            "orders_per_user": orders,
            "conversion": orders > 0,
            "visits_per_user": visits,
        }.items()
    }
    values["orders_per_visit"] = [float(orders[arm].sum() / visits[arm].sum()) for arm in (~treated, treated)]
    for metric, truth in true_lifts(lift).items():
        control, treatment = values[metric]
        assert treatment / control - 1.0 == pytest.approx(truth, abs=0.012), metric


def test_planted_lifts_are_held_by_the_intervals_and_told_from_zero() -> None:
    found = effects.recover_effects(20, Engine(), progress=silent)
    assert [metric.ok for metric in found.metrics] == [True] * 5
    by_name = {metric.metric: metric for metric in found.metrics}
    assert by_name["revenue_per_user"].detected >= 14
    assert by_name["visits_per_user"].detected <= 3
    for metric in found.metrics:
        assert metric.coverage.estimate == metric.covered / 20
        assert metric.mean_lift == pytest.approx(metric.true_lift, abs=0.03)


def test_lifts_that_are_missed_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "true_lifts", lambda lift: {"visits_per_user": 3.0 * lift})
    found = effects.recover_effects(10, Engine(), progress=silent)
    assert not found.metrics[0].ok
    whole = Selftest(units=None, reason=None, effects=found)
    assert failures(whole) == ["visits_per_user: planted lifts are missed"]


@pytest.fixture(scope="module")
def judged() -> PlantedFaults:
    return faults.judge_faults(Engine(), progress=silent)


@pytest.mark.parametrize(
    ("name", "fate", "check"),
    [
        ("duplicate events", FaultFate.CAUGHT, "repeated_events"),
        ("double exposure", FaultFate.CAUGHT, "units_in_two_variants"),
        ("a lost share of one arm", FaultFate.CAUGHT, "sample_ratio"),
        ("lost buyers", FaultFate.CAUGHT, "covariate_balance"),
        ("missing ids", FaultFate.CAUGHT, "unusable_events"),
        ("other ids", FaultFate.CAUGHT, "unmatched_events"),
        ("an undeclared variant", FaultFate.CAUGHT, "exposures_left_out"),
        ("an early reading", FaultFate.CAUGHT, "read_early"),
        ("late events", FaultFate.IMMUNE, None),
        ("events before exposure", FaultFate.IMMUNE, None),
        ("repeated exposures", FaultFate.IMMUNE, None),
        ("lost events of one arm", FaultFate.NOT_SEEN, None),
    ],
)
def test_every_fault_meets_its_fate(
    judged: PlantedFaults, name: str, fate: FaultFate, check: str | None
) -> None:
    found = next(fault for fault in judged.faults if fault.name == name)
    assert (found.fate, found.expected) == (fate, True)
    assert found.caught_by[:1] == (() if check is None else (check,))
    assert (found.sentence is None) == (check is None)
    assert (found.lift == judged.lift) == (fate is FaultFate.IMMUNE)


def test_logs_without_a_fault_raise_no_alarm_and_hold_the_truth(judged: PlantedFaults) -> None:
    assert judged.false_alarms == ()
    assert isinstance(judged.lift, Interval)
    assert judged.lift.low < judged.true_lift < judged.lift.high
    assert len(judged.faults) == len(faults.FAULTS) == 12
    other_ids = next(fault for fault in judged.faults if fault.name == "other ids")
    assert isinstance(other_ids.lift, NotEstimable)


def test_a_fault_that_nothing_notices_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    unplanted = replace(faults.FAULTS[0], plant=lambda shop, _: shop)
    monkeypatch.setattr(faults, "FAULTS", (unplanted,))
    found = faults.judge_faults(Engine(), progress=silent)
    assert failures(Selftest(units=None, reason=None, faults=found)) == ["duplicate events: does not count"]
    alarmed = replace(found, false_alarms=("sample_ratio",), faults=())
    assert failures(Selftest(units=None, reason=None, faults=alarmed)) == ["sample_ratio: a false alarm"]
