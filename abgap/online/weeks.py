"""Whether every weekday has the same weight: people behave differently on weekends, and effects with them.

A test over whole weeks sees every weekday equally often. Days are those from the start of an experiment to its end, or
to the end of the data before that, in the time zone of the study.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from abgap.online.counts import ArmCounts
from abgap.online.experiments import DeclaredExperiment
from abgap.online.reach import day_of, exposed_days
from abgap.records import Check, Status
from abgap.records.checks import make_check
from abgap.records.words import count, listed, plural

_WEEK = 7
# From so many whole weeks on one day more weighs a tenth more at most.
_MANY_WEEKS = 10
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def partial_weeks_checks(
    declared: Iterable[DeclaredExperiment],
    counts: Mapping[str, ArmCounts],
    until: dt.datetime | None,
    *,
    timezone: str,
) -> list[Check]:
    """One check for each experiment whose days are known. until: the end of the data (UTC)."""
    zone = ZoneInfo(timezone)
    periods = ((e.name, _period(e, counts.get(e.name), until, zone)) for e in declared)
    return [_partial_weeks(name, *period) for name, period in periods if period is not None]


def _period(
    experiment: DeclaredExperiment, counts: ArmCounts | None, until: dt.datetime | None, zone: ZoneInfo
) -> tuple[dt.date, dt.date] | None:
    """The first and the last day; None when there are no units, or nothing has a time."""
    exposed = exposed_days(counts)
    if exposed is None:
        return None
    first, last = exposed
    if experiment.starts_at is not None:
        first = day_of(experiment.starts_at, zone)
    if until is not None:
        ends_at = experiment.ends_at
        before_end = ends_at is None or until < ends_at
        last = day_of(until if before_end or ends_at is None else ends_at - dt.timedelta.resolution, zone)
    return (first, last) if first <= last else None


def _partial_weeks(name: str, first: dt.date, last: dt.date) -> Check:
    days = (last - first).days + 1
    weeks, rest = divmod(days, _WEEK)
    said = f"{plural(days, 'day')}, {first} to {last}"
    status = Status.PASS
    if rest == 0:
        sentence = f"{said}: whole weeks, so every weekday weighs the same."
    elif weeks >= _MANY_WEEKS:
        sentence = f"{said}: no whole weeks, but so many that weekdays weigh almost the same."
    else:
        status = Status.WARN
        sentence = (
            f"{said}, are no whole weeks: {_weights(first, weeks, rest)}; read it after {_whole(weeks)}."
        )
    return make_check("partial_weeks", name, status, sentence, value=float(rest), threshold=0.0, sql="rollup")


def _weights(first: dt.date, weeks: int, rest: int) -> str:
    """Which weekdays weigh more than the others."""
    weekdays = [(first.weekday() + i) % _WEEK for i in range(_WEEK)]
    more, others = (
        listed([_WEEKDAYS[day] for day in sorted(some)]) for some in (weekdays[:rest], weekdays[rest:])
    )
    if weeks == 0:
        return f"{others} are missing"
    return f"{more} were seen {_times(weeks + 1)}, the other days {_times(weeks)}"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{count(n)} times")


def _whole(weeks: int) -> str:
    """The numbers of days that are whole weeks around the one seen."""
    around = [str(w * _WEEK) for w in (weeks, weeks + 1) if w]
    return f"{' or '.join(around)} days"
