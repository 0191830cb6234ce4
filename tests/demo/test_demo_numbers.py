"""The estimates of two experiments, made again from the raw logs by other means: pandas, scipy and statsmodels.

Nothing of abgap is used here but the numbers it reports. The experiments: one with three arms, and one whose logs
hold units in two variants and windows that are not over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

pytestmark = pytest.mark.demo

Values = npt.NDArray[np.float64]
ARMS = [("cross_encoder", "B"), ("cross_encoder", "C"), ("personal_ranking", "B")]
RATIOS = {
    "clicks_per_session": ("click", "session"),
    "revenue_per_session": ("amount", "session"),
    "orders_per_click": ("purchase", "click"),
    "revenue_per_order": ("amount", "purchase"),
    "latency_ms": ("latency_ms", "request"),
}
CLOSE = 1e-9
ALPHA = 0.05


def log(data: Path, name: str, users: pd.Index | None = None) -> pd.DataFrame:
    """A log in full, or of some users."""
    filters = None if users is None else [("user_id", "in", list(users))]
    return pd.read_parquet(data / "logs" / name, filters=filters)


@pytest.fixture(scope="module", params=["cross_encoder", "personal_ranking"])
def units(request: pytest.FixtureRequest, demo: Any) -> tuple[str, pd.DataFrame]:
    """One row per analysed user of an experiment, with everything the metrics are made of."""
    name: str = request.param
    return name, _units(demo.data, name, demo.truth["experiments"][name])


def _units(data: Path, name: str, truth: dict[str, Any]) -> pd.DataFrame:
    start, end = pd.Timestamp(truth["start"]), pd.Timestamp(truth["end"])
    seen = log(data, "exposures")
    seen = seen[(seen["experiment_id"] == name) & seen["variation_id"].isin(list(truth["models"]))]
    seen = seen[(seen["ts"] >= start) & (seen["ts"] < end)]
    arms = seen.groupby("user_id")["variation_id"].nunique()
    first = seen.sort_values("ts").drop_duplicates("user_id").set_index("user_id")
    first = first.loc[arms.index[arms == 1]]
    table = pd.DataFrame({"arm": first["variation_id"], "exposed_at": first["ts"]})
    events = log(data, "events", table.index).join(table, on="user_id")
    live = events[(events["ts"] >= events["exposed_at"]) & (events["ts"] < end)]
    for kind in ("session", "click", "purchase"):
        table[kind] = live[live["event"] == kind].groupby("user_id").size()
    bought = live[live["event"] == "purchase"].groupby("user_id")["amount"]
    table["amount"] = bought.sum()
    since = events["ts"] - events["exposed_at"]
    buys = events["event"] == "purchase"
    before = events[buys & (since < pd.Timedelta(0)) & (since >= pd.Timedelta(days=-14))]
    table["before"] = before.groupby("user_id")["amount"].sum()
    week = events[buys & (since >= pd.Timedelta(0)) & (since < pd.Timedelta(days=7))]
    table["converted"] = week.groupby("user_id").size().clip(upper=1)
    requests = log(data, "requests", table.index).join(table[["exposed_at"]], on="user_id")
    requests = requests[(requests["ts"] >= requests["exposed_at"]) & (requests["ts"] < end)]
    table["request"] = requests.groupby("user_id").size()
    table["latency_ms"] = requests.groupby("user_id")["latency_ms"].sum()
    return table.fillna(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Values whose plain means are to be compared, by arm, and the control's own values the lift is relative to."""

    control: Values
    treatment: Values
    base: Values

    @property
    def welch(self) -> Any:
        return stats.ttest_ind(self.treatment, self.control, equal_var=False)

    def lift(self) -> tuple[float, float, float]:
        """Fieller's interval: where the test of treatment minus (1 + psi) control does not reject."""
        difference = self.treatment.mean() - self.control.mean()
        m, n_c = self.base.mean(), len(self.base)
        v_d = self.treatment.var(ddof=1) / len(self.treatment) + self.control.var(ddof=1) / n_c
        c = -np.cov(self.control, self.base)[0, 1] / n_c
        v_m = self.base.var(ddof=1) / n_c
        t2 = stats.t.ppf(1 - ALPHA / 2, self.welch.df) ** 2
        roots = np.roots([m**2 - t2 * v_m, 2 * (t2 * c - m * difference), difference**2 - t2 * v_d])
        return float(difference / m), float(roots.min()), float(roots.max())

    def shifted(self, by: float) -> Any:
        """Welch's test on the values when the control is scaled by ``1 + by``: for margins, which are relative."""
        return stats.ttest_ind(self.treatment, self.control + by * self.base, equal_var=False)


def values_of(table: pd.DataFrame, arm: str, column: str) -> Values:
    return table.loc[table["arm"] == arm, column].to_numpy(dtype=np.float64)


def mean_oracle(table: pd.DataFrame, arm: str, column: str) -> Oracle:
    control = values_of(table, "A", column)
    return Oracle(control=control, treatment=values_of(table, arm, column), base=control)


