"""Quality day by day, and whether its level changed.

Days with few requests are put together with those after them, so that every value of the series is defined; units that
come back make days go together, which their products across days tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.engine.protocol import Engine, Given
from abgap.offline.live.scale import Scale
from abgap.offline.live.served import Arm, Count, Served
from abgap.offline.live.unit_sums import Place
from abgap.records import Check, Interval, Status
from abgap.records.checks import make_check
from abgap.records.live import LiveChange, LiveDay, LiveModel, LiveSeries
from abgap.records.moments import FloatArray
from abgap.records.words import plain, signed_interval
from abgap.stats.change_point import ChangePoint, change_point
from abgap.stats.clustered import ClusterSums, Influenced
from abgap.stats.multiplicity import holm

MOST_PERIODS = 42
FEWEST = 20
"""Requests (of either label, where they have one) that a period has at least."""

Across = Mapping[tuple[int, str, str], Mapping[tuple[str, str], float]]


def put_periods(engine: Engine, served: Served, *, labels: bool) -> None:
    """Make the table of the periods of every arm. labels: whether both labels have to occur in each."""
    rows = [
        (place, day, period)
        for place, arm in enumerate(served.arms)
        for day, period in periods_of(served.days.get(arm, {}), labels=labels).items()
    ]
    columns = {"place": Given(type="BIGINT", values=[row[0] for row in rows])}
    columns |= {
        name: Given(type="VARCHAR", values=[row[i] for row in rows])
        for i, name in enumerate(("day", "period"), start=1)
    }
    engine.put_table("live_periods", columns)


def periods_of(days: Mapping[str, Count], *, labels: bool) -> dict[str, str]:
    """The period of every day: the first day of it."""
    ordered = sorted(days)
    width = -(-len(ordered) // MOST_PERIODS) if ordered else 1
    groups: list[list[str]] = []
    open_ = False
    for i in range(0, len(ordered), width):
        chunk = ordered[i : i + width]
        if open_:
            groups[-1] += chunk
        else:
            groups.append(list(chunk))
        open_ = _is_thin([days[day] for day in groups[-1]], labels=labels)
    if open_ and len(groups) > 1:
        last = groups.pop()
        groups[-1] += last
    return {day: group[0] for group in groups for day in group}


def _is_thin(counts: Sequence[Count], *, labels: bool) -> bool:
    requests, happened = sum(c.requests for c in counts), sum(c.happened for c in counts)
    return (min(happened, requests - happened) if labels else requests) < FEWEST


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums:
    """Sums by arm and period, products of a unit's sums across periods, and the units of every arm."""

    sums: Mapping[Place, ClusterSums]
    across: Across
    units: Mapping[Arm, int]

    def series(self, place: int, arm: Arm, scale: Scale, seed: int) -> LiveSeries | None:
        """A metric of an arm period by period; None without any value."""
        periods = sorted(str(p.part) for p in self.sums if p.place == place)
        found = {period: scale.value(self.sums[Place(place, period)]) for period in periods}
        periods = [period for period in periods if np.isfinite(found[period].value)]
        if not periods:
            return None
        values = np.array([found[period].value for period in periods])
        rows = [scale.rows(self.sums[Place(place, period)]) for period in periods]
        carriers = np.array([scale.carriers(self.sums[Place(place, period)]).n for period in periods])
        covariance = _steadied(
            self._covariance(place, [found[period] for period in periods], periods, self.units[arm]), carriers
        )
        change = change_point(
            values, covariance, np.array(rows, dtype=np.float64), alpha=scale.alpha, seed=seed
        )
        days = tuple(
            LiveDay(day=period, n=n, value=float(value))
            for period, n, value in zip(periods, rows, values, strict=True)
        )
        return LiveSeries(
            metric=scale.name,
            days=days,
            change=None if change is None else _change(change, periods, scale.alpha),
        )

    def _covariance(
        self, place: int, found: Sequence[Influenced], periods: Sequence[str], units: int
    ) -> FloatArray:
        size = len(periods)
        joint: FloatArray = np.zeros((size, size))
        for i in range(size):
            for j in range(i, size):
                products = self.across.get((place, periods[i], periods[j]), {})
                joint[i, j] = joint[j, i] = sum(
                    a * b * products[left, right]
                    for left, a in found[i].weights.items()
                    for right, b in found[j].weights.items()
                    if (left, right) in products
                )
        return joint * units / max(units - 1.0, 1.0)


