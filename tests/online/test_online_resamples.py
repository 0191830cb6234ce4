"""The bootstrap in the engine, against one in numpy from the same hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from abgap.engine.hashing import PRIME, make_draws
from abgap.online.plan import make_plan
from abgap.online.resamples import Key, Resamples, Wanted, resample
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Estimate, Interval, Kind, NotEstimable, Reason, Role
from abgap.records.moments import FloatArray
from abgap.stats.procedure import Procedure

DRAWS, SEED, N = 400, 77, 600
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]
WHOLE: tuple[None, None, None] = (None, None, None)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "user": [f"u{i}" for i in range(N)],
            "arm": rng.choice(["A", "B"], N),
            "device": rng.choice(["phone", "desk"], N),
            "seen": pd.to_datetime(rng.choice(DAYS, N)).astype("datetime64[us]"),
            "spend": np.where(rng.random(N) < 0.3, rng.lognormal(3, 1, N), 0.0),
            "orders": rng.poisson(2, N),
            "rating": np.where(rng.random(N) < 0.2, np.nan, 100.0 + rng.normal(0, 1, N)),
        }
    )


@pytest.fixture
def declared(bench: Any, frame: pd.DataFrame) -> dict[str, Any]:
    bench.parquet("users.parquet", frame)
    return {
        "unit_values": {
            "path": "users.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "user", "variant": "arm", "at": "seen"},
            "slices": ["device"],
        },
        "metrics": {
            "spend": {"kind": "mean", "value": "spend", "cap_percentile": 95, "bootstrap": True},
            "buyer": {"kind": "proportion", "value": "spend > 0", "bootstrap": True},
            "basket": {
                "kind": "ratio",
                "numerator": {"value": "spend"},
                "denominator": {"value": "orders"},
                "bootstrap": True,
            },
            "rating": {"kind": "mean", "value": "rating", "bootstrap": True},
        },
    }


def resampled(run: Any, **wanted: Any) -> Resamples:
    asked: dict[str, Any] = {"metrics": tuple(run.study.metrics), "funnels": (), "draws": DRAWS, "seed": SEED}
    asked |= wanted
    return resample(run.engine, run.sums.plan, run.wide, Wanted(**asked), progress=lambda _: None)


def weights_of(units: list[str]) -> FloatArray:
    """Poisson(1) weights, (units, draws), straight from what methods.md says."""
    hashes = [int(hashlib.md5(f"{SEED}:{unit}".encode()).hexdigest()[:8], 16) % PRIME for unit in units]  # noqa: S324
    draws = make_draws(SEED, DRAWS, purpose="bootstrap")
    numbers = [
        [(int(a) * h + int(b)) % PRIME for a, b in zip(draws.factor, draws.shift, strict=True)]
        for h in hashes
    ]
    found: FloatArray = stats.poisson.ppf((np.array(numbers) + 0.5) / PRIME, 1.0)
    return found


def expected(frame: pd.DataFrame, chosen: npt.NDArray[np.bool_], metric: str) -> FloatArray:
    part = frame[chosen]
    weights = weights_of(list(part["user"]))
    spend = part["spend"].to_numpy()
    if metric == "basket":
        return np.asarray((spend @ weights) / (part["orders"].to_numpy() @ weights))
    cap = np.quantile(frame["spend"], 0.95)
    values = {
        "spend": np.minimum(spend, cap),
        "buyer": (spend > 0).astype(float),
        "rating": part["rating"].to_numpy(),
    }[metric]
    known = ~np.isnan(values)
    return np.asarray((values[known] @ weights[known]) / weights[known].sum(axis=0))


@pytest.mark.parametrize("metric", ["spend", "buyer", "basket", "rating"])
def test_every_draw_is_that_of_numpy(
    bench: Any, frame: pd.DataFrame, declared: dict[str, Any], metric: str
) -> None:
    with bench.run(declared) as run:
        found = resampled(run).metrics[metric]
    in_b = (frame["arm"] == "B").to_numpy()
    days = frame["seen"].dt.strftime("%Y-%m-%d")
    cases: dict[Key, npt.NDArray[np.bool_]] = {
        ("e", "B", *WHOLE): in_b,
        ("e", "B", "device", "desk", None): in_b & (frame["device"] == "desk").to_numpy(),
        ("e", "B", None, None, DAYS[1]): in_b & (days <= DAYS[1]).to_numpy(),
    }
    for key, chosen in cases.items():
        np.testing.assert_allclose(found[key], expected(frame, chosen, metric), rtol=1e-12)


def test_draws_do_not_depend_on_threads_or_on_batches(
    bench: Any, declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench.run(declared, threads=1) as run:
        whole = resampled(run)
    monkeypatch.setattr("abgap.online.resamples._MOST_GROUPS", 500)
    with bench.run(declared, threads=4) as run:
        in_parts = resampled(run)
    for metric, by_key in whole.metrics.items():
        assert by_key.keys() == in_parts.metrics[metric].keys()
        for key, values in by_key.items():
            assert values.tobytes() == in_parts.metrics[metric][key].tobytes()


def test_only_what_is_wanted_is_drawn(bench: Any, declared: dict[str, Any]) -> None:
    with bench.run(declared) as run:
        assert set(resampled(run, metrics=("buyer",)).metrics) == {"buyer"}
        assert resampled(run, metrics=("buyer",), experiments=("other",)).metrics["buyer"] == {}


def estimates(run: Any, resamples: Resamples | None) -> dict[tuple[Any, ...], Estimate]:
    traits = {
        name: MetricTraits(
            name=name,
            kind=metric.kind,
            role=Role.PRIMARY,
            direction=Direction.UP,
            smallest_worthwhile_lift=0.05,
            non_inferiority_margin=0.05,
            cumulative=True,
        )
        for name, metric in run.study.metrics.items()
    }
    found = make_estimates(compare_arms(run.moments, {"e": "A"}, traits, Procedure(), resamples=resamples))
    return {(e.metric, e.slice_value, e.period): e for e in found}


def test_estimates_take_their_intervals_from_the_draws(
    bench: Any, frame: pd.DataFrame, declared: dict[str, Any]
) -> None:
    with bench.run(declared) as run:
        plain, found = estimates(run, None), estimates(run, resampled(run))
    assert plain.keys() == found.keys()
    arms = {arm: (frame["arm"] == arm).to_numpy() for arm in "AB"}
    control, treatment = (expected(frame, arms[arm], "basket") for arm in "AB")
    basket = found["basket", None, None]
    assert isinstance(basket.difference, Interval)
    assert isinstance(basket.lift, Interval)
    # Ten of 400 draws lie beyond either end; with hundreds of units they are hardly widened.
    assert basket.difference.low == pytest.approx(np.sort(treatment - control)[8], rel=1e-9)
    assert basket.lift.high == pytest.approx(np.sort(treatment / control - 1.0)[-9], rel=1e-9)
    for key, estimate in found.items():
        before = plain[key]
        assert isinstance(estimate.difference, Interval)
        assert isinstance(before.difference, Interval)
        assert estimate.difference.method == "bootstrap"
        assert estimate.difference.estimate == before.difference.estimate
        width = estimate.difference.high - estimate.difference.low
        assert width == pytest.approx(before.difference.high - before.difference.low, rel=0.35)
        assert estimate.mde == before.mde


def test_a_metric_that_does_not_ask_keeps_its_interval(bench: Any, declared: dict[str, Any]) -> None:
    with bench.run(declared) as run:
        plain, found = estimates(run, None), estimates(run, resampled(run, metrics=("basket",)))
    changed = {key[0] for key, estimate in found.items() if estimate.difference != plain[key].difference}
    assert changed == {"basket"}


def test_a_lift_over_a_control_near_zero_is_refused(
    bench: Any, frame: pd.DataFrame, declared: dict[str, Any]
) -> None:
    changed = frame.assign(spend=np.random.default_rng(1).normal(0.0, 1.0, N))
    bench.parquet("users.parquet", changed)
    declared["metrics"] = {"spend": {"kind": "mean", "value": "spend", "bootstrap": True}}
    with bench.run(declared) as run:
        found = estimates(run, resampled(run))["spend", None, None]
    assert isinstance(found.lift, NotEstimable)
    assert found.lift.reason is Reason.CONTROL_NEAR_ZERO
    assert isinstance(found.difference, Interval)


def test_a_p_that_too_few_draws_hold_up_says_how_many_it_takes(bench: Any) -> None:
    rng = np.random.default_rng(5)
    arm, country = rng.choice(["A", "B"], 8000), rng.integers(0, 40, 8000)
    better = (country == 3) & (arm == "B")
    users = {
        "user": np.arange(8000),
        "arm": arm,
        "country": country,
        "y": rng.exponential(1.0 + 2.0 * better),
    }
    bench.parquet("users.parquet", pd.DataFrame(users))
    columns = {"experiment": {"value": "e"}, "unit": "user", "variant": "arm"}
    declared = {
        "unit_values": {"path": "users.parquet", "columns": columns, "slices": ["country"]},
        "metrics": {"y": {"kind": "mean", "value": "y", "bootstrap": True}},
    }
    with bench.run(declared) as run:
        few = estimates(run, resampled(run))
        note = few["y", "3", None].notes[-1]
        assert "as small as 400 draws can tell" in note
        assert "correction for 40 tests" in note
        needed = int(note.split("replicates = ")[1].split()[0])
        many = estimates(run, resampled(run, draws=needed))
    assert not few["y", "3", None].significant
    assert many["y", "3", None].significant
    for found in (few["y", "4", None], few["y", None, None], many["y", "3", None]):
        assert not any("draws" in note for note in found.notes)


def test_draws_without_a_denominator_are_not_called_an_arm_without_one(
    bench: Any, declared: dict[str, Any]
) -> None:
    with bench.run(declared) as run:
        draws = resampled(run)
        draws.metrics["basket"]["e", "A", None, None, None][:50] = np.nan
        found = estimates(run, draws)["basket", None, None]
    assert found.difference == NotEstimable(
        reason=Reason.NO_DENOMINATOR, detail="in some draws of the bootstrap an arm has no denominator"
    )


def test_draws_of_another_seed_or_purpose_are_others() -> None:
    one = make_draws(1, 50, purpose="bootstrap")
    assert one.factor.tolist() == make_draws(1, 50, purpose="bootstrap").factor.tolist()
    assert one.factor.tolist() != make_draws(2, 50, purpose="bootstrap").factor.tolist()
    assert one.factor.tolist() != make_draws(1, 50, purpose="other").factor.tolist()
    assert one.factor.min() >= 1
    assert max(one.factor.max(), one.shift.max()) < PRIME
    # What PCG64 gives today it has to give for good: the draws of a study are promised to stay.
    assert (int(one.factor[0]), int(one.shift[0])) == FIRST_DRAW


FIRST_DRAW = (925_898_369, 433_996_449)


def test_weights_of_two_units_are_independent_over_the_draws() -> None:
    draws = make_draws(5, 20_000, purpose="bootstrap")
    numbers = [(draws.factor * h + draws.shift) % PRIME / PRIME for h in (12, 13, 1_000_003)]
    for values in numbers:
        assert stats.kstest(values, "uniform").pvalue > 0.001
    correlation = np.asarray(np.corrcoef(numbers))
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() < 4.0 / np.sqrt(len(draws))


def test_kinds_and_plans_agree(declared: dict[str, Any], bench: Any, row_of: Callable[..., Any]) -> None:
    with bench.run(declared) as run:
        found = resampled(run).metrics
        assert {m.metric for m in make_plan(run.study).metrics if m.kind is not Kind.QUANTILE} == set(found)
        for metric, by_key in found.items():
            mean = row_of(run.moments, metric, "B")["mean"]
            assert np.mean(by_key["e", "B", *WHOLE]) == pytest.approx(mean, rel=0.05)
