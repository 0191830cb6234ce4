"""Scores of numeric predictions, against scikit-learn, scipy and the published definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from sklearn import metrics as oracle

from abgap.engine.duckdb import DuckDBEngine
from abgap.offline.contest import Contest
from abgap.offline.example_contests import Terms
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.numbers import number_contests
from abgap.offline.tasks.training import open_training
from abgap.records import Interval, NotEstimable, Reason
from abgap.study.load import check_study

Found = Mapping[tuple[str, str | None, str], Contest]
Measure = Callable[..., Found]
PAIRS = (("new", "old"),)
TERMS = Terms(alpha=0.05, seed=1, noun="examples")
rng = np.random.default_rng(3)
N = 400
TRUTH = rng.gamma(2.0, 50.0, N) + 1.0
FRAME = pd.DataFrame(
    {
        "model": ["old"] * N + ["new"] * N,
        "example": [f"e{i}" for i in range(N)] * 2,
        "y_true": np.tile(TRUTH, 2),
        "y_pred": np.concatenate([TRUTH + rng.normal(3, 20, N), TRUTH + rng.normal(1, 15, N)]),
        "slice 1": np.tile(np.where(np.arange(N) % 3 == 0, "a", "b"), 2),
    }
)


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Put predictions into an engine, and measure them; results by metric, baseline and slice value."""

    def measured(
        frame: pd.DataFrame,
        *,
        task: str = "regression",
        pairs: Sequence[tuple[str, str]] = PAIRS,
        training: pd.DataFrame | None = None,
        season: int = 1,
        declared: Mapping[str, Any] | None = None,
        same: bool = True,
    ) -> Found:
        columns = {"model": "model", "example": "example", "y_true": "y_true", "y_pred": "y_pred"}
        columns |= {name: name for name in ("series", "at") if name in frame.columns}
        offline: dict[str, Any] = {"predictions": {"path": "p", "task": task, "columns": columns}}
        if training is not None:
            training.to_parquet(tmp_path / "t.parquet")
            known = {name: name for name in ("series", "at", "y") if name in training.columns}
            offline["training"] = {"path": "t.parquet", "columns": known, "season": season}
        study = check_study({"offline": offline, "offline_metrics": dict(declared or {})})
        full = frame.assign(
            series=frame["series"] if "series" in frame.columns else None,
            at=frame["at"] if "at" in frame.columns else None,
        )
        slices = [name for name in frame.columns if name.startswith("slice ")]
        with DuckDBEngine(directory=tmp_path) as engine:
            engine.connection.register("given", full)
            engine.connection.execute("create temp table predictions as select * from given")
            relation = open_training(engine, study, tmp_path)
            contests = number_contests(
                engine,
                study,
                slices,
                Procedure(terms=replace(TERMS, shared=not same), pairs=pairs, alone=("old",)),
                season=None if relation is None else season,
            )
        return {(c.metric, c.model, c.slice_value or ""): c for c in contests}

    return measured


