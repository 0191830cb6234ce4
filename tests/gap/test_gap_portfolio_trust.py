"""What is said of signs, of the nine cells, of every predictor and of the blend, and when it is words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from abgap.gap.portfolio import analysis
from abgap.gap.portfolio.analysis import analyse_portfolio
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.transfer import Transfers
from abgap.records import Interval, NineCells, NotEstimable, Portfolio, Reason
from abgap.records.portfolio import PredictorSide, SignAgreement, Trust
from abgap.stats.portfolio.effects import Effects

OFFLINE, PROXY, REVENUE = "<script>ndcg@10", "ctr", "revenue"
NAMES = (OFFLINE, PROXY, REVENUE)


@pytest.fixture(autouse=True)
def _without_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a gain brings takes seconds, and nothing here reads it."""
    monkeypatch.setattr(analysis, "with_transfer", lambda found, *_: found)


def made(
    experiments: int = 24, *, seed: int = 5, noise: float = 0.3, errors: bool = True, second: float = 0.0
) -> PortfolioData:
    """A good offline metric, a proxy that is no use unless ``second`` is above 0, and revenue."""
    rng = np.random.default_rng(seed)
    idea = rng.normal(size=(experiments, 3))
    true = np.stack(
        [idea[:, 0], idea[:, 1], 0.9 * idea[:, 0] + second * idea[:, 1] + 0.4 * idea[:, 2]], axis=-1
    )
    values = true + noise * rng.normal(size=(experiments, 3))
    variance = np.eye(3) * (noise**2 if errors else np.nan)
    kinds = (AxisKind.OFFLINE, AxisKind.PROXY, AxisKind.BUSINESS)
    return PortfolioData(
        axes=tuple(Axis(name=n, kind=k, noise="unknown") for n, k in zip(NAMES, kinds, strict=True)),
        effects=Effects(
            values=values,
            covariances=np.tile(variance, (experiments, 1, 1)),
            experiment=np.arange(experiments),
            pairs=np.zeros((0, 2), dtype=np.intp),
            shared=np.zeros((0, 3, 3)),
        ),
        names=tuple(f"e{i}" for i in range(experiments)),
        treatment=np.full(experiments, "B", dtype=object),
        trusted=np.ones(experiments, dtype=bool),
        significant=np.where(np.abs(values) > 2.0 * noise, np.sign(values), 0.0),
        level=np.full((experiments, 3), np.nan),
        units=np.full(experiments, 1000.0),
        days=np.full(experiments, 14.0),
        starts=(None,) * experiments,
        tags=((),) * experiments,
        alpha=0.05,
        seed=1,
    )


def analysed(data: PortfolioData, counted: tuple[NineCells, ...] = ()) -> Portfolio:
    empty = Portfolio(n_experiments=0, verdicts={}, nine_cells=counted, refusals=())
    return analyse_portfolio(empty, data, Transfers(data))


def trust(found: Portfolio, predictor: str) -> Trust:
    return next(row for row in found.metric_trust if row.predictor == predictor)


def signs(found: Portfolio, pair: int = 0) -> SignAgreement:
    agreement = found.pairs[pair].sign_agreement
    assert agreement is not None
    return agreement


def told(value: object) -> Interval:
    assert isinstance(value, Interval), value
    return value


def refused(value: object) -> NotEstimable:
    assert isinstance(value, NotEstimable), value
    return value


def test_the_metric_that_goes_with_revenue_ranks_before_the_one_that_does_not() -> None:
    found = analysed(made(60))
    rows = found.metric_trust
    ranked = [row.rank for row in rows if row.rank is not None]
    assert ranked == list(range(1, len(ranked) + 1))
    offline, proxy = trust(found, OFFLINE), trust(found, PROXY)
    assert (offline.side, proxy.side) == (PredictorSide.OFFLINE, PredictorSide.PROXY)
    assert told(offline.quality).low > 0.5
    assert told(proxy.quality).low < 0.0 < told(proxy.quality).high
    assert told(offline.kendall).low > 0.3
    assert offline.correlation == found.pairs[0].noise_corrected.correlation  # type: ignore[union-attr]
    assert offline.reliability == pytest.approx(1.0 / 1.09, abs=0.05)
    assert re.search(r"has a correlation of \d\.\d\d \[.*\] with the true lift of revenue", offline.sentence)
    assert proxy.sentence.endswith("; it may say nothing of it.")


