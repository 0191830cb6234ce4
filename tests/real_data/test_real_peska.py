"""Twelve recommenders of a travel agency with offline metrics, clicks and few orders: underpowered, and said to be.

Everything is recomputed from the raw files by pandas and scipy: ratios as a Welch test over linearised values.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from abgap.records import (
    Adjustment,
    Decision,
    Estimate,
    Gap,
    Interval,
    NotEstimable,
    Reason,
    Results,
    Status,
    VerdictName,
)

pytestmark = pytest.mark.data

ARMS = [str(arm) for arm in range(1, 12)]
OFFLINE = {"ndcg@100": "ndcg100", "auc": "auc", "mrr": "mrr"}
BUSINESS = ("ctr", "orders_per_user")
WORTHWHILE = 0.1
Moments = tuple[float, float, float]


@pytest.fixture(scope="module")
def found(results: Callable[..., Results]) -> Results:
    return results("peska_ht2020")


@pytest.fixture(scope="module")
def users(data_dir: Path) -> pd.DataFrame:
    return pd.read_csv(data_dir / "peska_ht2020" / "peska_ht2020_user_level.csv")


@pytest.fixture(scope="module")
def variants(data_dir: Path) -> pd.DataFrame:
    table = pd.read_csv(data_dir / "peska_ht2020" / "peska_ht2020_variant_level.csv")
    return table.set_index(table["variant"].astype(str))


def values_of(users: pd.DataFrame, metric: str, arm: str) -> Any:
    """One number per user whose mean is the metric; the delta method is a t-test on them."""
    of_arm = users[users["variant"] == int(arm)]
    if metric == "orders_per_user":
        return of_arm["orders"].to_numpy(dtype=np.float64)
    clicks, impressions = of_arm["clicks"], of_arm["impressions"]
    rate = clicks.sum() / impressions.sum()
    return (rate + (clicks - rate * impressions) / impressions.mean()).to_numpy()


def test_arms_agree_with_the_published_table(found: Results, variants: pd.DataFrame) -> None:
    experiment = found.experiments[0]
    assert experiment.control == "0"
    assert dict(experiment.arms) == variants["users"].to_dict()


def test_rates_agree_with_the_published_table(
    found: Results, variants: pd.DataFrame, whole: Callable[..., Estimate]
) -> None:
    for arm in ARMS:
        ctr, orders = (whole(found, metric=metric, treatment=arm) for metric in BUSINESS)
        row = variants.loc[arm]
        assert ctr.value_treatment == pytest.approx(row["clicks_log"] / row["impressions_log"], rel=1e-12)
        assert orders.value_treatment == pytest.approx(row["orders"] / row["users"], rel=1e-12)


@pytest.mark.parametrize("metric", BUSINESS)
@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_agrees_with_a_recomputation(
    found: Results,
    users: pd.DataFrame,
    whole: Callable[..., Estimate],
    moments_of: Callable[..., Moments],
    fieller: Callable[[Moments, Moments], tuple[float, float]],
    metric: str,
    arm: str,
) -> None:
    control, treatment = (values_of(users, metric, a) for a in ("0", arm))
    test = stats.ttest_ind(treatment, control, equal_var=False)
    interval = test.confidence_interval(0.95)
    estimate = whole(found, metric=metric, treatment=arm)
    assert isinstance(estimate.difference, Interval)
    assert isinstance(estimate.lift, Interval)
    assert estimate.p_value == pytest.approx(test.pvalue, rel=1e-9)
    bounds = (estimate.difference.low, estimate.difference.high)
    assert bounds == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert estimate.lift.estimate == pytest.approx(treatment.mean() / control.mean() - 1, rel=1e-9)
    wanted = fieller(moments_of(control), moments_of(treatment))
    assert (estimate.lift.low, estimate.lift.high) == pytest.approx(wanted, rel=1e-8)


def test_conversion_agrees_with_a_chi_square(
    found: Results, users: pd.DataFrame, whole: Callable[..., Estimate]
) -> None:
    buyers = users.assign(bought=users["orders"] > 0)
    for arm in ARMS:
        table = pd.crosstab(buyers["variant"], buyers["bought"]).loc[[0, int(arm)]]
        wanted = stats.chi2_contingency(table, correction=False).pvalue
        assert whole(found, metric="conversion", treatment=arm).p_value == pytest.approx(wanted, rel=1e-9)


def test_primaries_are_corrected_by_holm_over_metrics_and_arms(found: Results) -> None:
    primaries = [e for e in found.estimates if e.slice_name is None and e.metric in BUSINESS]
    assert {e.adjustment for e in primaries} == {Adjustment.HOLM}
    _, wanted, *_ = multipletests([e.p_value for e in primaries], method="holm")
    assert [e.p_adjusted for e in primaries] == pytest.approx(list(wanted), rel=1e-12)


def test_secondaries_are_corrected_by_benjamini_and_hochberg(found: Results) -> None:
    conversions = [e for e in found.estimates if e.slice_name is None and e.metric == "conversion"]
    _, wanted, *_ = multipletests([e.p_value for e in conversions], method="fdr_bh")
    assert [e.p_adjusted for e in conversions] == pytest.approx(list(wanted), rel=1e-12)


def test_the_split_is_tested_against_equal_shares(
    found: Results, users: pd.DataFrame, one: Callable[..., Any]
) -> None:
    check = one(found.checks, name="sample_ratio")
    assert check.value == pytest.approx(stats.chisquare(users["variant"].value_counts()).pvalue, rel=1e-9)
    assert check.status is Status.PASS
    assert "8.3 % planned in each of 12 arms, the farthest is 7 with 7.4 %" in check.sentence


def test_offline_values_count_at_face_value(found: Results, variants: pd.DataFrame) -> None:
    assert len(found.offline) == len(ARMS) * len(OFFLINE)
    for row in found.offline:
        column = OFFLINE[row.metric]
        wanted = (variants.loc[row.model.removeprefix("m"), column], variants.loc["0", column])
        assert (row.value, row.baseline_value) == pytest.approx(wanted, rel=1e-15)
        assert isinstance(row.gain, NotEstimable)
        assert (row.gain.reason, row.p_value) == (Reason.NO_INTERVAL_GIVEN, None)


def test_every_pair_is_inconclusive_and_says_with_what_power(
    found: Results, users: pd.DataFrame, moments_of: Callable[..., Moments]
) -> None:
    assert len(found.gaps) == len(ARMS) * len(OFFLINE) * len(BUSINESS)
    assert {gap.verdict for gap in found.gaps} == {VerdictName.INCONCLUSIVE}
    for gap in found.gaps:
        control, treatment = (
            moments_of(values_of(users, gap.business_metric, arm)) for arm in ("0", gap.treatment)
        )
        error = np.sqrt(control[2] / control[0] + treatment[2] / treatment[0]) / control[1]
        shift, critical = WORTHWHILE / error, stats.norm.ppf(0.975)
        power = stats.norm.cdf(shift - critical) + stats.norm.cdf(-shift - critical)
        assert gap.power_at_smallest_worthwhile is not None
        assert gap.power_at_smallest_worthwhile == pytest.approx(power, rel=1e-9)
        assert gap.power_at_smallest_worthwhile < 0.08
        assert gap.units_needed is not None
        assert gap.units_needed > 10_000
        assert "no interval given for the offline gain" in gap.notes
        assert gap.correction == "Holm over primary metrics and arms"


def test_the_sentence_of_an_underpowered_pair_has_its_power(found: Results, one: Callable[..., Any]) -> None:
    gap: Gap = one(found.gaps, treatment="1", offline_metric="ndcg@100", business_metric="ctr")
    assert "NDCG@100 rose by 0.0180 offline (no interval given)" in gap.sentence
    assert "whether CTR moved is not settled: +24.9 % [−16.4, +93.4]" in gap.sentence
    assert "(power: 7 % to see 10 %)" in gap.sentence


def test_an_arm_that_stands_out_alone_does_not_after_correction(
    found: Results, whole: Callable[..., Estimate], one: Callable[..., Any]
) -> None:
    alone = [arm for arm in ARMS if float(str(whole(found, metric="ctr", treatment=arm).p_value)) < 0.05]
    assert alone == ["2", "6", "9"]
    for arm in alone:
        estimate = whole(found, metric="ctr", treatment=arm)
        assert isinstance(estimate.lift, Interval)
        assert estimate.lift.low > 0
        assert not estimate.significant
        gap = one(found.gaps, treatment=arm, offline_metric="auc", business_metric="ctr")
        assert "correction for multiple testing" in gap.sentence


def test_nothing_is_shipped_and_nothing_has_failed(found: Results) -> None:
    experiment = found.experiments[0]
    assert experiment.decision is Decision.KEEP_RUNNING
    assert "fail" not in experiment.headline


def test_a_slice_too_small_for_a_test_keeps_its_values(
    found: Results, users: pd.DataFrame, one: Callable[..., Any]
) -> None:
    few = one(found.estimates, metric="ctr", treatment="7", slice_name="seniority", slice_value="16+")
    rows = users[(users["variant"] == 7) & (users["seniority"] == "16+")]
    assert few.n_treatment == len(rows) < 8
    assert few.value_treatment == pytest.approx(rows["clicks"].sum() / rows["impressions"].sum(), rel=1e-12)
    assert isinstance(few.lift, NotEstimable)
    assert few.lift.reason is Reason.TOO_FEW_UNITS
