"""Robustness: clean against perturbed examples by pandas, where the live share comes from, rates over drawn sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.robustness import judge
from abgap.records import FindingStatus, Interval, LiveMix
from tests.gap.reason_cases import RATE, case_of, sliced_offline, study_of

KINDS = ("clean", "typo", "case")


def table(seed: int, *, loss: float = 0.1, share: float = 0.2, n: int = 2000) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    spelling = random.choice(KINDS, n, p=[1.0 - share, 0.75 * share, 0.25 * share])
    mean = 0.06 - loss * (spelling != "clean")
    return pd.DataFrame({"spelling": spelling, "difference": mean + random.normal(0.0, 0.15, n)})


def robust_case(frame: pd.DataFrame, live: float | None = 0.5, **more: Any) -> Case:
    perturbed = {"slice": "spelling", "clean": "clean"} | ({} if live is None else {"live_share": live})
    return case_of(sliced_offline(frame, "spelling"), study=study_of(gap={"perturbed": perturbed}), **more)


def by_hand(frame: pd.DataFrame, live: float, draws: float = np.inf) -> tuple[float, float]:
    """What the gain over all examples loses at the live share, and half of its interval."""
    by = frame.groupby(frame["spelling"] == "clean")["difference"]
    count, mean, variance = (np.asarray(column, dtype=float) for column in (by.size(), by.mean(), by.var()))
    test, other = count / len(frame), np.array([live, 1.0 - live])
    terms = (test - other) ** 2 * variance / count
    spread = live * (1.0 - live) / draws
    error = np.sqrt(terms.sum() + spread * (mean[0] - mean[1]) ** 2)
    df = terms.sum() ** 2 / (terms**2 / (count - 1)).sum()
    return float(frame["difference"].mean() - other @ mean), float(stats.t.ppf(0.975, df) * error)


def test_the_amount_is_what_the_claimed_gain_loses_at_the_declared_live_share() -> None:
    frame = table(1)
    finding = judge(robust_case(frame))
    lost, half = by_hand(frame, 0.5)
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * lost, rel=1e-9)
    assert finding.lift.high - finding.lift.estimate == pytest.approx(RATE * half, rel=1e-9)
    assert finding.status is FindingStatus.SUPPORTED
    assert "of live requests 50.0 % are perturbed" in finding.sentence
    values = {row.name: row.value for row in finding.evidence}
    means = frame.groupby("spelling")["difference"].mean()
    assert values["gain, clean inputs"] == pytest.approx(means["clean"], rel=1e-9)
    assert values["gain, spelling = typo"] == pytest.approx(means["typo"], rel=1e-9)
    pooled = frame.loc[frame["spelling"] != "clean", "difference"].mean()
    assert values["gain, perturbed inputs"] == pytest.approx(pooled, rel=1e-9)


def test_live_sources_tell_the_share_before_the_study_does() -> None:
    counts: Mapping[str | None, int] = {"clean": 600, "typo": 300, "emoji": 100, None: 50}
    mixes = (LiveMix(experiment="x", slice_name="spelling", counts=counts, noun="requests", draws=400),)
    frame = table(2)
    finding = judge(robust_case(frame, 0.01, mixes=mixes))
    lost, half = by_hand(frame, 0.4, 400)
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * lost, rel=1e-9)
    assert finding.lift.high - finding.lift.estimate == pytest.approx(RATE * half, rel=1e-9)


def test_a_test_set_that_is_perturbed_as_live_inputs_are_has_the_loss_in_its_claim() -> None:
    assert judge(robust_case(table(3), 0.2)).status is FindingStatus.CONTRADICTED


def test_inputs_that_are_missing_are_named() -> None:
    frame = table(4)
    assert judge(case_of(sliced_offline(frame, "spelling"))).missing == ("[gap] perturbed",)
    assert judge(robust_case(frame, None)).missing == ("[gap.perturbed] live_share",)
    study = robust_case(frame).study
    assert judge(case_of(sliced_offline(frame), study=study)).missing == ("slice spelling of the test set",)
    dirty = frame[frame["spelling"] != "clean"]
    assert judge(robust_case(dirty)).missing == ("clean examples in slice spelling",)
    clean = frame[frame["spelling"] == "clean"]
    assert judge(robust_case(clean)).missing == ("perturbed examples in slice spelling",)
    assert judge(replace(robust_case(frame), target=None)).missing == ("[gap] exchange_rate",)


def test_a_metric_that_is_no_mean_over_examples_is_refused() -> None:
    case = robust_case(table(5))
    rows = case.evidence.offline
    moved = (replace(rows[0], value=(rows[0].value or 0.0) + 0.01), *rows[1:])
    finding = judge(replace(case, evidence=replace(case.evidence, offline=moved)))
    assert "is no mean over examples" in finding.sentence


@pytest.mark.parametrize(("loss", "low", "high"), [(0.1, 0.90, 1.0), (0.0, 0.0, 0.05)])
def test_it_is_found_when_planted_and_not_when_not(loss: float, low: float, high: float) -> None:
    """Sets of 2,000 queries with a spread of .15; 20 % of them perturbed, and 50 % of live requests."""
    truth = RATE * (0.5 - 0.2) * loss
    supported, covered = [], []
    for seed in range(120):
        finding = judge(robust_case(table(500 + seed, loss=loss)))
        assert isinstance(finding.lift, Interval)
        supported.append(finding.status is FindingStatus.SUPPORTED)
        covered.append(finding.lift.low <= truth <= finding.lift.high)
    assert low <= np.mean(supported) <= high
    assert 0.90 <= np.mean(covered) <= 0.98
