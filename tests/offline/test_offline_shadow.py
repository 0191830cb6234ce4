"""A shadow run in the engine against the same rows in pandas, and rows that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.shadow import ShadowRun, read_shadow, shadowed_models
from abgap.offline.shadow_changes import error_rate, latency_quantile, mean_cost
from abgap.records import Interval, NotEstimable, Reason
from abgap.study.base import Source

Read = Callable[..., ShadowRun]
EVIL = '\'; drop table "x"; --<script>'


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a run and read it."""

    def reader(run: pd.DataFrame) -> ShadowRun:
        run.to_parquet(tmp_path / "run.parquet", index=False)
        source = Source(path="run.parquet", columns={name: name for name in run.columns})
        with DuckDBEngine(directory=tmp_path) as engine:
            assert shadowed_models(engine, source, tmp_path) == tuple(sorted(run.model.dropna().unique()))
            return read_shadow(engine, source, tmp_path, candidate=EVIL, production="old")

    return reader


def make_run(n: int = 2_000, **more: Any) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    shared = rng.normal(0, 0.4, n)
    parts = []
    for model, median in (("old", 250), (EVIL, 275), ("third", 100)):
        latency = np.rint(median * np.exp(shared + rng.normal(0, 0.1, n)))
        cost = 0.001 * rng.lognormal(0, 0.3, n) * median / 250
        failed = (rng.random(n) < (0.02 if model == EVIL else 0.01)).astype(float)
        rows = {"request": np.arange(n), "model": model, "latency_ms": latency, "cost": cost, "error": failed}
        parts.append(pd.DataFrame(rows | more))
    return pd.concat(parts, ignore_index=True)


def both(run: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the candidate and of production, by request."""
    new, old = (run[run.model == name].set_index("request") for name in (EVIL, "old"))
    return new, old


def test_everything_is_what_pandas_makes_of_the_rows(read: Read) -> None:
    run = make_run().sample(frac=1.0, random_state=3)
    run = run[~((run.model == "old") & (run.request < 7))]
    new, old = both(run)
    found = read(run)
    answered = new.index[new.error == 0].intersection(old.index[old.error == 0])
    assert found.models == tuple(sorted([EVIL, "old", "third"]))
    assert found.requests == len(answered)
    assert found.only_candidate == len(new.index[new.error == 0].difference(answered))
    assert found.only_production == len(old.index[old.error == 0].difference(answered))
    for fraction, points in found.latency.items():
        got = latency_quantile(points, found.requests, fraction, 0.05)
        c, p = (side.loc[answered, "latency_ms"] for side in (new, old))
        assert got.candidate == pytest.approx(np.quantile(c, fraction), rel=1e-12)
        assert got.production == pytest.approx(np.quantile(p, fraction), rel=1e-12)
        assert points.both == int(((c <= got.candidate) & (p <= got.production)).sum())
        assert isinstance(got.change, Interval)
        assert isinstance(got.own, Interval)
        assert got.change.low < got.candidate / got.production - 1.0 < got.change.high
        assert got.own.low <= got.candidate <= got.own.high
    assert found.costs is not None
    shared = new.index.intersection(old.index)
    costs = mean_cost(found.costs, 0.05)
    assert costs is not None
    c, p = (side.loc[shared, "cost"].to_numpy() for side in (new, old))
    assert costs.candidate == pytest.approx(1000 * c.mean(), rel=1e-9)
    assert isinstance(costs.change, Interval)
    log_error = (c / c.mean() - p / p.mean()).std(ddof=1) / np.sqrt(len(c))
    ends = np.expm1(np.log(c.mean() / p.mean()) + 1.959963984540054 * log_error * np.array([-1, 1]))
    assert [costs.change.low, costs.change.high] == pytest.approx(ends, rel=1e-9)
    assert found.errors is not None
    errors = error_rate(found.errors, 0.05)
    assert errors.candidate == pytest.approx(new.loc[shared, "error"].mean(), rel=1e-12)
    assert errors.production == pytest.approx(old.loc[shared, "error"].mean(), rel=1e-12)


def test_a_run_without_one_of_the_models_has_no_requests(read: Read) -> None:
    run = make_run()
    found = read(run[run.model != EVIL])
    assert (found.requests, found.latency, found.models) == (0, {}, ("old", "third"))


def test_without_costs_and_errors_there_are_latencies(read: Read) -> None:
    found = read(make_run().drop(columns=["cost", "error"]))
    assert (found.costs, found.errors, found.requests) == (None, None, 2_000)


def test_few_requests_say_too_little_of_a_high_quantile(read: Read) -> None:
    found = read(make_run(30, error=0))
    change = latency_quantile(found.latency[0.95], found.requests, 0.95, 0.05).change
    assert isinstance(change, NotEstimable)
    assert change.reason is Reason.TOO_FEW_VALUES


def test_requests_that_all_take_the_same_leave_nothing_to_test(read: Read) -> None:
    found = read(make_run(error=0, latency_ms=5.0, cost=0.25))
    assert found.costs is not None
    for got in (latency_quantile(found.latency[0.5], 2_000, 0.5, 0.05), mean_cost(found.costs, 0.05)):
        assert got is not None
        assert isinstance(got.change, NotEstimable)
        assert got.change.reason is Reason.ZERO_VARIANCE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda run: pd.concat([run, run.iloc[:2]]),
            "2,002 rows for 2,000 requests; one row per model and request",
        ),
        (
            lambda run: run.assign(latency_ms=-run.latency_ms),
            "2,000 rows whose latency or cost is below zero",
        ),
        (lambda run: run.assign(cost=np.inf), "2,000 rows whose latency or cost is below zero or not finite"),
        (lambda run: run.assign(request=run.request.where(run.index > 0)), "1 row without a request"),
    ],
)
def test_rows_that_cannot_be_are_an_error(
    read: Read, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read(change(make_run()))


def test_a_row_without_a_model_is_an_error(read: Read) -> None:
    run = make_run()
    with pytest.raises(DataError, match="a row has no model"):
        read(run.assign(model=run.model.where(run.index > 0)))
