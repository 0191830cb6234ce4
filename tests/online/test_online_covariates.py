"""Several covariates, of means and of ratios: the moments carry enough, and least squares agrees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from abgap.online.balance import balance_checks, lifts_before_exposure
from abgap.online.joint import covaried, joint_columns, joint_of, layout_of
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Estimate, Interval, Kind, Moments, NotEstimable, Reason, Role, Status
from abgap.stats.contrast import mean_contrast
from abgap.stats.covariates import Covaried, adjusted_contrast, one_covariate
from abgap.stats.intervals import p_value
from abgap.stats.moments import Bivariate, Joint, Univariate, merge_joint
from abgap.stats.procedure import Procedure
from abgap.study.load import check_study
from abgap.study.model import Covariate, Study
from abgap.study.procedure import procedure_of

Values = npt.NDArray[np.float64]


def users(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, before = rng.normal(40.0, 12.0, n), rng.gamma(2.0, 5.0, n)
    arm = np.where(rng.random(n) < 0.4, "B", "A")
    sessions = rng.poisson(1.0 + before / 4.0) + 1.0
    clicks = rng.binomial(sessions.astype(int), np.clip(0.1 + age / 200.0, 0.0, 1.0)).astype(float)
    spend = 3.0 + 0.8 * before + 0.1 * age + rng.normal(0.0, 4.0, n) + np.where(arm == "B", 0.6, 0.0)
    return pd.DataFrame(
        {
            "arm": arm,
            "spend": spend,
            "before": before,
            "age": age,
            "twice": 2.0 * before,
            "clicks": clicks,
            "sessions": sessions,
            "day": rng.choice(["2026-03-02", "2026-03-03", "2026-03-04"], n),
        }
    )


def study(metrics: dict[str, Any]) -> dict[str, Any]:
    columns = {"experiment": {"value": "e"}, "variant": "arm", "at": "day"}
    return {"unit_values": {"path": "users.parquet", "columns": columns}, "metrics": metrics}


def study_of(declared: dict[str, Any]) -> Study:
    return check_study({"experiments": {"e": {"control": "A"}}} | declared)


def columns(*names: str) -> list[dict[str, str]]:
    return [{"column": name} for name in names]


def spend_on(*names: str) -> dict[str, Any]:
    return {"spend": {"kind": "mean", "value": "spend", "covariate": columns(*names)}}


RATIO = {
    "ctr": {
        "kind": "ratio",
        "numerator": {"value": "clicks"},
        "denominator": {"value": "sessions"},
        "covariate": columns("before", "age"),
    }
}


def estimates(moments: Moments, name: str, kind: Kind, **procedure: Any) -> tuple[Estimate, ...]:
    traits = MetricTraits(
        name=name,
        kind=kind,
        role=Role.PRIMARY,
        direction=Direction.UP,
        smallest_worthwhile_lift=0.01,
        non_inferiority_margin=None,
        cumulative=True,
    )
    return make_estimates(compare_arms(moments, {"e": "A"}, {name: traits}, Procedure(**procedure)))


def whole(found: Sequence[Estimate]) -> Estimate:
    (one,) = [estimate for estimate in found if estimate.period is None and estimate.slice_name is None]
    return one


def interval(estimate: Estimate) -> Interval:
    assert isinstance(estimate.difference, Interval)
    return estimate.difference


def arms(frame: pd.DataFrame, values: Values, theta: Values, names: Sequence[str]) -> tuple[float, float]:
    """Difference and standard error of the residuals, from the rows."""
    left = values - frame[list(names)].to_numpy() @ theta
    a, b = left[frame["arm"] == "A"], left[frame["arm"] == "B"]
    return b.mean() - a.mean(), np.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size)


def test_two_covariates_are_least_squares_with_common_slopes(bench: Any) -> None:
    frame = users(1, 4_000)
    bench.parquet("users.parquet", frame)
    found = whole(estimates(bench.moments(study(spend_on("before", "age"))), "spend", Kind.MEAN))
    treated = (frame["arm"] == "B").astype(float)
    design = np.column_stack([np.ones(len(frame)), treated, frame["before"], frame["age"]])
    fit = sm.OLS(frame["spend"], design).fit()
    assert interval(found).estimate == pytest.approx(fit.params.iloc[1], rel=1e-9)
    difference, error = arms(frame, frame["spend"].to_numpy(), fit.params.to_numpy()[2:], ["before", "age"])
    assert interval(found).estimate == pytest.approx(difference, rel=1e-9)
    half = (interval(found).high - interval(found).low) / 2.0
    assert half / error == pytest.approx(1.96, abs=0.01)
    assert found.unadjusted is not None
    assert isinstance(found.unadjusted.difference, Interval)
    raw = frame.groupby("arm")["spend"].mean()
    assert found.unadjusted.difference.estimate == pytest.approx(raw["B"] - raw["A"], rel=1e-9)
    assert found.covariate_variance_removed is not None
    assert found.covariate_variance_removed > 0.6


def test_covariates_that_explain_everything_leave_the_unadjusted_comparison(bench: Any) -> None:
    frame = users(3, 300).assign(same=lambda f: f["spend"])
    bench.parquet("users.parquet", frame)
    found = whole(estimates(bench.moments(study(spend_on("same"))), "spend", Kind.MEAN))
    assert found.difference == NotEstimable(
        reason=Reason.ZERO_VARIANCE,
        detail="the covariates explain every difference between units, so nothing is left to test",
    )
    assert found.unadjusted is not None
    assert isinstance(found.unadjusted.difference, Interval)
    assert any("the unadjusted comparison stands beside" in note for note in found.notes)


def test_slopes_by_arm_are_the_interacted_regression(bench: Any) -> None:
    frame = users(2, 3_000)
    frame.loc[frame["arm"] == "B", "spend"] += 0.5 * frame["before"]
    bench.parquet("users.parquet", frame)
    moments = bench.moments(study(spend_on("before", "age")))
    found = interval(whole(estimates(moments, "spend", Kind.MEAN, slopes_by_arm=True)))
    treated = (frame["arm"] == "B").astype(float)
    x = frame[["before", "age"]] - frame[["before", "age"]].mean()
    design = np.column_stack([np.ones(len(frame)), treated, x, x.mul(treated, axis=0)])
    fit = sm.OLS(frame["spend"], design).fit()
    assert found.estimate == pytest.approx(fit.params.iloc[1], rel=1e-9)
    pooled = interval(whole(estimates(moments, "spend", Kind.MEAN)))
    assert found.estimate != pytest.approx(pooled.estimate, rel=1e-6)


def test_a_ratio_is_adjusted_by_its_linearised_value(bench: Any) -> None:
    frame = users(3, 5_000)
    bench.parquet("users.parquet", frame)
    found = whole(estimates(bench.moments(study(RATIO)), "ctr", Kind.RATIO))
    linear = np.empty(len(frame))
    for _, rows in frame.groupby("arm"):
        r = rows["clicks"].sum() / rows["sessions"].sum()
        linear[rows.index] = r + (rows["clicks"] - r * rows["sessions"]) / rows["sessions"].mean()
    treated = (frame["arm"] == "B").astype(float)
    design = np.column_stack([np.ones(len(frame)), treated, frame["before"], frame["age"]])
    fit = sm.OLS(linear, design).fit()
    assert interval(found).estimate == pytest.approx(fit.params[1], rel=1e-8)
    assert interval(found).method == "delta-adjusted"
    assert found.covariate_variance_removed is not None
    assert found.covariate_variance_removed > 0.05


def test_covariates_that_say_the_same_count_once(bench: Any) -> None:
    bench.parquet("users.parquet", users(4, 2_000))
    alone = whole(estimates(bench.moments(study(spend_on("before"))), "spend", Kind.MEAN))
    twice = whole(estimates(bench.moments(study(spend_on("before", "twice"))), "spend", Kind.MEAN))
    assert twice.p_value == pytest.approx(alone.p_value, rel=1e-6)
    assert interval(twice).high == pytest.approx(interval(alone).high, rel=1e-9)


@pytest.mark.parametrize("metrics", [spend_on("before", "age"), RATIO])
def test_days_add_up_to_the_whole(bench: Any, metrics: dict[str, Any]) -> None:
    bench.parquet("users.parquet", users(5, 900))
    name, kind = next(iter(metrics)), Kind(next(iter(metrics.values()))["kind"])
    *days, last = [e for e in estimates(bench.moments(study(metrics)), name, kind) if e.period is not None]
    one = whole(estimates(bench.moments(study(metrics)), name, kind))
    assert len(days) == 2
    assert interval(last).estimate == pytest.approx(interval(one).estimate, rel=1e-9)
    assert last.p_value == pytest.approx(one.p_value, rel=1e-8)


def test_days_before_exposure_give_a_ratio_two_covariates(bench: Any, row_of: Any) -> None:
    exposures = {"unit": ["u1", "u2", "u3"], "arm": "A", "at": pd.Timestamp("2026-03-10")}
    bench.parquet("exposures.parquet", exposures)
    events = [("u1", "2026-03-08", "click"), ("u1", "2026-03-08", "view"), ("u2", "2026-03-09", "view")]
    events += [("u1", "2026-03-11", "view"), ("u3", "2026-03-11", "view"), ("u3", "2026-03-11", "click")]
    frame = pd.DataFrame(events, columns=["unit", "at", "event"])
    bench.parquet("events.parquet", frame.assign(at=pd.to_datetime(frame["at"])))
    sides = {
        side: {"fact": "events", "where": f"event = '{event}'"}
        for side, event in (("numerator", "click"), ("denominator", "view"))
    }
    declared = {
        "exposures": {
            "path": "exposures.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "unit", "variant": "arm", "at": "at"},
        },
        "facts": {"events": {"path": "events.parquet", "columns": {"unit": "unit", "at": "at"}}},
        "experiments": {"e": {"control": "A", "start": dt.date(2026, 3, 10), "end": dt.date(2026, 3, 20)}},
        "metrics": {"ctr": {"kind": "ratio", **sides, "covariate": {"lookback_days": 7}}},
    }
    row = row_of(bench.moments(declared), "ctr")
    assert row["covariate_means"] == pytest.approx([1 / 3, 2 / 3])
    assert row["without_history"] == 2, "two units have no click before, one of them no view either"
    y, x = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0])
    clicks, views = np.array([1.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0])
    crosses = [np.cov(value, twin)[0, 1] for value in (y, x) for twin in (clicks, views)]
    assert row["covariate_crosses"] == pytest.approx(crosses)
    covariances = np.cov(np.stack([clicks, views])).ravel()
    assert row["covariate_covariances"] == pytest.approx(covariances)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(12, 60), parts=st.integers(2, 5))
def test_merging_the_parts_of_an_arm_gives_the_whole(seed: int, n: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(1e3, 2.0, (n, 3))

    def joint(rows: Values) -> Joint:
        covariances = np.cov(rows.T) if len(rows) > 1 else np.full((3, 3), np.nan)
        return Joint(n=np.asarray(float(len(rows))), means=rows.mean(axis=0), covariances=covariances)

    pieces = [joint(piece) for piece in np.array_split(values, parts)]
    rows = Joint(
        n=np.array([float(piece.n) for piece in pieces]),
        means=np.stack([piece.means for piece in pieces]),
        covariances=np.stack([piece.covariances for piece in pieces]),
    )
    whole = merge_joint(rows, np.ones((1, parts), dtype=bool))
    assert whole.n[0] == n
    np.testing.assert_allclose(whole.means[0], values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(whole.covariances[0], np.cov(values.T), rtol=1e-8, atol=1e-9)


def draw(seed: int, n: int, effect: float = 0.0) -> tuple[Values, Values]:
    rng = np.random.default_rng(seed)
    x = rng.normal(5.0, 2.0, (n, 2))
    return x @ np.array([1.0, -0.5]) + rng.normal(0.0, 1.0, n) + effect, x


def arm(y: Values, x: Values) -> Covaried:
    joint = np.cov(np.column_stack([y, x]).T)
    value = Univariate(n=np.asarray(float(y.size)), mean=y.mean(), variance=joint[0, 0])
    return Covaried(value=value, means=x.mean(axis=0), covariances=joint[1:, 1:], crosses=joint[0, 1:])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 80), scale=st.floats(1e-3, 1e6))
def test_swapping_arms_negates_scaling_scales_and_a_constant_covariate_adds_nothing(
    seed: int, n: int, scale: float
) -> None:
    (y_c, x_c), (y_t, x_t) = draw(seed, n), draw(seed + 1, n + 7, 0.3)
    found, removed = adjusted_contrast(arm(y_c, x_c), arm(y_t, x_t))
    back, _ = adjusted_contrast(arm(y_t, x_t), arm(y_c, x_c))
    assert back.difference == pytest.approx(-found.difference, rel=1e-9, abs=1e-12)
    assert p_value(back) == pytest.approx(p_value(found), rel=1e-9)
    scaled, _ = adjusted_contrast(arm(scale * y_c, x_c), arm(scale * y_t, x_t))
    assert scaled.difference == pytest.approx(scale * found.difference, rel=1e-8, abs=1e-9 * scale)
    assert p_value(scaled) == pytest.approx(p_value(found), rel=1e-7)
    more, same = adjusted_contrast(
        *(arm(y, np.column_stack([x, np.full(y.size, 3.0)])) for y, x in ((y_c, x_c), (y_t, x_t)))
    )
    assert more.difference == pytest.approx(found.difference, rel=1e-9, abs=1e-12)
    assert more.variance == pytest.approx(found.variance, rel=1e-9)
    assert same == pytest.approx(removed, rel=1e-9)


def test_experiments_with_and_without_covariates_go_in_one_call() -> None:
    (y_c, x_c), (y_t, x_t) = draw(11, 50), draw(12, 60, 0.4)
    both = [arm(y_c, x_c), arm(y_t, x_t)]
    stacked = [
        Covaried(
            value=Univariate(**{f: np.array([getattr(a.value, f)] * 2) for f in ("n", "mean", "variance")}),
            means=np.stack([a.means, np.full(2, np.nan)]),
            covariances=np.stack([a.covariances, np.full((2, 2), np.nan)]),
            crosses=np.stack([a.crosses, np.full(2, np.nan)]),
        )
        for a in both
    ]
    found, removed = adjusted_contrast(stacked[0], stacked[1])
    alone, of_one = adjusted_contrast(both[0], both[1])
    plain = mean_contrast(both[0].value, both[1].value)
    assert found.difference == pytest.approx([float(alone.difference), float(plain.difference)])
    assert removed[0] == pytest.approx(of_one)
    assert np.isnan(removed[1])


def test_rows_go_to_vectors_and_back(bench: Any) -> None:
    bench.parquet("users.parquet", users(6, 300))
    for metrics in (spend_on("before", "age"), spend_on("before"), RATIO):
        moments = bench.moments(study(metrics))
        layout = layout_of(moments)
        back = replace(moments, **joint_columns(joint_of(moments, layout), layout))
        for rows in (moments, back):
            found = covaried(rows, np.arange(len(rows)))
            assert np.isfinite(found.crosses).all()
        for name in ("means", "covariances", "crosses"):
            first, second = (getattr(covaried(m, np.arange(len(m))), name) for m in (moments, back))
            np.testing.assert_allclose(first, second, rtol=1e-12)


def test_one_covariate_is_the_bivariate_case() -> None:
    (y_c, x_c), (y_t, x_t) = draw(13, 40), draw(14, 45)
    pairs = []
    for y, x in ((y_c, x_c[:, 0]), (y_t, x_t[:, 0])):
        joint = np.cov(y, x)
        pairs.append(
            Bivariate(
                n=np.asarray(float(y.size)),
                mean_y=y.mean(),
                variance_y=joint[0, 0],
                mean_x=x.mean(),
                variance_x=joint[1, 1],
                covariance=joint[0, 1],
            )
        )
    by_pair, _ = adjusted_contrast(*(one_covariate(pair) for pair in pairs))
    by_list, _ = adjusted_contrast(arm(y_c, x_c[:, :1]), arm(y_t, x_t[:, :1]))
    assert by_pair.difference == pytest.approx(by_list.difference, rel=1e-12)


class TestBalance:
    def check(self, bench: Any, frame: pd.DataFrame, metrics: dict[str, Any]) -> Any:
        bench.parquet("users.parquet", frame)
        declared = study(metrics)
        (check,) = balance_checks(bench.moments(declared), {"e": "A"}, study_of(declared).metrics)
        return check

    def test_a_covariate_that_differs_between_the_arms_is_a_finding(self, bench: Any) -> None:
        frame = users(7, 3_000)
        frame.loc[frame["arm"] == "B", "before"] *= 1.2
        check = self.check(bench, frame, spend_on("before", "age"))
        rows = [frame.loc[frame["arm"] == arm, "before"] for arm in ("A", "B")]
        oracle = scipy.stats.ttest_ind(rows[1], rows[0], equal_var=False).pvalue
        assert (check.name, check.status, check.blocking) == ("covariate_balance", Status.FAIL, False)
        assert check.value == pytest.approx(2.0 * oracle, rel=1e-9)
        assert "The arms differed before exposure: before was " in check.sentence

    def test_arms_that_were_alike_pass_and_a_covariate_of_two_metrics_is_tested_once(
        self, bench: Any
    ) -> None:
        frame = users(8, 3_000)
        both = spend_on("before", "age") | RATIO
        check = self.check(bench, frame, both)
        assert check.status is Status.PASS
        assert check.sentence.startswith("Before exposure the arms were alike (2 tests, ")

    def test_without_covariates_there_is_nothing_to_check(self, bench: Any) -> None:
        bench.parquet("users.parquet", users(9, 200))
        declared = study({"spend": {"kind": "mean", "value": "spend"}})
        assert balance_checks(bench.moments(declared), {"e": "A"}, study_of(declared).metrics) == []


def test_lifts_before_exposure_are_those_of_the_metric_in_the_days_before(bench: Any) -> None:
    rng = np.random.default_rng(5)
    n = 400
    before = rng.gamma(4.0, 2.0, n)
    arm = np.where(np.arange(n) % 2, "B", "A")
    before[arm == "B"] *= 1.2
    bench.parquet("u.parquet", {"e": ["e"] * n, "v": arm, "y": before + rng.normal(0, 1, n), "x": before})
    declared = {
        "unit_values": {"path": "u.parquet", "columns": {"experiment": "e", "variant": "v"}},
        "metrics": {"y": {"kind": "mean", "value": "y", "covariate": {"column": "x"}}},
    }
    with bench.run(declared) as run:
        column, procedure = run.study.metrics, procedure_of(run.study)
        assert lifts_before_exposure(run.moments, {"e": "A"}, column, procedure) == {}
        history = {"y": column["y"].model_copy(update={"covariate": Covariate(lookback_days=7.0)})}
        ((key, found),) = lifts_before_exposure(run.moments, {"e": "A"}, history, procedure).items()
    assert key == ("e", "B", "y")
    assert isinstance(found, Interval)
    a, b = before[arm == "A"], before[arm == "B"]
    assert found.estimate == pytest.approx(b.mean() / a.mean() - 1.0, rel=1e-9)
    assert found.low < found.estimate < found.high
