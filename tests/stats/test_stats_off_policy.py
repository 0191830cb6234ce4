"""Off-policy estimates: the formulas over raw decisions, published values, and intervals that hold what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from abgap.records import Reason
from abgap.stats.off_policy import OffPolicySums, diagnostics, estimate, refusal
from abgap.stats.proportions import wilson_interval
from abgap.stats.tails import normal_bounds

Values = npt.NDArray[np.float64]


def sums_of(
    reward: Values, weight: Values, *, clip: float = 10.0, doubly: Values | None = None
) -> OffPolicySums:
    """The sums of decisions that stand alone (last axis)."""
    columns = [np.ones_like(reward), reward, weight, weight * reward, np.minimum(weight, clip) * reward]
    columns.append(weight * reward if doubly is None else doubly)
    values = np.stack(columns, axis=-2)
    return OffPolicySums(
        units=np.asarray(float(reward.shape[-1])) * np.ones(reward.shape[:-1]),
        total=values.sum(axis=-1),
        product=np.einsum("...iu,...ju->...ij", values, values),
        squared_weight=(weight**2).sum(axis=-1),
        largest_weight=weight.max(axis=-1),
        cut=(weight > clip).sum(axis=-1).astype(float),
        unsupported=np.zeros(reward.shape[:-1]),
    )


@pytest.mark.data
@pytest.mark.parametrize(("campaign", "items"), [("all", 80), ("men", 34)])
def test_the_values_published_beside_the_open_bandit_sample(
    data_dir: Path, campaign: str, items: int
) -> None:
    folder = data_dir / "obd_small"
    log = pd.read_parquet(folder / f"bts_{campaign}.parquet", columns=["click", "propensity_score"])
    theirs = json.loads((folder / "reference.json").read_text(encoding="utf-8"))[campaign][
        "ope_uniform_from_bts"
    ]
    reward, propensity = (log[name].to_numpy(dtype=np.float64) for name in log.columns)
    sums = sums_of(reward, 1.0 / items / propensity)
    ips, clipped, snips = (estimate(sums, name) for name in ("ips", "clipped_ips", "snips"))
    told = diagnostics(sums)
    ours = {
        "ipw": ips.value,
        "ipw_se": ips.standard_error,
        "snipw": snips.value,
        "snipw_se_delta": snips.standard_error,
        "ess": told.effective,
        "max_weight": told.largest,
        "mean_weight": told.mean,
        "ipw_clip10": clipped.value,
        "naive_mean_of_bts_log": estimate(sums, "logged").value,
    }
    for name, value in ours.items():
        assert float(value) == pytest.approx(theirs[name], rel=1e-9), name
    truth, spread = theirs["target_on_policy_random_ctr"], theirs["target_se"]
    for found, name in ((ips, "ipw"), (snips, "snipw")):
        z = (found.value - truth) / np.hypot(found.standard_error, spread)
        assert float(z) == pytest.approx(theirs[f"z_{name}_vs_target"], rel=1e-9)
        assert abs(z) < 1.96, "the log tells what the other policy really earned"
    assert refusal(float(sums.units), float(told.mean), float(told.effective)) is None


@pytest.mark.data
def test_shares_of_clicks_have_the_intervals_of_the_reference(data_dir: Path) -> None:
    reference = json.loads((data_dir / "obd_small" / "reference.json").read_text(encoding="utf-8"))
    for campaign in ("all", "men"):
        for node in reference[campaign]["ctr"].values():
            share, low, high = wilson_interval(node["clicks"], node["n"], 0.05)
            assert [float(share), float(low), float(high)] == pytest.approx(
                [node["ctr"], *node["wilson95"]], rel=1e-9
            )


def test_gains_are_those_of_paired_decisions() -> None:
    rng = np.random.default_rng(3)
    reward, weight, doubly = rng.normal(2, 1, 500), rng.gamma(2, 0.5, 500), rng.normal(2, 1, 500)
    sums = sums_of(reward, weight, doubly=doubly)
    for name, value in (("ips", weight * reward), ("dr", doubly)):
        found = estimate(sums, name)
        change = value - reward
        assert float(found.gain) == pytest.approx(change.mean(), rel=1e-12)
        assert float(found.gain_standard_error) == pytest.approx(change.std(ddof=1) / np.sqrt(500), rel=1e-9)


def test_a_policy_that_is_the_logging_one_gains_nothing_and_knows_it() -> None:
    reward = np.array([0.0, 1.0] * 200)
    found = estimate(sums_of(reward, np.ones(400)), "ips")
    assert (float(found.gain), float(found.gain_standard_error)) == (0.0, 0.0)
    assert float(found.standard_error) == pytest.approx(reward.std(ddof=1) / 20.0, rel=1e-12)


@pytest.mark.parametrize(
    ("units", "mean", "effective", "expected"),
    [
        (7.0, 1.0, 7.0, Reason.TOO_FEW_UNITS),
        (1e6, 1.0, 99.9, Reason.SMALL_EFFECTIVE_SAMPLE),
        (1e6, 1.0, float("nan"), Reason.SMALL_EFFECTIVE_SAMPLE),
        (1e6, 0.79, 1e5, Reason.WEIGHTS_OFF),
        (1e6, 1.26, 1e5, Reason.WEIGHTS_OFF),
        (1e6, 0.8, 100.0, None),
        (1e6, 1.25, 100.0, None),
    ],
)
def test_what_says_too_little_is_refused(
    units: float, mean: float, effective: float, expected: Reason | None
) -> None:
    assert refusal(units, mean, effective) is expected


def test_estimates_are_unbiased_and_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """A softmax logger and another target over five actions, clicks by action: the truth is known."""
    rng = np.random.default_rng(11)
    logging, target = np.array([0.4, 0.3, 0.15, 0.1, 0.05]), np.array([0.1, 0.15, 0.2, 0.25, 0.3])
    clicks = np.array([0.05, 0.1, 0.2, 0.15, 0.3])
    truth, runs, n = float(target @ clicks), 2_000, 1_000
    action = rng.choice(5, size=(runs, n), p=logging)
    reward = (rng.random((runs, n)) < clicks[action]).astype(np.float64)
    weight = (target / logging)[action]
    # Expectations that are wrong by as much as they like: the weights make up for it.
    wrong = np.array([0.2, 0.1, 0.1, 0.3, 0.1])
    doubly = float(target @ wrong) + weight * (reward - wrong[action])
    sums = sums_of(reward, weight, doubly=doubly)
    noise = 3.0 * np.sqrt(0.95 * 0.05 / runs)
    for name in ("ips", "snips", "dr"):
        found = estimate(sums, name)
        off = (found.value.mean() - truth) / (found.value.std() / np.sqrt(runs))
        assert abs(off) < 3.0, f"{name} is unbiased"
        _, low, high = normal_bounds(found.value, found.standard_error, 0.05)
        coverage = np.mean((low <= truth) & (truth <= high))
        assert coverage == pytest.approx(0.95, abs=noise), name
    cut = estimate(sums_of(reward, weight, clip=2.0), "clipped_ips")
    assert cut.value.mean() < truth - 0.01, "clipping trades bias for variance"
    assert cut.value.std() < estimate(sums, "ips").value.std()
