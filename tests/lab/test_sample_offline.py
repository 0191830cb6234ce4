"""The offline scores and the shadow run have the planted figures."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.lab.sample.models import MODELS, MRR, NDCG, OFFLINE_METRICS, PURCHASE_NDCG
from abgap.lab.sample.offline import QUERIES, QUERIES_WITH_PURCHASES, Scores, scores
from abgap.lab.sample.tables import scores_table, shadow_table
from abgap.lab.sample.truth import EXPERIMENTS


@pytest.fixture(scope="module", params=[20260101, 7])
def made(request: pytest.FixtureRequest) -> dict[tuple[str, str], Scores]:
    return {(part.model, part.metric): part for part in scores(seed=request.param)}


def test_means_are_the_planted_ones(made: dict[tuple[str, str], Scores]) -> None:
    for (model, metric), part in made.items():
        wanted = MODELS[model].scores[metric]
        # A reciprocal rank moves in whole places: one query of 2,000 from second to first is .00025.
        assert part.value.mean() == pytest.approx(wanted, abs=3e-4 if metric == MRR else 1e-6)


def test_ndcg_goes_from_72_to_78_on_the_same_queries(made: dict[tuple[str, str], Scores]) -> None:
    before, after = made["ranker-1", NDCG], made["ranker-2", NDCG]
    assert round(float(before.value.mean()), 3) == 0.72
    assert round(float(after.value.mean()), 3) == 0.78
    assert np.array_equal(before.query, after.query)
    assert 0.7 < np.corrcoef(before.value, after.value)[0, 1] < 0.97


def test_values_are_what_such_metrics_can_be(made: dict[tuple[str, str], Scores]) -> None:
    places = {0.0, *(round(1.0 / place, 6) for place in range(1, 11))}
    for (_, metric), part in made.items():
        assert len(part.query) == (QUERIES_WITH_PURCHASES if metric == PURCHASE_NDCG else QUERIES)
        assert part.value.min() >= 0.0
        assert part.value.max() <= 1.0
        if metric == MRR:
            assert set(part.value.tolist()) <= places


def test_planted_gains_are_established_or_clearly_not(made: dict[tuple[str, str], Scores]) -> None:
    for experiment in EXPERIMENTS:
        for arm in experiment.treatments.values():
            gain = made[arm.model, NDCG].value - made[experiment.control.model, NDCG].value
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            strength = 0.0 if arm.model == experiment.control.model else abs(gain.mean()) / error
            assert strength > 5.0 or strength < 1.2


def test_every_evaluated_model_has_every_metric_in_the_table() -> None:
    table = scores_table(scores(seed=1)).to_pandas()
    evaluated = {name for name, model in MODELS.items() if model.scores}
    assert set(table["model"]) == evaluated
    assert set(table["metric"]) == set(OFFLINE_METRICS)
    assert not table.duplicated(["model", "metric", "qid"]).any()


def test_the_shadow_run_has_both_models_on_the_same_requests() -> None:
    table = shadow_table(seed=3).to_pandas()
    medians = table.groupby("model")["latency_ms"].median()
    assert medians.to_dict() == {"ranker-1": 250.0, "ranker-2-shadow": 800.0}
    pairs = table.pivot_table(index="request_id", columns="model", values="latency_ms")
    assert not pairs.isna().any().any()
    assert (pairs["ranker-2-shadow"] > pairs["ranker-1"]).mean() > 0.99
