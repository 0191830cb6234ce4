"""How far the data reach: the last event or exposure against the planned end."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from abgap.online.counts import DAY, ArmCounts, count_arms, count_units
from abgap.online.experiments import DeclaredExperiment
from abgap.online.reach import observed_until, reach_of, read_early_checks
from abgap.online.wide import data_until
from abgap.records import Check, Status


def planned(start: str | None = "2026-03-02", end: str | None = "2026-03-16") -> DeclaredExperiment:
    return DeclaredExperiment(
        name="e",
        control="A",
        variants=None,
        starts_at=start and dt.datetime.fromisoformat(start),  # type: ignore[arg-type]
        ends_at=end and dt.datetime.fromisoformat(end),  # type: ignore[arg-type]
        weights=None,
    )


@pytest.mark.parametrize(
    ("until", "observed"),
    [
        ("2026-03-09 10:00:00", "2026-03-09 10:00:00"),
        ("2026-03-14 23:59:59", "2026-03-14 23:59:59"),
        ("2026-03-15 00:00:01", "2026-03-16 00:00:00"),
        ("2026-04-20 10:00:00", "2026-04-20 10:00:00"),
    ],
)
def test_data_in_the_last_planned_day_are_complete(until: str, observed: str) -> None:
    found = observed_until(planned(), dt.datetime.fromisoformat(until))
    assert found == dt.datetime.fromisoformat(observed)


def test_without_a_plan_the_data_say_how_long_it_was_observed() -> None:
    until = dt.datetime(2026, 3, 9, 10)
    assert observed_until(planned(end=None), until) == until
    assert observed_until(planned(), None) is None


class TestOfARun:
    def study(self, *, events: bool = True, window: int | None = None, **experiment: Any) -> dict[str, Any]:
        columns = {"experiment": {"value": "e"}, "unit": "id", "variant": "arm", "at": "ts"}
        metric = {"kind": "mean", "fact": "events", "value": "amount"} | (
            {"window_days": window} if window else {}
        )
        return {
            "exposures": {"path": "exposures.csv", "columns": columns},
            "facts": {"events": {"path": "events.csv", "columns": {"unit": "id"} | ({"at": "ts"} if events else {})}},
            "metrics": {"spend": metric},
            "experiments": {"e": {"control": "A", "treatments": ["B"]} | experiment},
        }  # fmt: skip

    def check(self, bench: Any, study: dict[str, Any]) -> Check:
        bench.text("exposures.csv", "id,arm,ts\nu1,A,2026-03-02 08:00:00\nu2,B,2026-03-04 08:00:00\n")
        bench.text("events.csv", "id,ts,amount\nu1,2026-03-05 09:30:00.5,5\nu2,2026-03-04 09:00:00,5\n")
        with bench.run(study) as run:
            (check,) = read_early_checks(
                run.study,
                run.declared.values(),
                run.wide,
                count_units(run.sums, {"e": None}),
                data_until(run.wide),
            )
        assert (check.name, check.experiment, check.blocking) == ("read_early", "e", False)
        return check

    def test_data_that_end_before_the_plan_are_warned_of(self, bench: Any) -> None:
        study = self.study(start=dt.date(2026, 3, 2), end=dt.date(2026, 6, 30))
        check = self.check(bench, study)
        assert (check.status, check.value, check.threshold) == (Status.WARN, 4.0, 120.0)
        assert check.sentence == (
            "4 of 120 planned days are in the data, up to 2026-03-05: a fixed test is read before its planned end; "
            "metrics without a window are cut off there."
        )

    def test_looks_at_any_time_are_no_fault(self, bench: Any) -> None:
        study = self.study(window=7, start=dt.date(2026, 3, 2), end=dt.date(2026, 6, 30))
        check = self.check(bench, study | {"study": {"looks": "sequential"}})
        assert check.status is Status.PASS
        assert check.sentence.endswith("results may be read at any time.")

    def test_metrics_with_a_window_are_not_said_to_be_cut_off(self, bench: Any) -> None:
        study = self.study(window=7, start=dt.date(2026, 3, 2), end=dt.date(2026, 6, 30))
        assert self.check(bench, study).sentence.endswith("read before its planned end.")

    def test_data_up_to_the_last_day_pass(self, bench: Any) -> None:
        check = self.check(bench, self.study(start=dt.date(2026, 3, 2), end=dt.date(2026, 3, 6)))
        assert (check.status, check.value, check.threshold) == (Status.PASS, 4.0, 4.0)

    def test_without_times_of_events_exposures_tell(self, bench: Any) -> None:
        study = self.study(events=False, start=dt.date(2026, 3, 2), end=dt.date(2026, 3, 12))
        check = self.check(bench, study)
        assert (check.status, check.value, check.threshold) == (Status.WARN, 3.0, 10.0)
        assert check.sentence.endswith("up to 2026-03-04: a fixed test is read before its planned end.")

    def test_without_dates_it_cannot_be_told(self, bench: Any) -> None:
        check = self.check(bench, self.study())
        assert (check.status, check.value) == (Status.NOT_TESTABLE, None)
        assert "its start and end are not declared" in check.sentence


class TestDaysOfExposure:
    """Ready-made units and moments: no event has a time, only days are known."""

    STUDY: ClassVar[dict[str, Any]] = {
        "unit_values": {
            "path": "units.csv",
            "columns": {"experiment": {"value": "e"}, "variant": "arm", "at": "ts"},
        },
        "metrics": {"spend": {"kind": "mean", "value": "spend", "role": "primary"}},
        "experiments": {
            "e": {
                "control": "A",
                "treatments": ["B"],
                "start": dt.date(2026, 3, 2),
                "end": dt.date(2026, 3, 30),
            }
        },
    }

    def units(self, bench: Any, last: str = "2026-03-11 04:00:00") -> None:
        bench.text("units.csv", f"arm,ts,spend\nA,2026-03-02 08:00:00,5\nB,{last},6\n")

    def test_ready_made_units_that_end_before_the_plan_are_warned_of(self, bench: Any) -> None:
        self.units(bench)
        with bench.run(self.STUDY) as run:
            counts = count_units(run.sums, {"e": None})
            (check,) = read_early_checks(
                run.study, run.declared.values(), run.wide, counts, data_until(run.wide)
            )
        assert (check.status, check.value, check.threshold) == (Status.WARN, 10.0, 28.0)
        assert check.sentence == (
            "10 of 28 planned days are in the data, up to 2026-03-11: a fixed test is read before its planned end."
        )

    def test_so_are_moments_with_days(self, bench: Any) -> None:
        self.units(bench)
        with bench.run(self.STUDY) as run:
            counts = count_arms(run.moments, run.study)
            (early,) = read_early_checks(run.study, run.declared.values(), None, counts, None)
        assert (early.status, early.value) == (Status.WARN, 10.0)

    @pytest.mark.parametrize("last", ["2026-03-29 00:00:00", "2026-03-29 23:59:59"])
    def test_a_test_with_units_on_its_last_day_is_complete(self, bench: Any, last: str) -> None:
        self.units(bench, last)
        with bench.run(self.STUDY) as run:
            counts = count_units(run.sums, {"e": None})
            (check,) = read_early_checks(
                run.study, run.declared.values(), run.wide, counts, data_until(run.wide)
            )
            reached = reach_of(counts["e"], data_until(run.wide), ZoneInfo("UTC"))
            assert observed_until(run.declared["e"], reached) == dt.datetime(2026, 3, 30)
        assert (check.status, check.value) == (Status.PASS, 28.0)

    def test_days_are_those_of_the_time_zone_of_the_study(self, bench: Any) -> None:
        self.units(bench, "2026-03-11 23:30:00")
        zone = "America/New_York"
        with bench.run(self.STUDY | {"study": {"timezone": zone}}) as run:
            counts = count_units(run.sums, {"e": None})
            (check,) = read_early_checks(
                run.study, run.declared.values(), run.wide, counts, data_until(run.wide)
            )
            reached = reach_of(counts["e"], None, ZoneInfo(zone))
        assert reached is not None
        assert reached + dt.timedelta.resolution == dt.datetime(2026, 3, 12, 4)
        assert check.value == 10.0
        assert "up to 2026-03-11" in check.sentence

    def test_without_days_nothing_is_known(self) -> None:
        counts = ArmCounts(whole={"A": 5}, parts={(DAY, "week 12"): {"A": 5}})
        for one in (counts, None):
            assert reach_of(one, data_until(None), ZoneInfo("UTC")) is None
