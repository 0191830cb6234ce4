from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from abgap.gap.money import Denominators, money_per_year
from abgap.records import Direction, Interval, Kind, Moments, NotEstimable, Reason
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS
from abgap.study.model import Metric

Make = Callable[..., Any]
MONEY = Metric(kind=Kind.MEAN, value="revenue", money=True)
NOTHING = Denominators(None)


def ratio_moments(rows: list[tuple[str, str | None, float, float]]) -> Moments:
    columns: dict[str, Any] = {
        name: np.full(len(rows), None, dtype=object) for name in (*KEYS, *LIST_COLUMNS)
    }
    columns |= {name: np.full(len(rows), np.nan) for name in FLOAT_COLUMNS}
    columns["experiment"][:] = "search_v2"
    columns["metric"][:] = "revenue_per_user"
    for position, (variant, slice_name, n, mean) in enumerate(rows):
        columns["variant"][position], columns["slice_name"][position] = variant, slice_name
        columns["n"][position], columns["denominator_mean"][position] = n, mean
    return Moments(**columns)


def test_the_difference_per_unit_times_the_units_of_a_year(make_estimate: Make, make_facts: Make) -> None:
    found = money_per_year(make_estimate(0.005, 0.015), MONEY, make_facts(), NOTHING)
    assert found is not None
    units_per_year = 20_000 / 28 * 365.25
    assert found.interval.estimate == pytest.approx(0.10 * units_per_year)
    assert found.interval.low == pytest.approx(0.05 * units_per_year)
    assert found.assumptions == (
        "Money per year assumes that all 260,893 units of a year like these 28 days get B, "
        "and that the difference stays as it was measured."
    )


def test_a_ratio_counts_its_own_denominators(make_estimate: Make, make_facts: Make) -> None:
    sessions = Denominators(
        ratio_moments([("A", None, 100, 2.0), ("B", None, 300, 4.0), ("B", "device", 9, 99.0)])
    )
    assert sessions.per_unit("search_v2", "revenue_per_user") == pytest.approx(3.5)
    ratio, metric = (
        make_estimate(0.005, 0.015, kind=Kind.RATIO),
        MONEY.model_copy(update={"kind": Kind.RATIO}),
    )
    found = money_per_year(ratio, metric, make_facts(), sessions)
    assert found is not None
    assert found.interval.estimate == pytest.approx(0.10 * 3.5 * 20_000 / 28 * 365.25)
    assert money_per_year(ratio, metric, make_facts(), NOTHING) is None


def test_a_cost_that_falls_is_a_gain(make_estimate: Make, make_facts: Make) -> None:
    cheaper = make_estimate(-0.015, -0.005, direction=Direction.DOWN)
    found = money_per_year(cheaper, MONEY, make_facts(), NOTHING)
    assert found is not None
    assert 0.0 < found.interval.low < found.interval.high


@pytest.mark.parametrize(
    ("start", "end"), [(None, "2026-03-30"), ("2026-03-02", None), ("2026-03-30", "2026-03-30")]
)
def test_without_a_duration_there_is_no_year(
    make_estimate: Make, make_facts: Make, start: str | None, end: str | None
) -> None:
    facts = make_facts(start=start, end=end)
    assert money_per_year(make_estimate(0.005, 0.015), MONEY, facts, NOTHING) is None


def test_what_is_not_money_or_not_estimable_has_no_money(make_estimate: Make, make_facts: Make) -> None:
    plain = Metric(kind=Kind.MEAN, value="clicks")
    assert money_per_year(make_estimate(0.005, 0.015), plain, make_facts(), NOTHING) is None
    unknown = make_estimate(0.005, 0.015, difference=NotEstimable(reason=Reason.NO_UNITS, detail="empty"))
    assert money_per_year(unknown, MONEY, make_facts(), NOTHING) is None


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-03-02", "2026-03-30", 28.0),
        ("2026-03-02T12:00:00", "2026-03-03T00:00:00", 0.5),
        ("2026-03-02T00:00:00+02:00", "2026-03-02T00:00:00", 2.0 / 24.0),
        ("2026-03-03", "2026-03-02", None),
    ],
)
def test_days_are_counted_in_utc(make_facts: Make, start: str, end: str, days: float | None) -> None:
    assert make_facts(start=start, end=end).days == (None if days is None else pytest.approx(days))


@pytest.mark.parametrize(
    ("seen", "days"),
    [
        ("2026-03-16T12:00:00", 14.5),
        ("2026-04-20", 28.0),
        ("2026-03-16T00:00:00+02:00", 14.0 - 2.0 / 24.0),
        ("2026-03-01", None),
        (None, 28.0),
    ],
)
def test_data_that_end_before_the_experiment_shorten_it(
    make_facts: Make, seen: str | None, days: float | None
) -> None:
    facts = make_facts(observed_until=seen)
    assert facts.days == (None if days is None else pytest.approx(days))
    assert facts.planned_days == 28.0
    assert make_facts(observed_until=seen, end=None).days is None


def test_a_year_of_money_is_scaled_from_the_days_observed_and_names_them(
    make_estimate: Make, make_facts: Make
) -> None:
    facts = make_facts(observed_until="2026-03-16")
    found = money_per_year(make_estimate(0.005, 0.015), MONEY, facts, NOTHING)
    assert found is not None
    assert found.interval.estimate == pytest.approx(0.10 * 20_000 / 14 * 365.25)
    assert " of a year like these 14 observed days (of 28 planned) get B, " in found.assumptions


def test_the_interval_scales_as_a_whole(make_estimate: Make, make_facts: Make) -> None:
    estimate = make_estimate(-0.01, 0.02)
    found = money_per_year(estimate, MONEY, make_facts(), NOTHING)
    assert found is not None
    difference: Interval = estimate.difference
    assert found.interval.high / found.interval.low == pytest.approx(difference.high / difference.low)
