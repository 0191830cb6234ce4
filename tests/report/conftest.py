"""Results made by hand, so that the report is tested without the floors below it.

``example`` tells the year of a search team; the others are what a report must survive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from abgap.records import (
    NotEstimable,
    Portfolio,
    Reason,
    Results,
    VerdictName,
)
from tests.report.hostile_names import HOSTILE, renamed
from tests.report.made_experiments import STORY
from tests.report.made_portfolio import without_numbers
from tests.report.made_results import results_of


@pytest.fixture(scope="session")
def example() -> Results:
    """A year of a search team: 13 experiments, 9 metrics, slices and days."""
    return results_of([row[0] for row in STORY])


@pytest.fixture(scope="session")
def hostile() -> Results:
    """The same with every name a user can choose made hostile."""
    return renamed(results_of(HOSTILE, study=HOSTILE[0]))


@pytest.fixture(scope="session")
def several_arms() -> Results:
    """One experiment with two treatment arms, of which the second is the one to ship."""
    one = results_of(["rankers"])
    worse = {
        gap: replace(
            gap, treatment="B", verdict=VerdictName.REVERSED, sentence="B: worse online.", money_per_year=None
        )
        for gap in one.gaps
    }
    better = {
        gap: replace(gap, treatment="C", sentence="C: better online." if gap is one.gaps[0] else gap.sentence)
        for gap in one.gaps
    }
    experiment = replace(
        one.experiments[0],
        arms={"A": 100, "B": 101, "C": 102},
        headline="C: better online.",
        decision_reason="C: better online.",
    )
    estimates = (*one.estimates, *(replace(e, treatment="C") for e in one.estimates))
    return replace(
        one, experiments=(experiment,), estimates=estimates, gaps=(*worse.values(), *better.values())
    )


@pytest.fixture(scope="session")
def few() -> Results:
    """One experiment of every kind that looks different, for a browser."""
    rows = [0, 3, 7, 11]
    return results_of([STORY[row][0] for row in rows], rows=rows)


@pytest.fixture(scope="session")
def few_hostile() -> Results:
    """The same with hostile names."""
    rows = [0, 11]
    names = [HOSTILE[0], HOSTILE[7]]
    return renamed(results_of(names, study=HOSTILE[0], rows=rows))


@pytest.fixture(scope="session")
def empty(example: Results) -> Results:
    """A study in which nothing was found."""
    return replace(
        example,
        provenance=replace(example.provenance, inputs=(), sources=(), queries=(), versions={}),
        study=replace(example.study, currency=None),
        metrics=(),
        models=(),
        experiments=(),
        checks=(),
        estimates=(),
        offline=(),
        gaps=(),
        portfolio=Portfolio(n_experiments=0, verdicts={}, nine_cells=(), refusals=()),
    )


@pytest.fixture(scope="session")
def not_estimable(example: Results) -> Results:
    """No number could be computed anywhere."""
    reasons = _endless(Reason)
    return replace(
        example,
        study=replace(example.study, currency=None),
        experiments=tuple(
            replace(e, arms={"A": 0, "B": 0}, start=None, end=None) for e in example.experiments
        ),
        estimates=tuple(
            replace(
                e,
                value_control=None,
                value_treatment=None,
                difference=_without(next(reasons)),
                lift=_without(next(reasons)),
                effect_size=_without(next(reasons)),
                p_value=None,
                p_adjusted=None,
                mde=None,
                power_at_smallest_worthwhile=None,
                equivalence_p=None,
                significant=False,
                non_inferiority=replace(e.non_inferiority, p_value=None, holds=False)
                if e.non_inferiority
                else None,
            )
            for e in example.estimates
        ),
        offline=tuple(
            replace(
                row,
                n=None,
                value=None,
                baseline_value=None,
                gain=_without(next(reasons)),
                p_value=None,
                p_adjusted=None,
            )
            for row in example.offline
        ),
        gaps=tuple(
            replace(
                gap,
                offline_gain=_without(next(reasons)),
                online_lift=_without(next(reasons)),
                smallest_worthwhile_lift=None,
                expected_lift=None,
                power_at_smallest_worthwhile=None,
                units_needed=None,
                weeks_needed=None,
                money_per_year=None,
                verdict=VerdictName.INCONCLUSIVE,
                funnel=tuple(
                    replace(
                        s, log_lift=None, low=None, high=None, money=None, money_low=None, money_high=None
                    )
                    for s in gap.funnel
                ),
            )
            for gap in example.gaps
        ),
        portfolio=without_numbers(example.portfolio),
    )


@pytest.fixture(scope="session")
def many() -> Results:
    """Three thousand experiments."""
    return results_of([f"experiment {n:04d}" for n in range(3_000)], detailed=False)


def _without(reason: Reason) -> NotEstimable:
    return NotEstimable(reason=reason, detail=f"because of {reason.value}")


def _endless(words: type[Reason]) -> Iterator[Reason]:
    while True:
        yield from words
