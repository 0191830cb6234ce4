"""39 experiments of a retailer as moments: counts, means and variances, some of them missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.records import Estimate, Interval, NotEstimable, Reason, Results

pytestmark = pytest.mark.data

Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def last(results: Callable[..., Results]) -> dict[Key, Estimate]:
    return by_key(results("asos_dev", snapshot="max"))


@pytest.fixture(scope="module")
def first(results: Callable[..., Results]) -> dict[Key, Estimate]:
    return by_key(results("asos_dev", snapshot="min"))


def by_key(found: Results) -> dict[Key, Estimate]:
    return {(e.experiment, e.treatment, e.metric): e for e in found.estimates}


def named(table: pd.DataFrame) -> list[Key]:
    rows = zip(table["experiment_id"], table["variant_id"], table["metric_id"], strict=True)
    return [(str(e), f"treatment {v}", f"metric {m}") for e, v, m in rows]


@pytest.fixture(scope="module")
def published(data_dir: Path) -> pd.DataFrame:
    return pd.read_csv(data_dir / "asos_dev" / "last_snapshot_reference.csv")


def test_every_row_of_the_last_snapshot_agrees_with_the_reference(
    last: dict[Key, Estimate], published: pd.DataFrame
) -> None:
    assert len(last) == len(published) == 200
    found = []
    for key in named(published):
        e = last[key]
        assert isinstance(e.difference, Interval)
        assert isinstance(e.lift, Interval)
        assert isinstance(e.effect_size, Interval)
        d = e.difference
        counts = (e.n_control, e.n_treatment, e.value_control, e.value_treatment)
        tests = (d.estimate, d.low, d.high, e.p_value, e.lift.estimate, e.effect_size.estimate)
        found.append((*counts, *tests))
    columns = ["n_c", "n_t", "mean_c", "mean_t", "diff", "ci_lo", "ci_hi", "p", "rel_lift", "cohen_d"]
    np.testing.assert_allclose(np.array(found, dtype=np.float64), published[columns].to_numpy(), rtol=1e-9)


def test_lifts_of_the_last_snapshot_agree_with_root_finding(
    last: dict[Key, Estimate], published: pd.DataFrame, fieller: Callable[..., tuple[float, float]]
) -> None:
    arms = [published[[f"n_{a}", f"mean_{a}", f"var_{a}"]].itertuples(index=False) for a in "ct"]
    for key, control, treatment in zip(named(published), *arms, strict=True):
        lift = last[key].lift
        assert isinstance(lift, Interval)
        assert (lift.low, lift.high) == pytest.approx(fieller(control, treatment), rel=1e-8)


def test_the_splits_agree_with_the_reference(
    results: Callable[..., Results], published: pd.DataFrame, one: Callable[..., Any]
) -> None:
    checks = results("asos_dev", snapshot="max").checks
    two_arms = published.groupby("experiment_id").filter(
        lambda rows: set(rows["variant_id"]) == {rows.iloc[0]["variant_id"]}
    )
    largest = two_arms.sort_values("n_c").groupby("experiment_id").last()
    assert len(largest) > 20
    for experiment, p in largest["srm_p_50_50"].items():
        check = one(checks, name="sample_ratio", experiment=experiment)
        assert check.value == pytest.approx(p, rel=1e-9, abs=1e-300)


def test_a_missing_variance_leaves_the_means_and_says_why_there_is_no_test(
    first: dict[Key, Estimate], data_dir: Path
) -> None:
    raw = pd.read_parquet(data_dir / "asos_dev" / "asos_dev.parquet")
    groups = raw.groupby(["experiment_id", "variant_id", "metric_id"])["time_since_start"]
    raw = raw[raw["time_since_start"] == groups.transform("min")]
    missing = set(named(raw[raw["variance_t"].isna()]))
    assert len(missing) == 12
    without = {key for key, e in first.items() if reason_of(e) is Reason.NO_VARIANCE_GIVEN}
    assert without == missing
    for key in missing:
        e = first[key]
        assert isinstance(e.lift, NotEstimable)
        assert e.lift.reason is Reason.NO_VARIANCE_GIVEN
        assert (e.p_value, e.p_adjusted, e.mde, e.significant) == (None, None, None, False)
        assert e.value_treatment is not None


def reason_of(estimate: Estimate) -> Reason | None:
    return estimate.difference.reason if isinstance(estimate.difference, NotEstimable) else None


def test_metrics_beside_the_primary_are_corrected_together(last: dict[Key, Estimate]) -> None:
    several = [e for key, e in last.items() if key[0] == "b2da2e" and key[2] != "metric 1"]
    assert len(several) == 12
    wanted = stats.false_discovery_control([e.p_value for e in several], method="bh")
    assert [e.p_adjusted for e in several] == pytest.approx(wanted, rel=1e-12)
