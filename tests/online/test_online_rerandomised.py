"""Units divided anew in the engine, against the same in numpy from the same hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from abgap.engine.hashing import PRIME, make_draws
from abgap.online.joint import layout_of
from abgap.online.rerandomised import Splits, split_units
from abgap.records import Moments
from abgap.sources.sql import identifier

SEED, DRAWS, N = 11, 25, 900


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    spend = np.where(rng.random(N) < 0.3, rng.lognormal(3, 1, N), 0.0)
    return pd.DataFrame(
        {
            "user": [f"u{i}" for i in range(N)],
            "test": np.where(np.arange(N) % 10, "it's", "other"),
            "arm": rng.choice(["A", "B", "C"], N),
            "device": rng.choice(["phone", "desk"], N),
            "spend": np.where(rng.random(N) < 0.1, np.nan, spend),
            "before": np.where(rng.random(N) < 0.2, np.nan, spend + rng.normal(0, 3, N)),
            "orders": rng.poisson(2, N),
            "clock": 1e9 + rng.normal(0, 1e-3, N),
        }
    )


@pytest.fixture
def declared(bench: Any, frame: pd.DataFrame) -> dict[str, Any]:
    bench.parquet("users.parquet", frame)
    return {
        "experiments": {"it's": {"control": "A", "treatments": ["B"]}, "other": {"control": "A"}},
        "unit_values": {
            "path": "users.parquet",
            "columns": {"experiment": "test", "unit": "user", "variant": "arm"},
            "slices": ["device"],
        },
        "metrics": {
            "spend": {
                "kind": "mean",
                "value": "spend",
                "cap_percentile": 95,
                "covariate": {"column": "before"},
            },
            "buyer": {"kind": "proportion", "value": "orders > 2", "stratify_by": "device"},
            "basket": {
                "kind": "ratio",
                "numerator": {"value": "spend"},
                "denominator": {"value": "orders"},
            },
            "clock": {"kind": "mean", "value": "clock"},
        },
    }


def splits(**more: Any) -> Splits:
    asked: dict[str, Any] = {"experiment": "it's", "control": "A", "treatment": "B", "control_share": 0.7}
    asked |= {"metrics": ("spend", "buyer", "basket", "clock"), "strata": ("device",)}
    return Splits(**(asked | {"draws": DRAWS, "seed": SEED} | more))


def divided(run: Any, **more: Any) -> Moments:
    return split_units(run.engine, run.sums, run.wide, splits(**more), progress=lambda _: None)


def to_control(units: pd.DataFrame, draw: int, share: float) -> npt.NDArray[np.bool_]:
    """Who goes to control, from what docs/methods.md says."""
    draws = make_draws(SEED, DRAWS, purpose="selftest")
    a, b = int(draws.factor[draw]), int(draws.shift[draw])
    hashes = [int(hashlib.md5(f"{SEED}:{u}".encode()).hexdigest()[:8], 16) % PRIME for u in units["user"]]  # noqa: S324
    return np.array([(a * h + b) % PRIME < round(share * PRIME) for h in hashes])


def expected(units: pd.DataFrame, chosen: npt.NDArray[np.bool_], metric: str) -> dict[str, float]:
    cap = float(units["spend"].quantile(0.95))
    part = units[chosen]
    spend = part["spend"]
    if metric == "spend":
        known = part[spend.notna()]
        y, x = known["spend"].clip(upper=cap), known["before"].fillna(0.0)
        return {
            "n": float(len(known)),
            "mean": y.mean(),
            "variance": y.var(),
            "covariate_mean": x.mean(),
            "covariate_variance": x.var(),
            "covariate_covariance": y.cov(x),
        }
    if metric == "basket":
        both = part[spend.notna()]
        return {
            "n": float(len(both)),
            "numerator_mean": both["spend"].mean(),
            "denominator_variance": both["orders"].astype(float).var(),
            "covariance": both["spend"].cov(both["orders"].astype(float)),
        }
    values = part["clock"] - 1e9 if metric == "clock" else (part["orders"] > 2).astype(float)
    shift = 1e9 if metric == "clock" else 0.0
    return {"n": float(len(part)), "mean": values.mean() + shift, "variance": values.var()}


@pytest.mark.parametrize("metric", ["spend", "buyer", "basket", "clock"])
def test_every_division_has_the_moments_of_numpy(
    bench: Any, frame: pd.DataFrame, declared: dict[str, Any], metric: str
) -> None:
    units = frame[(frame["test"] == "it's") & frame["arm"].isin(["A", "B"])]
    with bench.run(declared) as run:
        found = divided(run)
    assert set(found.experiment) == {str(draw) for draw in range(DRAWS)}
    rows = zip(
        found.experiment, found.variant, found.metric, found.slice_name, found.slice_value, strict=True
    )
    compared = 0
    for row, (draw, variant, name, slice_name, device) in enumerate(rows):
        if name != metric:
            continue
        chosen = to_control(units, int(draw), 0.7) == (variant == "A")
        if slice_name is not None:
            chosen &= (units["device"] == device).to_numpy()
        for column, value in expected(units, chosen, metric).items():
            rel = 1e-6 if metric == "clock" else 1e-10
            assert getattr(found, column)[row] == pytest.approx(value, rel=rel), (draw, variant, column)
        compared += 1
    assert compared == DRAWS * 2 * 3


def test_divisions_do_not_depend_on_threads_and_change_with_the_seed(
    bench: Any, declared: dict[str, Any], agree_in_every_bit: Callable[[Moments, Moments], bool]
) -> None:
    with bench.run(declared, threads=1) as one, bench.run(declared, threads=4) as four:
        here, there, other = divided(one), divided(four), divided(one, seed=SEED + 1)
    assert agree_in_every_bit(here, there)
    assert not agree_in_every_bit(here, other)


def test_only_what_the_metrics_need_is_added_up(bench: Any, declared: dict[str, Any]) -> None:
    with bench.run(declared) as run:
        found = divided(run, metrics=("spend",), strata=())
        kept = list(run.engine.describe(identifier("split_units")))
    assert kept == ["experiment", "drawn_from", "spend", "spend: before exposure"]
    assert set(found.metric) == {"spend"}
    assert {*found.slice_name} == {None}
    assert layout_of(found).covariates == 1


def test_a_capped_metric_of_which_units_lack_a_part_is_added_up(bench: Any, frame: pd.DataFrame) -> None:
    bench.parquet("users.parquet", frame)
    study = {
        "unit_values": {
            "path": "users.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "user", "variant": "arm"},
        },
        "metrics": {
            "basket": {
                "kind": "ratio",
                "numerator": {"value": "spend"},
                "denominator": {"value": "orders"},
                "cap_percentile": 95,
            }
        },
    }
    moments = bench.moments(study)
    (row,) = np.flatnonzero(moments.variant == "A")
    both = frame[(frame["arm"] == "A") & frame["spend"].notna()]
    capped = both["spend"].clip(upper=float(frame["spend"].quantile(0.95)))
    assert moments.mean[row] == pytest.approx(capped.sum() / both["orders"].sum(), rel=1e-12)