def test_quality_is_the_correlation_at_the_size_of_the_usual_test() -> None:
    found = analysed(made())
    corrected = found.pairs[0].noise_corrected
    assert corrected is not None
    assert corrected.signal_xx is not None
    expected = told(corrected.correlation).estimate * np.sqrt(
        corrected.signal_xx / (corrected.signal_xx + 0.09)
    )
    assert told(trust(found, OFFLINE).quality).estimate == pytest.approx(expected, rel=1e-12)


def test_a_blend_of_two_metrics_that_each_say_something_ranks_first_on_experiments_it_has_not_seen() -> None:
    rows = analysed(made(60, second=0.6)).metric_trust
    blend = rows[0]
    assert (blend.predictor, blend.side, blend.rank) == ("blend", None, 1)
    assert blend.weights is not None
    assert sum(blend.weights.values()) == pytest.approx(1.0)
    assert blend.weights[OFFLINE] == pytest.approx(0.6, abs=0.1)
    assert blend.apparent is not None
    assert told(rows[1].quality).estimate < told(blend.quality).estimate < blend.apparent
    assert refused(blend.sensitivity).reason is Reason.NOT_DEFINED
    assert blend.sentence.startswith("The blend of ")
    assert "On the experiments that it was fitted to it looks like" in blend.sentence


def test_a_blend_of_one_metric_is_none() -> None:
    blend = trust(analysed(made(60)), "blend")
    assert refused(blend.quality).detail == "the best one is <script>NDCG@10 alone"
    assert blend.weights is None


def test_a_blend_needs_ten_experiments_and_two_predictors() -> None:
    few = trust(analysed(made(9)), "blend")
    assert refused(few.quality).reason is Reason.TOO_FEW_EXPERIMENTS
    assert few.rank is None
    data = made()
    alone = replace(data, axes=(data.axes[0], data.axes[2]), effects=data.effects.axes([0, 2]))
    alone = replace(alone, significant=data.significant[:, [0, 2]], level=data.level[:, [0, 2]])
    assert [row.predictor for row in analysed(alone).metric_trust] == [OFFLINE]


def test_a_predictor_of_few_experiments_does_not_cost_the_blend_the_others() -> None:
    data = made(30)
    values = data.effects.values.copy()
    values[:26, 1] = np.nan
    third = np.concatenate(
        [values, values[:, :1] + 0.1 * np.random.default_rng(1).normal(size=(30, 1))], axis=1
    )
    effects = replace(data.effects, values=third, covariances=np.tile(0.09 * np.eye(4), (30, 1, 1)))
    effects = replace(effects, shared=np.zeros((0, 4, 4)))
    axes = (*data.axes, Axis(name="mrr", kind=AxisKind.OFFLINE))
    wide = replace(
        data, axes=axes, effects=effects, significant=np.zeros((30, 4)), level=np.full((30, 4), np.nan)
    )
    blend = trust(analysed(wide), "blend")
    assert blend.experiments == 30
    assert set(blend.weights or ()) == {OFFLINE, "mrr"}


def test_without_standard_errors_signs_and_order_are_still_said() -> None:
    found = analysed(made(errors=False))
    row = trust(found, OFFLINE)
    assert refused(row.quality).reason is Reason.NO_INTERVAL_GIVEN
    assert row.rank is None
    assert row.reliability is None
    assert told(row.kendall).estimate > 0.3
    assert told(signs(found).observed).estimate > 0.6
    assert signs(found).by_noise == pytest.approx(0.5, abs=0.1)
    assert signs(found, 1).by_noise is None
    assert all(row.predictor != "blend" for row in found.metric_trust)