def ratio_oracle(table: pd.DataFrame, arm: str, top: str, bottom: str) -> Oracle:
    """Each unit's part in the ratio, linearised about the arm's own ratio (delta method)."""

    def linear(variant: str) -> Values:
        y, x = values_of(table, variant, top), values_of(table, variant, bottom)
        ratio = y.sum() / x.sum()
        parts: Values = ratio + (y - ratio * x) / x.mean()
        return parts

    control = linear("A")
    return Oracle(control=control, treatment=linear(arm), base=control)


def cuped_oracle(table: pd.DataFrame, arm: str) -> tuple[Oracle, float]:
    """What is left of each value after regression on the value before, with an intercept per arm."""
    both = table[table["arm"].isin(["A", arm])]
    design = sm.add_constant(
        np.column_stack([both["arm"] == arm, both["before"]]).astype(np.float64), has_constant="add"
    )
    fit = sm.OLS(both["amount"].to_numpy(), design).fit()
    theta = fit.params[2]

    def left(variant: str) -> Values:
        rest: Values = values_of(table, variant, "amount") - theta * values_of(table, variant, "before")
        return rest

    oracle = Oracle(control=left("A"), treatment=left(arm), base=values_of(table, "A", "amount"))
    return oracle, float(fit.params[1])


def assert_agrees(estimate: dict[str, Any], oracle: Oracle) -> None:
    test = oracle.welch
    interval = test.confidence_interval(1 - ALPHA)
    difference = estimate["difference"]
    assert difference["estimate"] == pytest.approx(oracle.treatment.mean() - oracle.control.mean(), rel=CLOSE)
    assert (difference["low"], difference["high"]) == pytest.approx((interval.low, interval.high), rel=CLOSE)
    assert estimate["p_value"] == pytest.approx(test.pvalue, rel=1e-7)
    lift = estimate["lift"]
    assert (lift["estimate"], lift["low"], lift["high"]) == pytest.approx(oracle.lift(), rel=CLOSE, abs=1e-12)


def arms_of(name: str) -> list[str]:
    return [arm for experiment, arm in ARMS if experiment == name]


def test_units_are_those_of_the_logs(units: tuple[str, pd.DataFrame], demo: Any) -> None:
    name, table = units
    assert demo.row("experiments", name=name)["arms"] == table["arm"].value_counts().to_dict()


def test_means_agree_with_welch(units: tuple[str, pd.DataFrame], demo: Any) -> None:
    name, table = units
    for arm in arms_of(name):
        assert_agrees(demo.estimate(name, "sessions_per_user", arm), mean_oracle(table, arm, "session"))


@pytest.mark.parametrize("metric", RATIOS)
def test_ratios_agree_with_the_delta_method(metric: str, units: tuple[str, pd.DataFrame], demo: Any) -> None:
    name, table = units
    for arm in arms_of(name):
        estimate, oracle = demo.estimate(name, metric, arm), ratio_oracle(table, arm, *RATIOS[metric])
        assert_agrees(estimate, oracle)
        values = (estimate["value_control"], estimate["value_treatment"])
        assert values == pytest.approx((oracle.control.mean(), oracle.treatment.mean()), rel=CLOSE)


def test_money_with_its_covariate_agrees_with_a_regression(
    units: tuple[str, pd.DataFrame], demo: Any
) -> None:
    name, table = units
    for arm in arms_of(name):
        estimate = demo.estimate(name, "revenue_per_user", arm)
        oracle, coefficient = cuped_oracle(table, arm)
        assert estimate["difference"]["estimate"] == pytest.approx(coefficient, rel=1e-8)
        assert_agrees(estimate, oracle)
        plain = mean_oracle(table, arm, "amount")
        removed = 1 - _variance(oracle) / _variance(plain)
        assert estimate["covariate_variance_removed"] == pytest.approx(removed, rel=CLOSE)
        assert estimate["value_treatment"] == pytest.approx(plain.treatment.mean(), rel=CLOSE)
        assert estimate["equivalence_p"] == pytest.approx(_equivalence(oracle, 0.01), rel=1e-7)


def _variance(oracle: Oracle) -> float:
    return float(
        oracle.treatment.var(ddof=1) / len(oracle.treatment)
        + oracle.control.var(ddof=1) / len(oracle.control)
    )


def _equivalence(oracle: Oracle, delta: float) -> float:
    """The larger p of two one-sided tests; with the degrees of freedom of the plain difference."""
    found = []
    for by, side in ((-delta, 1.0), (delta, -1.0)):
        statistic = side * oracle.shifted(by).statistic
        found.append(float(stats.t.sf(statistic, oracle.welch.df)))
    return max(found)


@pytest.mark.parametrize("metric", ["clicks_per_session", "revenue_per_session"])
def test_equivalence_agrees_with_two_one_sided_tests(
    metric: str, units: tuple[str, pd.DataFrame], demo: Any
) -> None:
    name, table = units
    for arm in arms_of(name):
        expected = _equivalence(ratio_oracle(table, arm, *RATIOS[metric]), 0.01)
        assert demo.estimate(name, metric, arm)["equivalence_p"] == pytest.approx(
            expected, rel=1e-6, abs=1e-300
        )


