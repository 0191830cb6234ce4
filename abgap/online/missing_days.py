"""The data check of missing days: one whose log is lost has no exposures, or no events, of all arms or of one.

A day counts as missing only between days that have rows, and only where chance does not leave it empty: when as much
happens on it as around it. Weekdays on which nothing ever happens, and mailings, are no faults.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from abgap.online.activity import Activity, units_of
from abgap.online.arm_checks import SRM_ALPHA
from abgap.online.counts import DAY, ArmCounts
from abgap.online.reach import date_of
from abgap.records import Check, Status
from abgap.records.checks import make_check
from abgap.records.words import listed, plural
from abgap.stats.outliers import empty_arm_p, empty_days_p

# More empty days than this are a way of working: mailings, office hours.
_MOST_EMPTY = 1.0 / 3.0
_DAY = dt.timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySeries:
    """Rows of one kind by arm and day. per_unit: how many of them go together, being of one unit."""

    what: str
    arms: Mapping[str, Mapping[dt.date, int]]
    per_unit: float = 1.0

    def total(self, day: dt.date) -> int:
        """Of all arms."""
        return sum(days.get(day, 0) for days in self.arms.values())

    @property
    def days(self) -> list[dt.date]:
        """All days from the first to the last with a row."""
        known = [day for days in self.arms.values() for day, n in days.items() if n > 0]
        if not known:
            return []
        return [min(known) + i * _DAY for i in range((max(known) - min(known)).days + 1)]


def daily_series(name: str, activity: Activity, counts: ArmCounts) -> list[DailySeries]:
    """Exposures by day of first exposure, and the events of every fact table that has times."""
    exposed: dict[str, dict[dt.date, int]] = {variant: {} for variant in counts.whole}
    for (part, value), arms in counts.parts.items():
        day = date_of(value) if part == DAY else None
        if day is not None:
            for variant, n in arms.items():
                exposed.setdefault(variant, {})[day] = n
    found = [DailySeries(what="exposures", arms=exposed)]
    for (experiment, fact), by_arm in activity.days.items():
        if experiment == name:
            rows = {v: {dt.date.fromisoformat(day): n for day, n in d.items()} for v, d in by_arm.items()}
            arms_of = {variant: rows.get(variant, {}) for variant in counts.whole}
            events = sum(sum(days.values()) for days in arms_of.values())
            together = events / max(_most_seen(name, fact, activity, arms_of), 1)
            found.append(DailySeries(what=f"rows in {fact}", arms=arms_of, per_unit=max(together, 1.0)))
    return found


def _most_seen(name: str, fact: str, activity: Activity, arms: Iterable[str]) -> int:
    """Units with events in a fact table, of all arms."""
    arms = list(arms)
    parts = [part for part, of in activity.facts.items() if of == fact]
    return max((units_of(activity.sizes.get((name, part), {}), arms) for part in parts), default=0)


def missing_days_check(name: str, series: Sequence[DailySeries]) -> Check | None:
    """Days without exposures or events between days that have them, of all arms or of one; None without days."""
    tests = sum(len(one.days) * (1 + len(one.arms)) for one in series)
    if not any(len(one.days) > 2 for one in series):
        return None
    found = {one.what: _missing(one, SRM_ALPHA / tests) for one in series}
    missing = [(what, where, days) for what, gaps in found.items() for where, days in gaps.items()]
    total = len({day for _, _, days in missing for day in days})
    sentence = f"No day between others is without {' or '.join(one.what for one in series)}."
    if missing:
        gaps = listed([_gap(*gap) for gap in missing])
        sentence = (
            f"There are {gaps}, although the days around have them. Load the missing files; where they are lost, "
            "end the experiment before, or leave those days out of every source."
        )
    return make_check(
        "missing_days",
        name,
        Status.WARN if missing else Status.PASS,
        sentence,
        value=float(total),
        threshold=0.0,
        sql="event_days" if len(series) > 1 else "rollup",
    )


def _gap(what: str, variant: str | None, days: Sequence[dt.date]) -> str:
    more = f" and {plural(len(days) - 1, 'other day')}" if len(days) > 1 else ""
    arm = "" if variant is None else f" of {variant!r}"
    return f"no {what}{arm} on {days[0]}{more}"


def _missing(series: DailySeries, alpha: float) -> dict[str | None, list[dt.date]]:
    """Days that chance does not leave empty, by arm, None for all arms together."""
    days = series.days
    empty = [day for day in days if series.total(day) == 0]
    if len(empty) > _MOST_EMPTY * len(days):
        return {}
    free = _free_weekdays(days, set(empty))
    found: dict[str | None, list[dt.date]] = {}
    for run in _runs(empty):
        around = series.total(run[0] - _DAY) + series.total(run[-1] + _DAY)
        unusual = [day for day in run if day.weekday() not in free]
        if unusual and empty_days_p(around / series.per_unit, len(run)) < alpha:
            found.setdefault(None, []).extend(unusual)
    everything = sum(sum(of_arm.values()) for of_arm in series.arms.values())
    for variant, of_arm in series.arms.items():
        share = sum(of_arm.values()) / everything if everything else 0.0
        for day in days:
            others = series.total(day)
            alone = others > 0 and not of_arm.get(day)
            if alone and empty_arm_p(others / series.per_unit, share) < alpha:
                found.setdefault(variant, []).append(day)
    return found


def _free_weekdays(days: Sequence[dt.date], empty: set[dt.date]) -> set[int]:
    """Weekdays that never have a row: two of them at least, or at a weekend."""
    found = set()
    for weekday in range(7):
        those = [day for day in days if day.weekday() == weekday]
        if those and empty.issuperset(those) and (len(those) > 1 or weekday >= _SATURDAY):
            found.add(weekday)
    return found


def _runs(days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
    """Days in a row."""
    run: list[dt.date] = []
    for day in days:
        if run and day - run[-1] > _DAY:
            yield run
            run = []
        run.append(day)
    if run:
        yield run
