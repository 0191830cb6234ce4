"""Proxy label: the gain under other labels, paired; which twin speaks, what is missing, and rates over drawn sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abgap.gap.expected import shortfall
from abgap.gap.reasons.case import Case
from abgap.gap.reasons.proxy_label import _is_word, judge
from abgap.offline.example_contests import Terms, compare_examples
from abgap.offline.sums import Against, Evaluated, Measured, TwinSums, ValueSums
from abgap.offline.twins import judge_twins
from abgap.records import Direction, FindingStatus, Interval, OfflineRow, OfflineTwin
from abgap.records.moments import FloatArray
from tests.gap.reason_cases import METRIC, RATE, case_of, study_of

BUYS, SAVES = "purchase_ndcg@10", "save_ndcg@10"
TWINS: dict[str, Any] = {
    METRIC: {"label": "click"},
    BUYS: {"metric": METRIC, "label": "purchase"},
    SAVES: {"metric": METRIC, "label": "save"},
}


def metric(where: str) -> dict[str, Any]:
    return {"revenue": {"kind": "mean", "fact": "events", "where": where, "value": "amount"}}


def found(gains: dict[str, FloatArray]) -> tuple[tuple[OfflineRow, ...], tuple[OfflineTwin, ...]]:
    """Rows and twins of differences by query, NaN where a query has no such label."""
    names = list(gains)
    known = {name: ~np.isnan(values) for name, values in gains.items()}
    contests = tuple(Against(model="new", baseline="old", metric=name) for name in names)
    measured = Measured(
        contests=contests,
        evaluated={
            (m, name): Evaluated(examples=int(known[name].sum()), known=int(known[name].sum()))
            for m in ("new", "old")
            for name in names
        },
        sums=tuple((_sums(values[known[name]]),) for name, values in gains.items()),
        twins=tuple(
            _pair(i, j, gains[names[i]], gains[names[j]])
            for i in range(len(names))
            for j in range(i + 1, len(names))
        ),
    )
    study = study_of(offline_metrics=TWINS)
    rows = tuple(
        OfflineRow(
            model="new",
            baseline="old",
            metric=contest.metric,
            definition=contest.definition,
            direction=Direction.UP,
            slice_name=None,
            slice_value=None,
            n=contest.n,
            skipped=0,
            value=contest.value,
            baseline_value=contest.baseline_value,
            gain=contest.gain,
            p_value=contest.p_value,
            p_adjusted=None,
        )
        for contest in compare_examples(measured, Terms(alpha=0.05, seed=1))
    )
    return rows, tuple(judge_twins(measured, study))


def _sums(values: FloatArray) -> ValueSums:
    n, total = len(values), float(values.sum())
    return ValueSums(
        slice_name=None,
        slice_value=None,
        evaluated=n,
        shared=n,
        candidate=0.5 * n + total,
        base=0.5 * n,
        difference=total,
        square=float(values @ values),
    )


def _pair(i: int, j: int, one: FloatArray, other: FloatArray) -> TwinSums:
    both = ~np.isnan(one + other)
    a, b = one[both], other[both]
    return TwinSums(
        first=i,
        second=j,
        shared=len(a),
        first_sum=float(a.sum()),
        second_sum=float(b.sum()),
        product=float(a @ b),
    )


def drawn(seed: int, *, kept: float = 0.3, n: int = 1500, bought: float = 0.6) -> dict[str, FloatArray]:
    """Differences by query: the gain in clicks is .06, and of it ``kept`` is there for purchases."""
    random = np.random.default_rng(seed)
    common, own = random.normal(0.0, 0.12, n), random.normal(0.0, 0.09, n)
    buys = np.where(random.random(n) < bought, 0.06 * kept + 0.5 * common + own, np.nan)
    return {METRIC: 0.06 + common, BUYS: buys}


def proxy_case(gains: dict[str, FloatArray], *, paired: bool = True, **parts: Any) -> Case:
    rows, twins = found(gains)
    declared = {name: TWINS[name] for name in gains}
    return case_of(rows, study=study_of(offline_metrics=declared, **parts), twins=twins if paired else ())


def test_the_amount_is_the_rate_times_the_difference_of_the_two_gains() -> None:
    gains = drawn(1)
    finding = judge(proxy_case(gains))
    click, buy = gains[METRIC], gains[BUYS]
    some = buy[~np.isnan(buy)]
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * (click.mean() - some.mean()), rel=1e-9)
    assert finding.status is FindingStatus.SUPPORTED
    assert finding.sentence.startswith("The gain is +0.0")
    assert finding.next_action == "Choose models by purchase NDCG@10, and train on its labels."
    values = {row.name: row.value for row in finding.evidence}
    assert values["queries that have both labels"] == len(some)
    assert values[f"gain in {BUYS}"] == pytest.approx(some.mean(), rel=1e-9)


def test_paired_it_is_narrower_than_two_gains_beside_each_other() -> None:
    gains = drawn(2)
    paired, apart = judge(proxy_case(gains)).lift, judge(proxy_case(gains, paired=False)).lift
    assert isinstance(paired, Interval)
    assert isinstance(apart, Interval)
    assert apart.estimate == pytest.approx(paired.estimate, rel=1e-9)
    assert apart.high - apart.low > paired.high - paired.low
    rows, _ = found(gains)
    sides = [row.improvement for row in rows]
    assert all(isinstance(side, Interval) for side in sides)
    by_hand = shortfall(*[side for side in sides if isinstance(side, Interval)]).scaled(RATE)
    assert apart.low == pytest.approx(by_hand.low, rel=1e-9)


def test_a_gain_that_the_other_labels_see_too_is_no_reason() -> None:
    assert judge(proxy_case(drawn(3, kept=1.0))).status is FindingStatus.CONTRADICTED


def test_the_twin_whose_label_the_business_metric_is_made_of_speaks() -> None:
    gains = drawn(4, kept=1.0) | {SAVES: drawn(4, kept=-1.0)[BUYS]}
    assert SAVES.replace("_", " ").replace("ndcg", "NDCG") in judge(proxy_case(gains)).sentence
    named = proxy_case(gains, metrics=metric("event = 'purchase'"))
    assert "purchase NDCG@10" in judge(named).sentence


def test_a_metric_that_counts_the_label_of_the_business_is_no_proxy() -> None:
    case = proxy_case(drawn(5), metrics=metric("event = 'click'"))
    finding = judge(case)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "NDCG@10 counts 'click' already, which revenue is made of" in finding.sentence


def test_what_is_missing_is_named() -> None:
    gains = drawn(6)
    rows, twins = found(gains)
    assert judge(case_of(rows, twins=twins)).missing == (
        '[offline_metrics.NAME] metric = "...", label = "..."',
    )
    alone = case_of(rows[:1], study=study_of(offline_metrics={name: TWINS[name] for name in gains}))
    assert judge(alone).missing == (f"values of {BUYS}",)
    assert judge(replace(proxy_case(gains), target=None)).missing == ("[gap] exchange_rate",)


def test_of_several_twins_the_one_that_takes_most_has_to_hold_for_all() -> None:
    gains = drawn(7, kept=0.9, n=600)
    names: Sequence[str] = (BUYS, SAVES)
    both = gains | {SAVES: gains[BUYS] + 0.001}
    finding = judge(proxy_case(both))
    assert names[0].replace("_", " ").replace("ndcg", "NDCG") in finding.sentence


def test_the_luck_of_the_best_of_many_candidates_is_no_proxy() -> None:
    """Two hundred alike: the largest gain in clicks is luck, which the purchases of the same model did not have."""
    alike = [drawn(3000 + seed, kept=1.0, n=300) for seed in range(200)]
    case = proxy_case(max(alike, key=lambda gains: float(gains[METRIC].mean())))
    rows = tuple(replace(row, candidates=200) for row in case.evidence.offline)
    assert judge(case).status is FindingStatus.SUPPORTED
    among_all = judge(replace(case, evidence=replace(case.evidence, offline=rows)))
    assert among_all.status is FindingStatus.NOT_TESTABLE


@pytest.mark.parametrize(("kept", "low", "high"), [(0.3, 0.90, 1.0), (1.0, 0.0, 0.05)])
def test_it_is_found_when_planted_and_not_when_not(kept: float, low: float, high: float) -> None:
    truth = RATE * 0.06 * (1.0 - kept)
    supported, covered = [], []
    for seed in range(120):
        finding = judge(proxy_case(drawn(900 + seed, kept=kept)))
        assert isinstance(finding.lift, Interval)
        supported.append(finding.status is FindingStatus.SUPPORTED)
        covered.append(finding.lift.low <= truth <= finding.lift.high)
    assert low <= np.mean(supported) <= high
    assert 0.90 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize(
    ("where", "found"),
    [("event = 'click'", True), ("event = 'CLICK'", True), ("event = 'click_through_purchase'", False)],
)
def test_a_label_is_a_word_of_its_own(where: str, *, found: bool) -> None:
    assert _is_word("click", where) is found