def of(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    return frame.loc[frame["model"] == model]


def column(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(frame[name], dtype=np.float64)


def test_every_score_is_that_of_scikit_learn(measure: Measure) -> None:
    names = ("mae", "mse", "rmse", "r2", "mape", "bias")
    found = measure(FRAME, declared={name: {} for name in names})
    for model in ("old", "new"):
        truth, said = of(FRAME, model)["y_true"], of(FRAME, model)["y_pred"]
        expected = {
            "mae": oracle.mean_absolute_error(truth, said),
            "mse": oracle.mean_squared_error(truth, said),
            "rmse": oracle.root_mean_squared_error(truth, said),
            "r2": oracle.r2_score(truth, said),
            "mape": oracle.mean_absolute_percentage_error(truth, said),
            "bias": (said - truth).mean(),
        }
        got = {name: found[name, model, ""].value for name in names}
        assert got == pytest.approx(expected, rel=1e-11)
    assert found["r2", "new", ""].baseline_value == found["r2", "old", ""].value
    assert found["r2", "old", ""].baseline is None


def test_r2_keeps_its_digits_far_from_zero(measure: Measure) -> None:
    frame = FRAME.assign(y_true=FRAME["y_true"] + 1e9, y_pred=FRAME["y_pred"] + 1e9)
    part = of(frame, "new")
    expected = oracle.r2_score(part["y_true"], part["y_pred"])
    assert measure(frame)["r2", "new", ""].value == pytest.approx(expected, rel=1e-9)


def test_means_are_compared_example_by_example(measure: Measure) -> None:
    found = measure(FRAME)["mae", "new", ""]
    gaps = [np.abs(column(of(FRAME, m), "y_pred") - TRUTH) for m in ("new", "old")]
    expected = scipy.stats.ttest_rel(gaps[0], gaps[1])
    interval = expected.confidence_interval(0.95)
    assert isinstance(found.gain, Interval)
    assert (found.gain.low, found.gain.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.gain.method == "paired-t"
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.sd == pytest.approx((gaps[0] - gaps[1]).std(ddof=1), rel=1e-9)
    assert isinstance(found.bootstrap, Interval)
    assert found.bootstrap.low == pytest.approx(interval.low, abs=0.4)
    assert found.p_permutation is not None


def test_what_is_no_mean_is_resampled(measure: Measure) -> None:
    found = measure(FRAME)["rmse", "new", ""]
    old, new = (column(of(FRAME, m), "y_pred") - TRUTH for m in ("old", "new"))
    draws = np.random.default_rng(0).integers(0, N, (4000, N))
    gains = np.sqrt((new[draws] ** 2).mean(1)) - np.sqrt((old[draws] ** 2).mean(1))
    assert isinstance(found.gain, Interval)
    assert found.gain.method == "paired bootstrap"
    assert (found.gain.low, found.gain.high) == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.4)
    assert found.p_value == found.p_permutation
    assert found.sd is None


def test_slices_are_measured_on_their_own(measure: Measure) -> None:
    found = measure(FRAME)
    for value in ("a", "b"):
        part = of(FRAME, "new")
        part = part[part["slice 1"] == value]
        contest = found["rmse", "new", value]
        assert contest.value == pytest.approx(oracle.root_mean_squared_error(part["y_true"], part["y_pred"]))
        assert (contest.n, contest.slice_name) == (len(part), "slice 1")
        lazy = np.abs(part["y_true"] - np.median(TRUTH)).mean()
        assert found["mae", "new", value].lazy["median"] == pytest.approx(lazy, rel=1e-11)
        assert found["mae", "new", value].bootstrap is None


def test_lazy_predictors_get_what_formulas_say(measure: Measure) -> None:
    found = measure(FRAME, declared={"mse": {}, "mae": {}, "r2": {}, "wape": {}, "mape": {}, "smape": {}})
    lazy = {name: found[name, "new", ""].lazy for name in ("mse", "mae", "r2", "wape", "mape", "smape")}
    assert lazy["mse"]["mean"] == pytest.approx(TRUTH.var(), rel=1e-11)
    assert lazy["mae"]["median"] == pytest.approx(np.abs(TRUTH - np.median(TRUTH)).mean(), rel=1e-11)
    assert lazy["r2"]["mean"] == pytest.approx(0.0, abs=1e-12)
    assert (lazy["wape"]["zero"], lazy["mape"]["zero"], lazy["smape"]["zero"]) == pytest.approx((1, 1, 200))
    assert measure(FRAME)["bias", "new", ""].lazy["mean"] == 0.0, "and not what rounding leaves of it"


def test_mape_refuses_zeros_and_says_which(measure: Measure) -> None:
    frame = FRAME.assign(y_true=np.where(FRAME["example"].isin(["e1", "e4"]), 0.0, FRAME["y_true"]))
    found = measure(frame, declared={"mape": {}, "wape": {}})
    contest = found["mape", "new", ""]
    assert contest.value is None
    assert isinstance(contest.gain, NotEstimable)
    assert contest.gain.reason is Reason.NOT_DEFINED
    assert "the truth is 0 in 2 examples ('e1', 'e4')" in contest.gain.detail
    part = frame[(frame["model"] == "new") & (frame["slice 1"] == "a")]
    assert found["mape", "new", "a"].value == pytest.approx(
        oracle.mean_absolute_percentage_error(part["y_true"], part["y_pred"])
    ), "slices without a zero have their value"
    assert found["wape", "new", ""].value is not None


def test_a_truth_that_does_not_vary_has_no_r2(measure: Measure) -> None:
    found = measure(FRAME.assign(y_true=0.1))["r2", "new", ""]
    assert (found.value, found.gain) == (
        None,
        NotEstimable(reason=Reason.NOT_DEFINED, detail="the truth does not vary"),
    )


def test_other_examples_are_refused_with_counts_unless_shared_is_asked_for(measure: Measure) -> None:
    frame = FRAME[~((FRAME["model"] == "old") & FRAME["example"].isin(["e0", "e1", "e2"]))]
    refused = measure(frame)["mae", "new", ""]
    assert isinstance(refused.gain, NotEstimable)
    assert refused.gain.reason is Reason.NOT_MATCHED
    assert refused.gain.detail == "evaluated on 400 examples, the baseline on 397, 397 shared"
    assert (refused.value, refused.n) == (None, 0)
    shared = measure(frame, same=False)["mae", "new", ""]
    assert isinstance(shared.gain, Interval)
    assert (shared.n, shared.skipped) == (397, 3)


def test_models_that_do_not_differ_have_no_p_at_all(measure: Measure) -> None:
    same = FRAME.assign(y_pred=np.tile(of(FRAME, "old")["y_pred"], 2))
    names = ("mae", "rmse", "r2", "wape")
    found = measure(same, declared={name: {} for name in names})
    for name in names:
        row = found[name, "new", ""]
        assert isinstance(row.gain, NotEstimable)
        assert row.gain.reason is Reason.ZERO_VARIANCE
        assert (row.p_value, row.p_permutation) == (None, None)


@pytest.mark.parametrize("offset", [0.0, 1e9, -1e9])
def test_always_saying_the_mean_has_an_r2_and_a_bias_of_exactly_nothing(
    measure: Measure, offset: float
) -> None:
    frame = FRAME.assign(y_true=FRAME["y_true"] + offset, y_pred=FRAME["y_pred"] + offset)
    found = measure(frame, declared={"r2": {}, "bias": {}})
    assert [found[name, "new", ""].lazy["mean"] for name in ("r2", "bias")] == [0.0, 0.0]
    assert found["r2", "new", "a"].lazy["mean"] < 0.0, "the mean of all is not that of a slice"


def test_rows_in_another_order_give_the_same_bits(measure: Measure) -> None:
    shuffled = FRAME.sample(frac=1.0, random_state=1)
    assert measure(FRAME) == measure(shuffled)


PAST = pd.DataFrame(
    {
        "series": ["s"] * 8 + ["t"] * 6,
        "at": [*pd.date_range("2026-01-01", periods=8), *pd.date_range("2026-01-01", periods=6)],
        "y": [1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0, 10.0, 10.0, 14.0, 10.0, 12.0, 10.0],
    }
)
AHEAD = pd.DataFrame(
    {
        "model": ["new"] * 6 + ["old"] * 6,
        "example": ["1", "2", "3"] * 4,
        "series": (["s"] * 3 + ["t"] * 3) * 2,
        "at": [*pd.date_range("2026-02-01", periods=3)] * 4,
        "y_true": [5.0, 9.0, 6.0, 11.0, 13.0, 0.0] * 2,
        "y_pred": [4.5, 8.0, 6.5, 10.0, 14.0, 1.0, 5.0, 6.0, 9.0, 12.0, 12.0, 0.0],
    }
)


@pytest.mark.parametrize(("season", "scales"), [(1, (25 / 7, 12 / 5)), (2, (6 / 6, 6 / 4))])
def test_mase_is_scaled_by_the_training_series(
    measure: Measure, season: int, scales: tuple[float, float]
) -> None:
    found = measure(AHEAD, task="forecast", training=PAST, season=season)
    scale = np.repeat(scales, 3)
    for model in ("new", "old"):
        part = of(AHEAD, model)
        expected = (np.abs(column(part, "y_pred") - column(part, "y_true")) / scale).mean()
        assert found["mase", model, ""].value == pytest.approx(expected, rel=1e-12)
    truth = column(of(AHEAD, "new"), "y_true")
    lazy = found["mase", "new", ""].lazy
    naive = np.repeat([8.0, 10.0], 3)
    assert lazy["naive"] == pytest.approx((np.abs(naive - truth) / scale).mean(), rel=1e-12)
    if season == 2:
        seasonal = np.array([4.0, 8.0, 4.0, 12.0, 10.0, 12.0])
        assert lazy["seasonal naive"] == pytest.approx((np.abs(seasonal - truth) / scale).mean(), rel=1e-12)
    else:
        assert "seasonal naive" not in lazy


def test_forecast_scores_by_hand(measure: Measure) -> None:
    found = measure(AHEAD, task="forecast", training=PAST)
    truth, said = (column(of(AHEAD, "new"), c) for c in ("y_true", "y_pred"))
    gap = np.abs(said - truth)
    assert found["smape", "new", ""].value == pytest.approx((200 * gap / (truth + said)).mean(), rel=1e-12)
    assert found["wape", "new", ""].value == pytest.approx(gap.sum() / truth.sum(), rel=1e-12)
    assert found["mape", "new", ""].value is None
    detail = found["mape", "new", ""].gain
    assert isinstance(detail, NotEstimable)
    assert "'1:t:3'" in detail.detail, "the example with the zero, with its series"
    assert found["smape", "old", ""].value == pytest.approx(
        np.mean([0, 200 * 3 / 15, 200 * 3 / 15, 200 / 23, 200 / 25, 0]), rel=1e-12
    )


def test_a_series_without_a_scale_is_named(measure: Measure) -> None:
    past = PAST.assign(y=np.where(PAST["series"] == "t", 3.0, PAST["y"]))
    found = measure(AHEAD, task="forecast", training=past)["mase", "new", ""]
    assert isinstance(found.gain, NotEstimable)
    assert "do not change in training or are too short there: 't'" in found.gain.detail


def test_mase_without_a_training_series_says_what_is_missing(measure: Measure) -> None:
    assert ("mase", "new", "") not in measure(AHEAD, task="forecast")
    found = measure(AHEAD, task="forecast", declared={"mase": {}})["mase", "new", ""]
    assert isinstance(found.gain, NotEstimable)
    assert "add [offline.training]" in found.gain.detail


def test_examples_of_one_series_are_tested_as_one(measure: Measure) -> None:
    series = 12
    length = np.arange(3, 3 + series)
    names = np.repeat([f"s{i}" for i in range(series)], length)
    n = len(names)
    shared = np.repeat(rng.normal(0, 3, series), length)
    truth = rng.normal(50, 5, n)
    said = [truth + rng.normal(0, 2, n) + 0.4 * shared, truth + rng.normal(0, 2, n) + shared]
    frame = pd.DataFrame(
        {
            "model": np.repeat(["new", "old"], n),
            "series": np.tile(names, 2),
            "example": np.tile(np.concatenate([np.arange(k) for k in length]), 2).astype(str),
            "y_true": np.tile(truth, 2),
            "y_pred": np.concatenate(said),
        }
    )
    found = measure(frame, task="forecast", declared={"mae": {}, "rmse": {}})
    gaps = np.abs(said[0] - truth) - np.abs(said[1] - truth)
    fitted = sm.OLS(gaps, np.ones(n)).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(series), length)}, use_t=True
    )
    mae = found["mae", "new", ""]
    assert isinstance(mae.gain, Interval)
    assert (mae.gain.low, mae.gain.high) == pytest.approx(tuple(fitted.conf_int()[0]), rel=1e-9)
    assert mae.p_value == pytest.approx(float(fitted.pvalues[0]), rel=1e-6)
    assert mae.notes[0] == "tested over 12 series: examples of one go together"
    assert found["rmse", "new", ""].notes == mae.notes, "draws take whole series too"
    assert (mae.n, mae.sd, mae.effect_size) == (n, None, None)
    rmse = found["rmse", "new", ""]
    assert isinstance(rmse.gain, Interval)
    assert rmse.p_value == rmse.p_permutation
    assert round((rmse.p_value or 0) * 2**series) == pytest.approx((rmse.p_value or 0) * 2**series), (
        "all exchanges"
    )
