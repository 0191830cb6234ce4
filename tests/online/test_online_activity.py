"""The checks of what units did and when: planted faults are found, sound logs of many shapes raise no alarm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from abgap.online.activity import STEPS, Activity, read_activity
from abgap.online.activity_checks import Tracked, activity_checks, bots_check, tracking_check
from abgap.online.counts import count_units
from abgap.online.missing_days import DailySeries, missing_days_check
from abgap.online.views import open_views
from abgap.records import Check, Status
from tests.online.tiny_logs import study

START = pd.Timestamp("2026-03-02")
DAYS = 14
METRICS: dict[str, Any] = {
    "revenue": {"kind": "mean", "fact": "events", "value": "amount"},
    "buys": {"kind": "proportion", "fact": "events", "where": "amount > 5"},
}


class Logs:
    """Units exposed over two weeks, with a Poisson number of events after exposure."""

    def __init__(self, seed: int, units: int = 2_000, *, rate: float = 4.0, lift: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.arm = np.where(np.arange(units) % 2, "B", "A")
        self.exposed = rng.uniform(0.0, DAYS - 1.0, units)
        events = rng.poisson(rate * np.where(self.arm == "B", 1.0 + lift, 1.0))
        self.unit = np.repeat(np.arange(units), events)
        self.at = self.exposed[self.unit] + rng.uniform(0.0, 1.0, len(self.unit))
        self.amount = np.round(rng.gamma(4.0, 2.5, len(self.unit)), 2)

    def write(self, bench: Any, *, exposed: Any = None, kept: Any = None) -> None:
        """Write the logs. exposed, kept: the exposures and the events that were not lost."""
        there = np.ones(len(self.arm), bool) if exposed is None else exposed
        rows = np.ones(len(self.unit), bool) if kept is None else kept
        ids = np.array([f"u{i}" for i in range(len(self.arm))])
        bench.parquet(
            "exposures.parquet",
            {"exp": "e", "id": ids[there], "arm": self.arm[there], "ts": _times(self.exposed[there])},
        )
        bench.parquet(
            "events.parquet",
            {
                "id": ids[self.unit][rows],
                "ts": _times(self.at[rows]),
                "amount": self.amount[rows],
            },
        )


def _times(days: Any) -> Any:
    return START + pd.to_timedelta(np.round(days * 86_400.0), unit="s")


def checks(bench: Any, **more: Any) -> dict[str, Check]:
    declared = study(METRICS | more.pop("metrics", {}), **more)
    with bench.run(declared) as run:
        views = open_views(run.engine, run.study, bench.directory)
        found = read_activity(run.engine, run.study, views, run.wide)
        counts = count_units(run.sums, {"e": None})
        return {c.name: c for c in activity_checks({"e": "A"}, found, counts, by_unit=True)}


class TestFromLogs:
    def test_sound_logs_pass(self, bench: Any) -> None:
        Logs(1).write(bench)
        found = checks(bench)
        assert {name: check.status for name, check in found.items()} == {
            "tracking_loss": Status.PASS,
            "missing_days": Status.PASS,
            "bots": Status.PASS,
        }
        assert {check.sql for check in found.values()} == {"unit_activity", "event_days"}

    def test_sizes_and_days_are_what_pandas_counts(self, bench: Any) -> None:
        logs = Logs(2, 300)
        logs.write(bench)
        with bench.run(study(METRICS)) as run:
            views = open_views(run.engine, run.study, bench.directory)
            found = read_activity(run.engine, run.study, views, run.wide)
        frame = pd.DataFrame({"unit": logs.unit, "arm": logs.arm[logs.unit], "amount": logs.amount})
        frame["day"] = _times(logs.at).date.astype(str)
        totals = frame[frame["arm"] == "B"].groupby("unit")["amount"].sum()
        sizes = np.floor(STEPS * np.log2(totals) + 1e-9).astype(int)
        assert found.sizes["e", "revenue"]["B"] == sizes.value_counts().to_dict()
        by_day = frame[frame["arm"] == "A"].groupby("day").size()
        assert found.days["e", "events"]["A"] == by_day.to_dict()
        assert found.valued == {"revenue": "revenue"}

    def test_an_arm_that_loses_the_events_of_units_is_warned_of(self, bench: Any) -> None:
        logs = Logs(3)
        lost = (np.arange(2_000) % 20 == 1)[logs.unit]
        logs.write(bench, kept=~lost)
        check = checks(bench)["tracking_loss"]
        assert check.status is Status.WARN
        assert "'B' seems to lose" in check.sentence
        units = [int((logs.arm == arm).sum()) for arm in "AB"]
        seen = [len(set(logs.unit[~lost & (logs.arm[logs.unit] == arm)])) for arm in "AB"]
        table = [seen, np.subtract(units, seen)]
        assert check.value == pytest.approx(chi2_contingency(table, correction=False).pvalue)

    def test_an_arm_that_loses_all_events_is_warned_of(self, bench: Any) -> None:
        logs = Logs(3)
        logs.write(bench, kept=(logs.arm == "A")[logs.unit])
        check = checks(bench)["tracking_loss"]
        assert check.status is Status.WARN
        assert "0.0 % of 'B' have events in events" in check.sentence
        assert "'B' seems to lose" in check.sentence
        assert "those that have some" not in check.sentence

    def test_events_of_a_feature_that_control_has_not_are_no_loss(self, bench: Any) -> None:
        logs = Logs(3)
        logs.write(bench, kept=(logs.arm == "B")[logs.unit])
        assert "tracking_loss" not in checks(bench)

    def test_where_most_units_have_no_event_losing_some_cannot_be_told(self, bench: Any) -> None:
        Logs(4, rate=0.3).write(bench)
        assert checks(bench)["tracking_loss"].status is Status.NOT_TESTABLE

    def test_a_day_of_lost_events_is_named_with_its_arm(self, bench: Any) -> None:
        logs = Logs(5)
        on_day = np.floor(logs.at) == 7
        logs.write(bench, kept=~on_day)
        check = checks(bench)["missing_days"]
        assert (check.status, check.value) == (Status.WARN, 1.0)
        assert "no rows in events on 2026-03-09" in check.sentence
        logs.write(bench, kept=~(on_day & (logs.arm[logs.unit] == "B")))
        assert "no rows in events of 'B' on 2026-03-09" in checks(bench)["missing_days"].sentence

    def test_days_of_lost_exposures_are_named(self, bench: Any) -> None:
        logs = Logs(6)
        day = np.floor(logs.exposed)
        logs.write(bench, exposed=~np.isin(day, [4, 5]))
        check = checks(bench)["missing_days"]
        assert "no exposures on 2026-03-06 and 1 other day" in check.sentence
        assert check.value == 2.0

    def test_bots_are_counted_with_what_they_carry_in_each_arm(self, bench: Any) -> None:
        logs = Logs(7)
        bots = np.isin(logs.unit, [11, 13])
        logs.amount = np.where(bots, logs.amount * 400.0, logs.amount)
        logs.write(bench)
        check = checks(bench)["bots"]
        assert check.status is Status.WARN
        assert "2 units with far more than all others carry 0.0 % of 'A' and" in check.sentence
        of_b = logs.arm[logs.unit] == "B"
        share = logs.amount[bots].sum() / logs.amount[of_b].sum()
        # Values are known to a size only, a twelfth wide.
        assert check.value == pytest.approx(share, rel=0.06)

    def test_what_a_cap_cuts_needs_no_alarm(self, bench: Any) -> None:
        logs = Logs(8)
        logs.amount = np.where(logs.unit == 11, logs.amount * 400.0, logs.amount)
        logs.write(bench)
        capped = METRICS["revenue"] | {"cap_percentile": 99}
        assert "bots" not in checks(bench, metrics={"revenue": capped})

    def test_logs_without_times_have_no_days(self, bench: Any) -> None:
        Logs(9, 300).write(bench)
        untimed = {"columns": {"unit": "id"}}
        assert "missing_days" in checks(bench, events=untimed)
        columns = {"experiment": "exp", "unit": "id", "variant": "arm"}
        assert "missing_days" not in checks(bench, events=untimed, exposures={"columns": columns})

    def test_hostile_names_are_only_names(self, bench: Any) -> None:
        logs = Logs(10, 600)
        logs.arm = np.where(logs.arm == "B", "'; drop <b>|\n", logs.arm)
        logs.write(bench)
        name = "a\"b: 'x'"
        metric = {name: METRICS["revenue"]}
        assert checks(bench, metrics=metric)["tracking_loss"].status is Status.PASS


def days_of(arms: Mapping[str, list[int]], start: dt.date = dt.date(2026, 3, 2)) -> DailySeries:
    by_arm = {
        arm: {start + dt.timedelta(days=i): n for i, n in enumerate(counts) if n}
        for arm, counts in arms.items()
    }
    return DailySeries(what="exposures", arms=by_arm)


def missing(**arms: list[int]) -> Check:
    found = missing_days_check("e", [days_of(arms)])
    assert found is not None
    return found


class TestMissingDays:
    def test_few_units_leave_days_empty_by_chance(self) -> None:
        assert missing(A=[3, 0, 2, 4], B=[2, 0, 3, 3]).status is Status.PASS

    def test_weekends_without_visitors_are_a_way_of_working(self) -> None:
        week = [90, 80, 85, 70, 60, 0, 0]
        assert missing(A=week * 3, B=week * 3).status is Status.PASS
        open_days = [90, 80, 85, 70, 60, 40, 30]
        lost = [*open_days, *week, *open_days]
        assert "on 2026-03-14 and 1 other day" in missing(A=lost, B=lost).sentence

    def test_mailings_are_no_faults(self) -> None:
        assert missing(A=[900, 0, 0, 0, 0, 800], B=[910, 0, 0, 0, 0, 820]).status is Status.PASS

    def test_one_arm_that_stops_is_seen(self) -> None:
        check = missing(A=[50] * 6, B=[50, 50, 50, 50, 0, 0])
        assert (check.status, check.value) == (Status.WARN, 2.0)
        assert "of 'B' on 2026-03-06 and 1 other day" in check.sentence


def test_units_with_fewer_events_are_an_effect_and_no_loss() -> None:
    lost = Tracked(
        fact="events",
        units={"A": 5_000, "B": 5_000},
        seen={"A": 4_900, "B": 4_700},
        events={"A": 4.0, "B": 4.0},
    )
    effect = Tracked(fact="events", units=lost.units, seen=lost.seen, events={"A": 4.0, "B": 3.4})
    found = [tracking_check("e", [one]) for one in (lost, effect)]
    assert [check.status for check in found if check] == [Status.WARN, Status.PASS]


def sizes(values: Any) -> dict[int, int]:
    found, units = np.unique(np.floor(STEPS * np.log2(values[values > 0])).astype(int), return_counts=True)
    return dict(zip(found.tolist(), units.tolist(), strict=True))


SHAPES: Mapping[str, Callable[[np.random.Generator, int], Any]] = {
    "poisson": lambda rng, n: rng.poisson(5.0, n),
    "rare": lambda rng, n: rng.poisson(0.5, n),
    "gamma": lambda rng, n: rng.gamma(0.5, 20.0, n),
    "lognormal": lambda rng, n: rng.lognormal(1.0, 1.5, n),
    "pareto": lambda rng, n: 1.0 + rng.pareto(1.5, n),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_skewed_activity_is_no_sign_of_bots(shape: str) -> None:
    rng = np.random.default_rng(20260105)
    alarms = 0
    for _ in range(300):
        arms = {arm: sizes(SHAPES[shape](rng, 2_000)) for arm in "AB"}
        found = bots_check("e", {"m": arms})
        alarms += found is not None and found.status is Status.WARN
    assert alarms <= 3


@pytest.mark.parametrize("lift", [0.0, 0.1, -0.1])
def test_an_effect_is_no_sign_of_lost_events(lift: float) -> None:
    rng = np.random.default_rng(20260106)
    alarms = 0
    for _ in range(400):
        n = 20_000
        level = rng.gamma(4.0, 1.0, (2, n)) * np.array([[1.0], [1.0 + lift]])
        events = rng.poisson(level)
        seen = (events > 0).sum(axis=1)
        tracked = Tracked(
            fact="events",
            units={"A": n, "B": n},
            seen={"A": int(seen[0]), "B": int(seen[1])},
            events={"A": events[0].sum() / seen[0], "B": events[1].sum() / seen[1]},
        )
        found = tracking_check("e", [tracked])
        alarms += found is not None and found.status is Status.WARN
    assert alarms <= 3


def test_days_of_a_busy_and_of_a_quiet_experiment_raise_no_alarm() -> None:
    rng = np.random.default_rng(20260107)
    alarms = 0
    for _ in range(400):
        weekday = np.tile([1.0, 1.1, 1.0, 0.9, 0.9, 0.4, 0.3], 4)
        fading = np.exp(-np.arange(28) / rng.uniform(3.0, 30.0))
        rate = rng.choice([3.0, 30.0, 300.0]) * weekday * fading * rng.gamma(10.0, 0.1, 28)
        arms = {arm: rng.poisson(rate).tolist() for arm in "AB"}
        found = missing_days_check("e", [days_of(arms)])
        alarms += found is not None and found.status is Status.WARN
    assert alarms <= 3


def test_nothing_is_said_of_experiments_without_units() -> None:
    assert activity_checks({"e": "A"}, Activity(), {}, by_unit=True) == []