def _steadied(covariance: FloatArray, carriers: FloatArray) -> FloatArray:
    """The same correlations, with the variance that one row has on all days together.

    Under no change a row varies alike on all days. Variances of single days are made of few rows, and the largest of
    many differences picks the day whose variance is too small by chance.
    """
    variance = np.diag(covariance)
    if not ((variance > 0.0).all() and (carriers > 1.0).all()):
        return covariance
    of_row = float(np.average(variance * carriers, weights=carriers))
    factor = np.sqrt(of_row / (carriers - 1.0) / variance)
    return np.asarray(covariance * np.outer(factor, factor))


def _change(found: ChangePoint, periods: Sequence[str], alpha: float) -> LiveChange:
    return LiveChange(
        day=periods[found.place],
        before=found.before,
        after=found.after,
        change=Interval(
            estimate=found.change,
            low=found.low,
            high=found.high,
            level=1.0 - alpha,
            method="simultaneous over days",
        ),
        p_value=found.p_value,
        p_adjusted=found.p_value,
    )


def adjusted(models: Sequence[LiveModel]) -> tuple[LiveModel, ...]:
    """The models with p-values of changes adjusted by Holm over the metrics and arms of an experiment."""
    places = [(i, j) for i, m in enumerate(models) for j, s in enumerate(m.series) if s.change is not None]
    codes: dict[str, int] = {}
    labels = [codes.setdefault(models[i].experiment, len(codes)) for i, _ in places]
    raw = [change.p_value for i, j in places if (change := models[i].series[j].change) is not None]
    found = holm(np.array(raw, dtype=np.float64), np.array(labels, dtype=np.intp))
    made = [list(m.series) for m in models]
    for (i, j), p in zip(places, found, strict=True):
        change = made[i][j].change
        if change is not None:
            made[i][j] = replace(made[i][j], change=replace(change, p_adjusted=float(p)))
    return tuple(replace(m, series=tuple(series)) for m, series in zip(models, made, strict=True))


def quality_checks(models: Sequence[LiveModel], alpha: float) -> list[Check]:
    """A warning for every experiment in which the level of a metric changed; a pass where it was tested and did not."""
    found = []
    for experiment in dict.fromkeys(m.experiment for m in models):
        tested = [
            (m, s, s.change)
            for m in models
            for s in m.series
            if m.experiment == experiment and s.change is not None
        ]
        if tested:
            m, s, change = min(tested, key=lambda each: (each[2].p_adjusted, -abs(each[2].change.estimate)))
            found.append(_check(experiment, m, s, change, alpha))
    return found


def _check(experiment: str, model: LiveModel, series: LiveSeries, change: LiveChange, alpha: float) -> Check:
    changed = change.p_adjusted < alpha
    if changed:
        sentence = (
            f"Live {series.metric} of {model.model!r} ({model.variant}) changed its level on {change.day}: "
            f"{plain(change.before)} before, {plain(change.after)} from then on "
            f"({signed_interval(change.change)}); find what changed in the data or the model that day."
        )
    else:
        sentence = "Live quality kept its level from day to day, as far as can be told."
    return make_check(
        "live_quality",
        experiment,
        Status.WARN if changed else Status.PASS,
        sentence,
        value=change.p_adjusted,
        threshold=alpha,
        sql="live_day_sums",
    )
