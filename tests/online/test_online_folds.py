"""Permanent folds: which unit is in which, and that the ten of them are the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from abgap.online.experiments import Variants
from abgap.online.folds import as_folds, sum_folds
from abgap.online.joint import joint_columns, joint_of, layout_of
from abgap.online.moments import make_moments
from abgap.online.plan import make_plan
from abgap.records import Moments
from abgap.stats.moments import merge_joint

UNITS = [f"u{i}" for i in range(3_000)]
VARIANTS: Variants = {"e": None, "f": None}
PARTS = ("numerator_mean", "numerator_variance", "denominator_mean", "denominator_variance", "covariance")


def folds_of(run: Any) -> Moments:
    sums = sum_folds(run.engine, make_plan(run.study), run.wide, progress=lambda _: None)
    return as_folds(make_moments(sums, VARIANTS))


def rows(moments: Moments, **keys: object) -> npt.NDArray[np.intp]:
    chosen = np.ones(len(moments), dtype=bool)
    for name, value in keys.items():
        chosen &= np.array([found == value for found in getattr(moments, name)], dtype=bool)
    return np.flatnonzero(chosen)


def declared(bench: Any) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    n = len(UNITS)
    bench.parquet(
        "users.parquet",
        {
            "test": rng.choice(["e", "f"], n),
            "user": UNITS,
            "arm": rng.choice(["A", "B"], n),
            "spend": np.where(rng.random(n) < 0.1, rng.lognormal(3, 1, n), 0.0),
            "before": np.where(rng.random(n) < 0.2, np.nan, 1e6 + rng.normal(0, 1, n)),
            "orders": rng.poisson(2, n),
        },
    )
    return {
        "experiments": {"e": {"control": "A"}, "f": {"control": "A"}},
        "unit_values": {
            "path": "users.parquet",
            "columns": {"experiment": "test", "unit": "user", "variant": "arm"},
        },
        "metrics": {
            "spend": {
                "kind": "mean",
                "value": "spend",
                "cap_percentile": 95,
                "covariate": {"column": "before"},
            },
            "buyer": {"kind": "proportion", "value": "spend > 0"},
            "basket": {
                "kind": "ratio",
                "numerator": {"value": "spend"},
                "denominator": {"value": "orders"},
            },
        },
    }


def test_a_fold_is_a_matter_of_the_id_alone(bench: Any) -> None:
    expected = {unit: str(int(hashlib.md5(unit.encode()).hexdigest()[:8], 16) % 10) for unit in UNITS}  # noqa: S324
    with bench.run(declared(bench)) as run:
        folds_of(run)
        found = dict(run.engine.rows("SELECT unit, fold FROM unit_folds"))
    assert found == expected


def test_the_ten_folds_together_are_the_whole(bench: Any) -> None:
    with bench.run(declared(bench)) as run:
        folds, whole = folds_of(run), run.moments
    assert set(folds.fold) == set(range(10))
    assert {*folds.slice_name, *folds.period} == {None}
    for (experiment, arm, metric), merged in _merged(folds).items():
        (row,) = rows(whole, experiment=experiment, variant=arm, metric=metric, slice_name=None, period=None)
        for name, value in merged.items():
            assert value == pytest.approx(getattr(whole, name)[row], rel=1e-12), (
                experiment,
                arm,
                metric,
                name,
            )


def _merged(folds: Moments) -> dict[tuple[str, str, str], dict[str, float]]:
    """All moments of every arm and metric, merged by the formulas for parts of a whole."""
    found = {}
    for experiment in ("e", "f"):
        for arm in ("A", "B"):
            for metric in ("spend", "buyer", "basket"):
                at = rows(folds, experiment=experiment, variant=arm, metric=metric)
                assert len(at) == 10
                found[experiment, arm, metric] = _merged_rows(folds, at, metric)
    return found


def _merged_rows(folds: Moments, at: npt.NDArray[np.intp], metric: str) -> dict[str, float]:
    own = folds.take(at)
    layout = layout_of(own)
    merged = merge_joint(joint_of(own, layout), np.ones((1, len(own)), dtype=bool))
    found = {name: float(column[0]) for name, column in joint_columns(merged, layout).items()}
    if metric == "basket":
        return {"n": float(merged.n[0])} | {name: found[name] for name in PARTS}
    if metric == "spend":
        found |= {name: float(getattr(own, name).sum()) for name in ("capped_units", "without_history")}
    return {"n": float(merged.n[0])} | found


def test_folds_do_not_depend_on_threads(
    bench: Any, agree_in_every_bit: Callable[[Moments, Moments], bool]
) -> None:
    study = declared(bench)
    with bench.run(study, threads=1) as one, bench.run(study, threads=4) as four:
        assert agree_in_every_bit(folds_of(one), folds_of(four))
