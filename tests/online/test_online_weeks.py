"""Whole weeks: every weekday weighs the same, or the check says which ones weigh more."""

from __future__ import annotations

import datetime as dt

import pytest

from abgap.online.counts import DAY, ArmCounts
from abgap.online.experiments import DeclaredExperiment
from abgap.online.weeks import partial_weeks_checks
from abgap.records import Check, Status

MONDAY = dt.datetime(2026, 3, 2)


def experiment(start: dt.datetime | None = MONDAY, end: dt.datetime | None = None) -> DeclaredExperiment:
    return DeclaredExperiment(
        name="e", control="A", variants=None, weights=None, starts_at=start, ends_at=end
    )


def counts(first: str = "2026-03-02", last: str = "2026-03-02") -> dict[str, ArmCounts]:
    parts = {(DAY, day): {"A": 5} for day in (first, last)} | {("device", "phone"): {"A": 5}}
    return {"e": ArmCounts(whole={"A": 10}, parts=parts)}


def check(
    declared: DeclaredExperiment,
    until: dt.datetime | None,
    *,
    of: dict[str, ArmCounts] | None = None,
    timezone: str = "UTC",
) -> Check:
    (found,) = partial_weeks_checks([declared], of or counts(), until, timezone=timezone)
    return found


@pytest.mark.parametrize("weeks", [1, 2, 4])
def test_whole_weeks_pass(weeks: int) -> None:
    end = MONDAY + dt.timedelta(weeks=weeks)
    for until in (end - dt.timedelta(seconds=3), end, end + dt.timedelta(days=9)):
        found = check(experiment(end=end), until)
        assert (found.status, found.value) == (Status.PASS, 0.0)
        assert found.sentence.startswith(f"{7 * weeks} days, 2026-03-02 to ")


def test_the_weekdays_that_weigh_more_are_named() -> None:
    wednesday = MONDAY + dt.timedelta(days=2)
    found = check(experiment(wednesday, wednesday + dt.timedelta(days=17)), MONDAY + dt.timedelta(days=60))
    assert (found.status, found.value) == (Status.WARN, 3.0)
    assert found.sentence == (
        "17 days, 2026-03-04 to 2026-03-20, are no whole weeks: Wednesdays, Thursdays and Fridays were seen "
        "3 times, the other days twice; read it after 14 or 21 days."
    )


def test_days_that_are_missing_are_named_in_a_test_of_less_than_a_week() -> None:
    found = check(experiment(), MONDAY + dt.timedelta(days=4, hours=3))
    assert found.sentence == (
        "5 days, 2026-03-02 to 2026-03-06, are no whole weeks: Saturdays and Sundays are missing; "
        "read it after 7 days."
    )


def test_after_many_weeks_a_day_more_does_not_matter() -> None:
    found = check(experiment(), MONDAY + dt.timedelta(days=73, hours=3))
    assert (found.status, found.value) == (Status.PASS, 4.0)


def test_days_are_those_of_the_time_zone_of_the_study() -> None:
    start = dt.datetime(2026, 3, 1, 23)
    end = start + dt.timedelta(days=7)
    assert check(experiment(start, end), end, timezone="Europe/Berlin").status is Status.PASS
    assert check(experiment(start, end), end, timezone="UTC").value == 1.0


def test_without_a_start_or_events_the_exposures_tell() -> None:
    found = check(experiment(None), None, of=counts("2026-03-03", "2026-03-16"))
    assert found.sentence.startswith("14 days, 2026-03-03 to 2026-03-16: whole weeks")


def test_without_times_or_units_there_is_nothing_to_say() -> None:
    no_time = {"e": ArmCounts(whole={"A": 10}, parts={})}
    for of in (no_time, {}):
        assert partial_weeks_checks([experiment()], of, MONDAY, timezone="UTC") == []
    before = check(experiment(), MONDAY)
    assert before.value == 1.0
    assert partial_weeks_checks([experiment()], counts(), dt.datetime(2026, 1, 1), timezone="UTC") == []