def test_the_agreement_stands_beside_noise_and_exact_measurement() -> None:
    data = made(60)
    found = analysed(data)
    agreement = signs(found)
    x, _, y = data.effects.values.T
    assert told(agreement.observed).estimate == pytest.approx(np.mean(x * y > 0.0))
    assert agreement == found.sign_agreement
    up = np.mean(x > 0.0), np.mean(y > 0.0)
    assert agreement.by_noise == pytest.approx(up[0] * up[1] + (1 - up[0]) * (1 - up[1]), abs=1e-12)
    rho = told(found.pairs[0].noise_corrected.correlation).estimate  # type: ignore[union-attr]
    assert told(agreement.if_measured_exactly).estimate == pytest.approx(0.5 + np.arcsin(rho) / np.pi)
    assert agreement.sentence.startswith("Gains of <script>NDCG@10 and lifts of revenue had the same sign in")
    assert "no relation at all it would be" in agreement.sentence
    assert "no relation and errors that do not go together" in signs(found, 1).sentence
    assert "which is not ruled out" in signs(found, 1).sentence


def test_errors_that_go_together_make_signs_agree_by_themselves() -> None:
    data = made(60, noise=1.5)
    covariances = data.effects.covariances.copy()
    covariances[:, 1, 2] = covariances[:, 2, 1] = 0.9 * 2.25
    found = analysed(replace(data, effects=replace(data.effects, covariances=covariances)))
    independent = analysed(data)
    assert (signs(found, 1).by_noise or 0.0) > (signs(independent, 1).by_noise or 1.0) + 0.05


def test_few_experiments_are_words() -> None:
    found = analysed(made(4))
    assert refused(signs(found).observed).reason is Reason.TOO_FEW_EXPERIMENTS
    assert signs(found).by_noise is None
    assert signs(found).sentence.endswith("at least 5 are needed.")
    row = trust(found, OFFLINE)
    assert {refused(x).reason for x in (row.quality, row.correlation, row.kendall)} == {
        Reason.TOO_FEW_EXPERIMENTS
    }


def test_arms_of_one_experiment_on_a_shared_control_are_one_experiment() -> None:
    data = made(12)
    one = replace(data, effects=replace(data.effects, experiment=np.zeros(12, dtype=np.intp)))
    found = analysed(one)
    assert signs(found).experiments == 1
    assert refused(signs(found).observed).reason is Reason.TOO_FEW_EXPERIMENTS
    assert refused(trust(found, OFFLINE).quality).reason is Reason.TOO_FEW_EXPERIMENTS


def test_sensitivity_and_wrong_directions_are_counted_where_the_business_metric_moved() -> None:
    data = made(10)
    signs_of = np.zeros((10, 3))
    signs_of[:8, 2] = 1.0
    signs_of[:6, 0] = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0]
    signs_of[9, 0] = 1.0
    trusted = np.arange(10) != 0
    row = trust(analysed(replace(data, significant=signs_of, trusted=trusted)), OFFLINE)
    assert told(row.sensitivity).estimate == pytest.approx(5 / 7)
    assert told(row.wrong_direction).estimate == pytest.approx(1 / 5)
    proxy = trust(analysed(replace(data, significant=signs_of)), PROXY)
    assert told(proxy.sensitivity).estimate == 0.0
    assert "0 experiments in which both moved" in refused(proxy.wrong_direction).detail


def test_nine_cells_come_from_effects_where_no_verdicts_stand() -> None:
    data = made(10)
    of_effects = np.zeros((10, 3))
    of_effects[:, 2] = [1, 1, 1, 0, 0, 0, -1, -1, np.nan, 1]
    of_effects[:, 0] = [1, 1, -1, 0, 1, -1, -1, 1, 1, 0]
    trusted = np.arange(10) != 9
    data = replace(data, significant=of_effects, trusted=trusted)
    first = analysed(data).nine_cells[0]
    assert (first.offline_metric, first.business_metric, first.untrustworthy) == (OFFLINE, REVENUE, 1)
    assert first.counts == ((1, 1, 1), (0, 1, 0), (1, 1, 2))
    judged = replace(first, counts=((9, 9, 9), (9, 9, 9), (9, 9, 9)))
    found = analysed(data, (judged,)).nine_cells
    assert found[0] == judged
    assert [cells.offline_metric for cells in found] == [OFFLINE, PROXY]


def test_one_experiment_that_differs_from_all_others_has_no_rank_correlation() -> None:
    data = made(12)
    values = data.effects.values.copy()
    values[:, 0] = np.where(np.arange(12) == 11, 0.05, 0.0)
    found = trust(analysed(replace(data, effects=replace(data.effects, values=values))), OFFLINE)
    assert refused(found.kendall).detail == "all experiments but one have the same effect"
