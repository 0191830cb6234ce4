"""The effects that the portfolio is made of, against formulas written out again and scipy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.pipeline.analysis import Analysis, open_analysis
from abgap.records import Interval
from abgap.records.words import MINUS
from abgap.study.load import load_study

STUDY = """
[moments]
path = "moments.csv"
[experiments.search]
control = "A"
treatments = ["B", "C"]
start = 2026-03-02
tags = ["ranking"]
[experiments.quiet]
control = "A"
treatments = ["B"]
models = { A = "m0", B = "m0" }
[metrics.revenue]
kind = "mean"
money = true
smallest_worthwhile_lift = 0.02
[metrics.clicks]
kind = "mean"
[metrics.churn]
kind = "proportion"
direction = "down"
[gap]
offline = ["ndcg@10", "rmse"]
business = ["revenue", "churn"]
[portfolio]
proxies = ["clicks"]
[portfolio.effects]
path = "effects.csv"
[portfolio.effects.columns]
experiment = "experiment"
treatment = "arm"
metric = "metric"
effect = "effect"
standard_error = "se"
start = "start"
tag = "tag"
"""
# experiment, variant, metric, n, mean, variance
MOMENTS = [
    ("search", "A", "revenue", 1000, 10.0, 400.0),
    ("search", "B", "revenue", 900, 10.6, 420.0),
    ("search", "C", "revenue", 800, 9.7, 380.0),
    ("search", "A", "churn", 1000, 0.10, None),
    ("search", "B", "churn", 900, 0.08, None),
    ("search", "C", "churn", 800, 0.11, None),
    ("search", "A", "clicks", 1000, 3.0, None),
    ("search", "B", "clicks", 900, 3.3, None),
    ("search", "A", "ndcg@10", 200, 0.40, 0.04),
    ("search", "B", "ndcg@10", 200, 0.43, 0.05),
    ("search", "C", "ndcg@10", 150, 0.41, 0.03),
    ("search", "A", "rmse", 300, 1.20, 0.5),
    ("search", "B", "rmse", 300, 1.10, 0.4),
    ("quiet", "A", "revenue", 500, 10.0, 400.0),
    ("quiet", "B", "revenue", 500, 10.0, 400.0),
]
EFFECTS = """experiment,arm,metric,effect,se,start,tag
search,B,revenue,0.9,0.1,,
search,C,rmse,-0.2,0.05,,old
past,B,revenue,-0.5,0.1,2025-01-02,old
past,C,revenue,0.04,,2025-01-01,slow
past,B,ndcg@10,0.02,0.01,,
past,C,ndcg@10,0.01,0.02,,
past,B,churn,-1.0,0.1,,
past,B,unheard of,1,1,,
"""


def write_moments(folder: Path) -> None:
    lines = [",".join("" if part is None else str(part) for part in row) for row in MOMENTS]
    head = "experiment,variant,metric,n,mean,variance"
    (folder / "moments.csv").write_text("\n".join([head, *lines]), encoding="utf-8")


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analysis]:
    folder = tmp_path_factory.mktemp("portfolio")
    write_moments(folder)
    (folder / "effects.csv").write_text(EFFECTS, encoding="utf-8")
    (folder / "abgap.toml").write_text(STUDY, encoding="utf-8")
    loaded = load_study(folder / "abgap.toml")
    with open_analysis(loaded, progress=lambda message: None) as opened:  # noqa: ARG005 - nobody looks
        yield opened


@pytest.fixture(scope="module")
def data(analysis: Analysis) -> PortfolioData:
    return analysis.portfolio.data


@pytest.fixture(scope="module")
def at(data: PortfolioData) -> Callable[[str, str], int]:
    def find(experiment: str, treatment: str) -> int:
        names = [data.names[e] for e in data.effects.experiment]
        return list(zip(names, data.treatment, strict=True)).index((experiment, treatment))

    return find


def row(experiment: str, variant: str, metric: str) -> tuple[int, float, float]:
    (found,) = [r for r in MOMENTS if r[:3] == (experiment, variant, metric)]
    n, mean, variance = found[3:]
    if variance is None and metric == "churn":
        variance = mean * (1 - mean) * n / (n - 1)
    return n, mean, float("nan") if variance is None else variance


def log_ratio(treatment: str, metric: str) -> tuple[float, float]:
    (n_c, m_c, v_c), (n_t, m_t, v_t) = (row("search", arm, metric) for arm in ("A", treatment))
    return np.log(m_t / m_c), v_t / n_t / m_t**2 + v_c / n_c / m_c**2


def test_arms_of_experiments_come_first_and_the_one_that_compares_nothing_is_left_out(
    data: PortfolioData,
) -> None:
    assert data.names == ("search", "quiet", "past")
    assert data.effects.experiment.tolist() == [0, 0, 2, 2]
    assert data.treatment.tolist() == ["B", "C", "B", "C"]
    assert data.effects.pairs.tolist() == [[0, 1], [2, 3]]
    assert data.starts == ("2026-03-02", None, "2025-01-01")
    assert data.tags == (("ranking", "old"), (), ("old", "slow"))
    np.testing.assert_array_equal(data.units, [1900, 1800, np.nan, np.nan])
    assert data.left_out == (
        "Left out: 1 arm with the control's model, where nothing is compared.",
        "Left out: 1 ready-made effect on metrics that are held against nothing, such as unheard of.",
        f"Left out: 1 ready-made lift of {MINUS}100 % or less, without a logarithm.",
    )


def test_offline_metrics_come_first_then_proxies_then_business(data: PortfolioData) -> None:
    assert [axis.name for axis in data.axes] == ["ndcg@10", "rmse", "clicks", "revenue", "churn"]
    kinds = [AxisKind.OFFLINE, AxisKind.OFFLINE, AxisKind.PROXY, AxisKind.BUSINESS, AxisKind.BUSINESS]
    assert [axis.kind for axis in data.axes] == kinds
    assert (data.axes[3].money, data.axes[3].smallest_worthwhile) == (True, 0.02)


@pytest.mark.parametrize(("metric", "sign"), [("revenue", 1.0), ("churn", -1.0)])
@pytest.mark.parametrize("treatment", ["B", "C"])
def test_lifts_of_own_data_are_log_ratios_and_come_before_ready_made_ones(
    data: PortfolioData, at: Callable[[str, str], int], metric: str, sign: float, treatment: str
) -> None:
    value, variance = log_ratio(treatment, metric)
    arm, axis = at("search", treatment), data.axis(metric)
    assert data.effects.values[arm, axis] == pytest.approx(sign * value, rel=1e-12)
    assert data.effects.covariances[arm, axis, axis] == pytest.approx(variance, rel=1e-12)


def test_arms_share_the_variance_of_their_control(data: PortfolioData) -> None:
    n, mean, variance = row("search", "A", "revenue")
    axis = data.axis("revenue")
    assert data.effects.shared[0, axis, axis] == pytest.approx(variance / n / mean**2, rel=1e-12)
    n, _, variance = row("search", "A", "ndcg@10")
    axis = data.axis("ndcg@10")
    assert data.effects.shared[0, axis, axis] == pytest.approx(variance / n, rel=1e-12)
    # Ready-made ones: half of each variance is taken to be the control's.
    assert data.effects.shared[1, axis, axis] == pytest.approx(0.5 * 0.01 * 0.02, rel=1e-12)


def test_a_lift_without_variances_stays_without_error(
    data: PortfolioData, at: Callable[[str, str], int]
) -> None:
    arm, axis = at("search", "B"), data.axis("clicks")
    assert data.effects.values[arm, axis] == pytest.approx(np.log(1.1), rel=1e-12)
    assert np.isnan(data.effects.covariances[arm, axis, axis])
    assert np.isnan(data.significant[arm, axis])


def test_gains_of_moments_are_differences_of_two_means(
    data: PortfolioData, at: Callable[[str, str], int]
) -> None:
    for metric, treatment, sign in (("ndcg@10", "B", 1), ("ndcg@10", "C", 1), ("rmse", "B", -1)):
        (n_c, m_c, v_c), (n_t, m_t, v_t) = (row("search", arm, metric) for arm in ("A", treatment))
        arm, axis = at("search", treatment), data.axis(metric)
        assert data.effects.values[arm, axis] == pytest.approx(sign * (m_t - m_c), rel=1e-12)
        assert data.effects.covariances[arm, axis, axis] == pytest.approx(v_t / n_t + v_c / n_c, rel=1e-12)
        assert data.level[arm, axis] == sign * m_c


def test_ready_made_effects_fill_in_turned_so_that_up_is_good(
    data: PortfolioData, at: Callable[[str, str], int]
) -> None:
    values, errors, significant = data.effects.values, data.effects.errors, data.significant
    arm, axis = at("search", "C"), data.axis("rmse")
    assert (values[arm, axis], errors[arm, axis], significant[arm, axis]) == (0.2, pytest.approx(0.05), 1.0)
    arm, axis = at("past", "B"), data.axis("revenue")
    assert values[arm, axis] == pytest.approx(np.log(0.5), rel=1e-12)
    assert errors[arm, axis] == pytest.approx(0.1 / 0.5, rel=1e-12)
    assert significant[arm, axis] == -1.0
    arm = at("past", "C")
    assert values[arm, axis] == pytest.approx(np.log(1.04), rel=1e-12)
    assert np.isnan(errors[arm, axis])
    assert np.isnan(values[at("past", "B"), data.axis("churn")])


def test_verdicts_rest_on_the_same_gains(analysis: Analysis) -> None:
    gaps = {
        (gap.treatment, gap.offline_metric): gap for gap in analysis.gaps.gaps if gap.experiment == "search"
    }
    found = gaps["B", "ndcg@10"].offline_gain
    assert isinstance(found, Interval)
    of_rows = [row("search", arm, "ndcg@10") for arm in ("B", "A")]
    (n_t, m_t, v_t), (n_c, m_c, v_c) = of_rows
    wanted = stats.ttest_ind_from_stats(m_t, v_t**0.5, n_t, m_c, v_c**0.5, n_c, equal_var=False)
    error = 0.03 / float(wanted.statistic)
    df = (v_t / n_t + v_c / n_c) ** 2 / ((v_t / n_t) ** 2 / (n_t - 1) + (v_c / n_c) ** 2 / (n_c - 1))
    reach = stats.t.ppf(0.975, df) * error
    assert (found.low, found.high) == pytest.approx((0.03 - reach, 0.03 + reach), rel=1e-9)
    assert found.method == "welch"
    given = gaps["C", "rmse"].offline_gain
    assert isinstance(given, Interval)
    assert given.method == "normal"
    assert given.low == pytest.approx(0.2 - stats.norm.ppf(0.975) * 0.05)


def test_rows_of_offline_metrics_count_no_units(analysis: Analysis) -> None:
    assert analysis.counts["search"].whole == {"A": 1000, "B": 900, "C": 800}
    assert {e.metric for e in analysis.estimates} == {"revenue", "churn", "clicks"}
    assert not [check for check in analysis.checks if "unknown metric" in check.sentence]


OF_MODELS = """
[moments]
path = "moments.csv"
[experiments.search]
control = "A"
treatments = ["B", "C"]
models = { A = "m0", B = "m1" }
[metrics.revenue]
kind = "mean"
[offline.scores]
path = "scores.csv"
columns = { model = "model", metric = { value = "ndcg@10" }, query = "query", value = "value" }
[gap]
offline = ["ndcg@10"]
business = ["revenue"]
"""


def test_models_compared_query_by_query_come_before_moments(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    base = rng.uniform(0.2, 0.9, 30)
    better = base + rng.normal(0.02, 0.05, 30)
    scores = [f"{m},q{q},{v}" for m, values in (("m0", base), ("m1", better)) for q, v in enumerate(values)]
    (tmp_path / "scores.csv").write_text("\n".join(["model,query,value", *scores]), encoding="utf-8")
    write_moments(tmp_path)
    (tmp_path / "abgap.toml").write_text(OF_MODELS, encoding="utf-8")
    with open_analysis(load_study(tmp_path / "abgap.toml"), progress=lambda message: None) as analysis:  # noqa: ARG005
        data = analysis.portfolio.data
    differences = better - base
    assert data.treatment.tolist() == ["B", "C"]
    assert data.effects.values[0, 0] == pytest.approx(differences.mean(), rel=1e-9)
    assert data.effects.errors[0, 0] == pytest.approx(stats.sem(differences), rel=1e-9)
    assert data.level[0, 0] == pytest.approx(base.mean(), rel=1e-12)
    # No model is named for the other arm: its rows of moments count.
    assert data.effects.values[1, 0] == pytest.approx(0.01, rel=1e-9)
