"""How far the data reach into an experiment: a test planned for a fixed time is not to be read before its end.

Data reach as far as their last event, or their last exposure when no event has a time. Of units that come ready made,
and of moments that do not say it, only the days of exposure are known: each experiment reaches to the end of its last
one. A day counts once it has begun: the last event of a complete experiment comes a little before its end, never at it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from abgap.online.counts import DAY, ArmCounts
from abgap.online.experiments import DeclaredExperiment
from abgap.online.wide import WideTable
from abgap.records import Check, Status
from abgap.records.checks import make_check
from abgap.records.words import count
from abgap.study.model import Study

_DAY = dt.timedelta(days=1)


def reach_of(counts: ArmCounts | None, until: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    """How far (UTC) the data of an experiment reach: to ``until``, else to the end of its last day of exposure."""
    days = exposed_days(counts)
    if until is not None or days is None or days[1] == dt.date.max:
        return until
    midnight = dt.datetime.combine(days[1] + _DAY, dt.time(), tzinfo=zone)
    return midnight.astimezone(dt.UTC).replace(tzinfo=None) - dt.timedelta.resolution


def exposed_days(counts: ArmCounts | None) -> tuple[dt.date, dt.date] | None:
    """The first and the last day on which units were first exposed; None when there are no days."""
    days = [date_of(day) for part, day in (counts.parts if counts else ()) if part == DAY]
    known = [day for day in days if day is not None]
    return (min(known), max(known)) if known else None


def date_of(text: str) -> dt.date | None:
    """The day that a period is; None when it is none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:  # moments from elsewhere may call their periods anything
        return None


def day_of(moment: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The day of a moment (UTC) in a time zone."""
    return moment.replace(tzinfo=dt.UTC).astimezone(zone).date()


def observed_until(experiment: DeclaredExperiment, until: dt.datetime | None) -> dt.datetime | None:
    """Until when the experiment was observed: the end of the data, or its planned end in the last day before it."""
    days = _days(experiment, until)
    if until is None or experiment.ends_at is None or days is None or days[0] < days[1]:
        return until
    return max(until, experiment.ends_at)


def _days(experiment: DeclaredExperiment, until: dt.datetime | None) -> tuple[int, int] | None:
    """Days that are in the data, and days planned; None when one of them is not known."""
    if until is None or experiment.starts_at is None or experiment.ends_at is None:
        return None
    planned = math.ceil((experiment.ends_at - experiment.starts_at) / _DAY)
    begun = math.floor((until - experiment.starts_at) / _DAY) + 1
    return min(max(begun, 0), planned), planned


def read_early_checks(
    study: Study,
    declared: Iterable[DeclaredExperiment],
    wide: WideTable | None,
    counts: Mapping[str, ArmCounts],
    until: dt.datetime | None,
) -> list[Check]:
    """Whether the data end before the planned end of each experiment. until: the end of the data (UTC), if known."""
    zone = ZoneInfo(study.study.timezone)
    cut_off = wide is not None and any(intake.timed for intake in wide.intakes) and _has_open_metric(study)
    sequential = study.study.looks == "sequential"
    return [
        _read_early(
            e, reach_of(counts.get(e.name), until, zone), zone, cut_off=cut_off, sequential=sequential
        )
        for e in declared
    ]


def _has_open_metric(study: Study) -> bool:
    """Whether events of a metric count up to the end of the experiment."""
    return any(metric.window_days is None for metric in study.metrics.values())


def _read_early(
    experiment: DeclaredExperiment,
    until: dt.datetime | None,
    zone: ZoneInfo,
    *,
    cut_off: bool,
    sequential: bool,
) -> Check:
    days = _days(experiment, until)
    if until is None or days is None:
        missing = "the data have no time" if until is None else "its start and end are not declared"
        sentence = f"Whether the test is read before its planned end cannot be told: {missing}."
        return make_check("read_early", experiment.name, Status.NOT_TESTABLE, sentence)
    (seen, planned), last = days, day_of(until, zone)
    status = Status.WARN if seen < planned and (cut_off or not sequential) else Status.PASS
    said = f"{count(seen)} of {count(planned)} planned days are in the data"
    sentence = f"{said}, which reach up to {last}."
    if seen < planned:
        consequence = "; metrics without a window are cut off there" if cut_off else ""
        sentence = f"{said}, up to {last}: a fixed test is read before its planned end{consequence}."
        if sequential:
            sentence = f"{said}, up to {last}; results may be read at any time{consequence}."
    return make_check(
        "read_early", experiment.name, status, sentence, value=float(seen), threshold=float(planned)
    )
