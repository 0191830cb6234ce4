"""Distribution mismatch: planted mixes against pandas, refusals in words, and its rates over drawn test sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.distribution_mismatch import judge
from abgap.records import FindingStatus, Interval, LiveMix
from tests.gap.reason_cases import RATE, case_of, sliced_offline

MIX: dict[str | None, int] = {"old": 700, "new": 300}


def table(
    seed: int, *, share_new: float = 0.1, gains: Mapping[str, float] | None = None, n: int = 2000
) -> pd.DataFrame:
    """Differences of a test set by segment; old users gain, new users lose."""
    random = np.random.default_rng(seed)
    segment = np.where(random.random(n) < share_new, "new", "old")
    mean = pd.Series(segment).map(gains or {"old": 0.06, "new": -0.06}).to_numpy()
    return pd.DataFrame({"segment": segment, "difference": mean + random.normal(0.0, 0.15, n)})


def mismatch_case(frame: pd.DataFrame, live: Mapping[str | None, int] = MIX, **more: Any) -> Case:
    mixes = (LiveMix(experiment="x", slice_name="segment", counts=live, noun="requests"),)
    return case_of(sliced_offline(frame, "segment"), mixes=mixes, **more)


def test_the_amount_is_the_rate_times_what_the_gain_loses_at_the_live_mix() -> None:
    frame = table(1)
    finding = judge(mismatch_case(frame))
    by = frame.groupby("segment")["difference"]
    live = pd.Series({"new": 0.3, "old": 0.7})
    lost = frame["difference"].mean() - (by.mean() * live).sum()
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * lost, rel=1e-9)
    share = by.size() / len(frame)
    variance = ((share - live) ** 2 * by.var() / by.size()).sum()
    variance += (live * (by.mean() - (by.mean() * live).sum()) ** 2).sum() / 1000
    terms = (share - live) ** 2 * by.var() / by.size()
    df = terms.sum() ** 2 / (terms**2 / (by.size() - 1)).sum()
    half = RATE * stats.t.ppf(0.975, df) * np.sqrt(variance)
    assert finding.lift.high - finding.lift.estimate == pytest.approx(half, rel=1e-9)
    assert finding.status is FindingStatus.SUPPORTED
    assert "'new': " in finding.sentence
    assert "against 30.0 % of requests" in finding.sentence
    by_name = {row.name: row for row in finding.evidence}
    p, q = share.to_numpy(), live.to_numpy()
    index = stats.entropy(p, q) + stats.entropy(q, p)
    assert by_name["population stability index"].value == pytest.approx(index, rel=1e-9)
    worth = 1.0 / (q**2 / p).sum()
    assert by_name["what the re-weighted examples are worth"].value == pytest.approx(worth, rel=1e-9)


def test_the_same_mix_takes_nothing() -> None:
    finding = judge(mismatch_case(table(2), {"old": 9000, "new": 1000}))
    assert finding.status is FindingStatus.CONTRADICTED
    assert finding.next_action == ""


def test_another_mix_of_slices_that_gain_alike_takes_nothing() -> None:
    frame = table(3, gains={"old": 0.05, "new": 0.05})
    assert judge(mismatch_case(frame)).status is FindingStatus.CONTRADICTED


def test_units_of_the_experiment_stand_for_live_traffic_where_no_live_source_tells(
    make_estimate: Any,
) -> None:
    slices = [
        make_estimate(-0.01, 0.01, experiment="x", metric="revenue", slice_name="segment", slice_value=value)
        for value in ("old", "new")
    ]
    slices = [replace(each, n_control=n, n_treatment=n) for each, n in zip(slices, (350, 150), strict=True)]
    frame = table(1)
    found = judge(case_of(sliced_offline(frame, "segment"), estimates=tuple(slices)))
    assert found.lift == judge(mismatch_case(frame)).lift
    assert "of units" in found.sentence


def test_live_traffic_that_the_test_set_lacks_is_named() -> None:
    finding = judge(mismatch_case(table(1), {"old": 700, "new": 200, "robot": 100, None: 5}))
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert (
        "10.0 % of live traffic have values of 'segment' that the test set lacks ('robot')"
        in finding.sentence
    )


def test_a_test_set_that_would_be_worth_too_little_is_refused() -> None:
    frame = table(1, share_new=0.01)
    finding = judge(mismatch_case(frame, {"old": 100, "new": 9900}))
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "the test set would be worth" in finding.sentence


def test_a_metric_that_is_no_mean_over_examples_is_refused() -> None:
    rows = sliced_offline(table(1), "segment")
    rows = (replace(rows[0], value=(rows[0].value or 0.0) + 0.01), *rows[1:])
    finding = judge(case_of(rows, mixes=mismatch_case(table(1)).evidence.mixes))
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "is no mean over examples" in finding.sentence


def test_inputs_that_are_missing_are_named() -> None:
    whole_only = sliced_offline(table(1), "segment")[:1]
    assert judge(case_of(whole_only)).missing == ("[offline.scores] slices",)
    no_live = judge(case_of(sliced_offline(table(1), "segment")))
    assert no_live.missing == ("[exposures] slices, of the names that the test set has",)
    assert judge(replace(mismatch_case(table(1)), target=None)).missing == ("[gap] exchange_rate",)


def test_a_metric_where_less_is_better_is_turned() -> None:
    frame = table(1)
    turned = frame.assign(difference=-frame["difference"])
    rows = sliced_offline(turned, "segment", down=True)
    found, plain = (
        judge(case_of(rows, mixes=mismatch_case(frame).evidence.mixes)),
        judge(mismatch_case(frame)),
    )
    assert isinstance(found.lift, Interval)
    assert isinstance(plain.lift, Interval)
    assert found.lift.estimate == pytest.approx(plain.lift.estimate, rel=1e-9)


def test_of_several_slices_the_one_that_takes_most_speaks_and_has_to_hold_for_all() -> None:
    frame = table(1).assign(device=np.where(np.arange(2000) % 2, "phone", "desk"))
    rows = (*sliced_offline(frame, "device"), *sliced_offline(frame, "segment")[1:])
    devices: dict[str | None, int] = {"phone": 50, "desk": 50}
    mixes = (
        LiveMix(experiment=None, slice_name="device", counts=devices, noun="requests"),
        LiveMix(experiment="x", slice_name="segment", counts=MIX, noun="requests"),
    )
    finding = judge(case_of(rows, mixes=mixes))
    assert finding.lift == judge(mismatch_case(frame)).lift


@pytest.mark.parametrize(("planted", "low", "high"), [(True, 0.90, 1.0), (False, 0.0, 0.05)])
def test_it_is_found_when_planted_and_not_when_not(planted: bool, low: float, high: float) -> None:
    """Sets of 2,000 queries with a spread of .15; live 40 % new users, who lose by it, against 10 % in the test set."""
    random = np.random.default_rng(11)
    share = 0.4 if planted else 0.1
    supported, covered = [], []
    for seed in range(120):
        new = int(random.binomial(3000, share))
        live: dict[str | None, int] = {"new": new, "old": 3000 - new}
        frame = table(100 + seed)
        finding = judge(mismatch_case(frame, live))
        truth = RATE * (share - float(np.mean(frame["segment"] == "new"))) * 0.12
        assert isinstance(finding.lift, Interval)
        supported.append(finding.status is FindingStatus.SUPPORTED)
        covered.append(finding.lift.low <= truth <= finding.lift.high)
    assert low <= np.mean(supported) <= high
    assert 0.90 <= np.mean(covered) <= 0.995  # 120 draws: the score card has the narrow goal
