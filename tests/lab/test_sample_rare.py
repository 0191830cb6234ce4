"""The rare event of the sample data: the numbers of the accuracy trap hold exactly, whatever the seed."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.lab.sample.rare import ALARMS, CASES, POSITIVES, RareEvents, rare_events


@pytest.fixture(scope="module", params=[20260101, 7])
def cases(request: pytest.FixtureRequest) -> RareEvents:
    return rare_events(seed=request.param)


def test_one_case_in_two_hundred_is_positive_so_that_saying_no_is_right_in_99_5_percent(
    cases: RareEvents,
) -> None:
    assert (cases.happened.sum(), len(cases.happened)) == (POSITIVES, CASES)
    assert 1.0 - POSITIVES / CASES == 0.995


def test_each_model_finds_and_misses_what_is_written_down(cases: RareEvents) -> None:
    for alarm in ALARMS:
        raised = cases.scores[alarm.name] >= 0.5
        assert raised[cases.happened == 1.0].sum() == alarm.found
        assert raised[cases.happened == 0.0].sum() == alarm.false_alarms


def test_the_candidate_has_the_better_accuracy_and_a_recall_of_2_5_percent(cases: RareEvents) -> None:
    accuracy, recall = {}, {}
    for name, scores in cases.scores.items():
        right = (scores >= 0.5) == (cases.happened == 1.0)
        accuracy[name], recall[name] = right.mean(), right[cases.happened == 1.0].mean()
    assert recall == {"rule-1": 0.2, "alarm-2": 0.025}
    assert accuracy["rule-1"] < accuracy["alarm-2"] < 0.995


def test_the_candidate_puts_cases_in_a_better_order(cases: RareEvents) -> None:
    def auc(scores: np.ndarray) -> float:
        ranks = np.argsort(np.argsort(scores)) + 1.0
        n = POSITIVES * (CASES - POSITIVES)
        return float((ranks[cases.happened == 1.0].sum() - POSITIVES * (POSITIVES + 1) / 2.0) / n)

    assert auc(cases.scores["alarm-2"]) > auc(cases.scores["rule-1"]) + 0.05
