"""What a change says to the business: by the direction of what is established, and nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.records import Direction, Estimate, Interval, MetricDefinition, NotEstimable, Reason, Results, Role
from abgap.report.translations import translations
from abgap.report.view.build import view_of

ALPHA = 0.05


def interval(estimate: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - 0.01, high=estimate + 0.01, level=0.95, method="test")


@pytest.fixture
def metric(example: Results) -> MetricDefinition:
    found = next(m for m in example.metrics if m.role is Role.PRIMARY)
    return replace(found, business="users are buying more", business_if_worse="users are buying less")


@pytest.fixture
def estimate(example: Results, metric: MetricDefinition) -> Estimate:
    found = next(e for e in example.estimates if e.metric == metric.name and e.period is e.slice_name is None)
    return replace(
        found, difference=interval(0.02), lift=interval(0.015), significant=True, equivalence_p=None
    )


def said(estimate: Estimate, metric: MetricDefinition) -> list[str]:
    return list(translations([estimate], {metric.name: metric}, alpha=ALPHA))


def test_an_established_gain_and_loss_are_said_in_their_own_words(
    estimate: Estimate, metric: MetricDefinition
) -> None:
    assert said(estimate, metric) == ["Revenue per user up 1.5 %: users are buying more."]
    worse = replace(estimate, difference=interval(-0.02), lift=interval(-0.015))
    assert said(worse, metric) == ["Revenue per user down 1.5 %: users are buying less."]
    assert said(worse, replace(metric, business_if_worse=None)) == [
        "Revenue per user down 1.5 %: the opposite of “users are buying more”."
    ]


def test_less_is_better_where_the_metric_says_so(estimate: Estimate, metric: MetricDefinition) -> None:
    quicker = replace(estimate, direction=Direction.DOWN, difference=interval(-0.02), lift=interval(-0.015))
    assert said(quicker, metric) == ["Revenue per user down 1.5 %: users are buying more."]


def test_nothing_is_said_of_what_is_not_established_or_not_declared(
    estimate: Estimate, metric: MetricDefinition
) -> None:
    assert said(replace(estimate, significant=False), metric) == []
    assert said(estimate, replace(metric, business=None, business_if_worse=None)) == []
    unknown = NotEstimable(reason=Reason.ZERO_VARIANCE, detail="all values are equal")
    assert said(replace(estimate, difference=unknown), metric) == []
    assert said(replace(estimate, lift=unknown), metric) == ["Revenue per user up: users are buying more."]


def test_what_is_established_and_too_small_is_said_to_be_both(
    estimate: Estimate, metric: MetricDefinition
) -> None:
    assert said(replace(estimate, equivalence_p=0.01), metric) == [
        "Revenue per user up 1.5 %: users are buying more, but by less than is worth having."
    ]


def test_arms_are_named_where_there_are_several(estimate: Estimate, metric: MetricDefinition) -> None:
    other = replace(estimate, treatment="C", significant=False)
    found = list(translations([estimate, other], {metric.name: metric}, alpha=ALPHA))
    assert found == [f"{estimate.treatment}: Revenue per user up 1.5 %: users are buying more."]


def test_an_experiment_that_cannot_be_trusted_says_nothing_to_the_business(example: Results) -> None:
    told = replace(
        example, metrics=tuple(replace(m, business="the clause of the test") for m in example.metrics)
    )
    view = view_of(told)
    notes = {e.name: any("the clause of the test" in note for note in e.notes) for e in view.experiments}
    trusted = {e.name: e.trusted for e in view.experiments}
    assert any(notes.values())
    assert not all(trusted.values())
    assert not any(notes[name] for name, is_trusted in trusted.items() if not is_trusted)
