"""A claimed gain followed into production: on the test set, at the live mix, with offline scores, as it was served.

Every step compares the same two models by the same metric. Where a slice tells test set and live traffic apart, values
are compared slice by slice and weighted by live traffic, so that what another mix does is not taken for anything else;
the slice is chosen by how far the mixes differ, which says nothing of the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.combining import weighted_sum
from abgap.records import Interval, OfflineRow
from abgap.records.live import LiveModel, LiveValue, SkewValue

Row = TypeVar("Row", LiveValue, SkewValue)

SAME_MIX = 0.02
"""Total variation distance of two mixes up to which they count as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Of one model in production: value as served, and value with the scores of the offline pipeline."""

    served: Interval
    recomputed: Interval | None

    @property
    def best(self) -> Interval:
        """With offline scores where there are any: what the model itself is worth."""
        return self.served if self.recomputed is None else self.recomputed


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveGain:
    """The steps of a gain, up is good. lost: what is lost between the test set and live outcomes, in the same slices.

    offline: on the test set. at_mix: the same at the live mix, None where mixes count as one or no slice tells them.
    recomputed: live with offline scores, None without any. served: live. slice_name: that was used. unseen: share of
    live requests in slices that the test set lacks. treatment, control: the live side of the two models.
    """

    offline: Interval
    at_mix: Interval | None
    recomputed: Interval | None
    served: Interval
    lost: Interval
    slice_name: str | None
    unseen: float
    treatment: LiveModel
    control: LiveModel


def live_gain(case: Case) -> LiveGain | str:
    """Follow the gain of the arm's model over the control's; a clause that says why it cannot be."""
    metric = case.offline_metric
    arms = [
        case.evidence.live.of(case.experiment, arm, metric) for arm in (case.treatment, case.facts.control)
    ]
    treatment, control = arms
    if treatment is None or control is None:
        arm = case.treatment if treatment is None else case.facts.control
        return f"there are no live requests of {arm!r} on which {metric!r} could be measured"
    row = case.evidence.offline_row(treatment.model, control.model, metric)
    offline = None if row is None else row.improvement
    if row is None or not isinstance(offline, Interval):
        return f"{treatment.model!r} was not held against {control.model!r} on the test set"
    sides = [_values(model, metric, None, None, row) for model in (treatment, control)]
    ours, theirs = sides
    if ours is None or theirs is None:
        return f"live requests are too few to measure {metric!r} on"
    sliced = _by_slice(case, treatment, control, metric)
    served = weighted_sum([(1.0, ours.served), (-1.0, theirs.served)])
    recomputed = None
    if ours.recomputed is not None or theirs.recomputed is not None:
        recomputed = weighted_sum([(1.0, ours.best), (-1.0, theirs.best)])
    whole = weighted_sum([(1.0, offline), (-1.0, ours.best), (1.0, theirs.best)])
    return LiveGain(
        offline=offline,
        at_mix=None if sliced is None else sliced.at_mix,
        recomputed=recomputed,
        served=served,
        lost=whole if sliced is None else sliced.lost,
        slice_name=None if sliced is None else sliced.name,
        unseen=0.0 if sliced is None else sliced.unseen,
        treatment=treatment,
        control=control,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sliced:
    name: str
    at_mix: Interval
    lost: Interval
    unseen: float


def _by_slice(case: Case, treatment: LiveModel, control: LiveModel, metric: str) -> _Sliced | None:
    """The comparison within the slice whose mix differs most; None where no mix differs."""
    rows: dict[tuple[str | None, str | None], OfflineRow] = {
        (row.slice_name, row.slice_value): row
        for row in case.evidence.offline_rows(treatment.model, metric)
        if row.baseline == control.model and row.slice_name is not None
    }
    found: list[tuple[float, str]] = []
    for name in treatment.mix:
        test = {
            str(value or ""): float(row.n or 0) for (slice_, value), row in rows.items() if slice_ == name
        }
        live = _live_mix(treatment, control, name)
        if test and live:
            found.append((_distance(test, live), name))
    for distance, name in sorted(found, reverse=True):
        if distance <= SAME_MIX:
            return None
        made = _within(treatment, control, metric, name, rows)
        if made is not None:
            return made
    return None


def _live_mix(treatment: LiveModel, control: LiveModel, name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for model in (treatment, control):
        for value, n in model.mix.get(name, {}).items():
            found[value] = found.get(value, 0.0) + n
    return found


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Total variation distance of two mixes."""
    ones, others = sum(one.values()), sum(other.values())
    names = {*one, *other}
    return 0.5 * sum(abs(one.get(name, 0.0) / ones - other.get(name, 0.0) / others) for name in names)


def _within(
    treatment: LiveModel,
    control: LiveModel,
    metric: str,
    name: str,
    rows: Mapping[tuple[str | None, str | None], OfflineRow],
) -> _Sliced | None:
    """Slice by slice, weighted by live requests; None where a slice that both have cannot be measured."""
    live = _live_mix(treatment, control, name)
    total = sum(live.values())
    parts: list[tuple[float, Interval, Values, Values]] = []
    unseen = 0.0
    for value, n in live.items():
        row = rows.get((name, value or None))
        if row is None:
            unseen += n / total
            continue
        ours, theirs = (_values(model, metric, name, value or None, row) for model in (treatment, control))
        gain = row.improvement
        if ours is None or theirs is None or not isinstance(gain, Interval):
            return None
        parts.append((n / total, gain, ours, theirs))
    if not parts:
        return None
    seen = sum(share for share, *_ in parts)
    lost = [
        term
        for share, gain, ours, theirs in parts
        for term in ((share, gain), (-share, ours.best), (share, theirs.best))
    ]
    return _Sliced(
        name=name,
        at_mix=weighted_sum([(share / seen, gain) for share, gain, *_ in parts]),
        lost=weighted_sum(lost),
        unseen=unseen,
    )


def _values(
    model: LiveModel, metric: str, name: str | None, value: str | None, row: OfflineRow
) -> Values | None:
    """The live values of a model in a part, up is good; None where they have no interval."""
    served = next(_found(model.values, metric, name, value), None)
    if served is None or not isinstance(served.interval, Interval):
        return None
    skew = next(_found(model.skews, metric, name, value), None)
    recomputed = None
    if skew is not None and isinstance(skew.recomputed_interval, Interval):
        recomputed = _turned(skew.recomputed_interval, row)
    return Values(served=_turned(served.interval, row), recomputed=recomputed)


def _found(values: Iterable[Row], metric: str, name: str | None, value: str | None) -> Iterator[Row]:
    return (v for v in values if (v.metric, v.slice_name, v.slice_value) == (metric, name, value))


def _turned(interval: Interval, row: OfflineRow) -> Interval:
    return interval if row.direction.sign > 0 else interval.flipped()