def test_the_guardrail_agrees_with_a_test_against_its_margin(
    units: tuple[str, pd.DataFrame], demo: Any
) -> None:
    name, table = units
    for arm in arms_of(name):
        oracle = ratio_oracle(table, arm, *RATIOS["latency_ms"])
        expected = stats.t.sf(-oracle.shifted(0.25).statistic, oracle.welch.df)
        tested = demo.estimate(name, "latency_ms", arm)["non_inferiority"]
        assert tested["p_value"] == pytest.approx(expected, rel=1e-6)
        assert tested["holds"] == (expected < ALPHA)


def test_shares_agree_with_the_score_test_and_its_inversion(
    units: tuple[str, pd.DataFrame], demo: Any
) -> None:
    name, table = units
    for arm in arms_of(name):
        control, treatment = (values_of(table, variant, "converted") for variant in ("A", arm))
        k, n = np.array([control.sum(), treatment.sum()]), np.array([len(control), len(treatment)])
        estimate = demo.estimate(name, "conversion", arm)
        chi2 = stats.chi2_contingency(np.array([k, n - k]), correction=False)
        assert estimate["p_value"] == pytest.approx(chi2.pvalue, rel=1e-8)
        assert estimate["difference"]["estimate"] == pytest.approx(k[1] / n[1] - k[0] / n[0], rel=CLOSE)
        limit = stats.norm.ppf(1 - ALPHA / 2) ** 2
        for bound in ("low", "high"):
            assert _score(k, n, difference=estimate["difference"][bound]) == pytest.approx(limit, rel=1e-8)
            assert _score(k, n, ratio=1 + estimate["lift"][bound]) == pytest.approx(limit, rel=1e-8)


def _score(k: Values, n: Values, *, difference: float = 0.0, ratio: float = 1.0) -> float:
    """The score statistic at p1 = ratio p0 + difference, with the shares that fit best under it."""

    def slope(p0: float) -> float:
        p1 = ratio * p0 + difference
        return float(k[0] / p0 - (n[0] - k[0]) / (1 - p0) + ratio * (k[1] / p1 - (n[1] - k[1]) / (1 - p1)))

    tiny = 1e-12
    low, high = max(tiny, (tiny - difference) / ratio), min(1 - tiny, (1 - tiny - difference) / ratio)
    p0 = float(optimize.brentq(slope, low, high, xtol=1e-15, rtol=1e-15, maxiter=500))
    p1 = ratio * p0 + difference
    error = k[1] / n[1] - ratio * k[0] / n[0] - difference
    return float(error**2 / (p1 * (1 - p1) / n[1] + ratio**2 * p0 * (1 - p0) / n[0]))


def test_corrections_agree_with_statsmodels(demo: Any) -> None:
    methods = {"primary": "holm", "secondary": "fdr_bh"}
    for name, _ in ARMS:
        for role, method in methods.items():
            rows = demo.rows("estimates", experiment=name, role=role, slice_name=None, period=None)
            expected = multipletests([row["p_value"] for row in rows], method=method)[1]
            assert [row["p_adjusted"] for row in rows] == pytest.approx(expected, rel=CLOSE)


def test_offline_gains_agree_with_a_paired_test(demo: Any) -> None:
    scores = pd.read_parquet(demo.data / "offline" / "scores.parquet")
    table = scores.pivot_table(index=["metric", "qid"], columns="model", values="value")
    alone = {row["model"] for row in demo.results["offline"] if row["baseline"] is None}
    assert alone == {"ranker-2-shadow"}, "the only model that no experiment ran"
    for row in demo.rows("offline", slice_name=None):
        if row["baseline"] is None:
            continue
        pair = table.loc[row["metric"]][[row["model"], row["baseline"]]].dropna()
        test = stats.ttest_rel(pair[row["model"]], pair[row["baseline"]])
        interval = test.confidence_interval(0.95)
        assert row["n"] == len(pair)
        assert row["value"] == pytest.approx(pair[row["model"]].mean(), rel=CLOSE)
        assert row["gain"]["estimate"] == pytest.approx(
            (pair[row["model"]] - pair[row["baseline"]]).mean(), rel=CLOSE
        )
        assert (row["gain"]["low"], row["gain"]["high"]) == pytest.approx(
            (interval.low, interval.high), rel=CLOSE
        )
        assert row["p_value"] == pytest.approx(test.pvalue, rel=1e-7)


def test_the_sample_ratio_agrees_with_a_chi_square(demo: Any) -> None:
    for name, experiment in demo.truth["experiments"].items():
        arms = demo.row("experiments", name=name)["arms"]
        share = np.array([experiment["split"][arm] for arm in arms])
        counts = np.array(list(arms.values()), dtype=np.float64)
        expected = stats.chisquare(counts, counts.sum() * share / share.sum()).pvalue
        check = demo.row("checks", name="sample_ratio", experiment=name)
        assert check["value"] == pytest.approx(expected, rel=CLOSE)
