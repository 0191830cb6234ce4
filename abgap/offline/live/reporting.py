"""Sums made into the records of live quality: every model in every arm, beside its test set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from abgap.engine.protocol import Relation
from abgap.offline.live.days import DaySums, adjusted
from abgap.offline.live.intake import PREDICTIONS, LiveLog
from abgap.offline.live.scale import Measured, Scale, independent_difference
from abgap.offline.live.served import Arm, Served
from abgap.offline.live.unit_sums import Place
from abgap.records.live import LiveIntake, LiveModel, LiveValue, ScoreDifference, SkewValue
from abgap.records.order import natural_order
from abgap.stats.clustered import ClusterSums

Side: TypeAlias = Mapping[str | None, Mapping[Place, ClusterSums]]
"""Sums by the name of the slice (None: everything) and by place."""
TestValues: TypeAlias = Mapping[tuple[str, str, str | None, str | None], Measured]
"""By model, metric, slice and its value: what the test set says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a live source came to. relation: the opened source."""

    relation: Relation
    intake: LiveIntake
    models: tuple[LiveModel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Everything that was added up of a live source.

    live, paired: what was served, and what has two scores. tested: values of the test set. scores: by place, requests
    with both scores, those where they differ, and the largest difference. fits: metrics that an arm's scores can have.
    followed: the scales of ``days``.
    """

    live: Side
    paired: Side
    tested: TestValues
    scores: Mapping[int, tuple[int, int, float]]
    fits: Mapping[Arm, frozenset[str]]
    days: DaySums
    followed: Sequence[Scale]


def make_findings(
    log: LiveLog,
    served: Served,
    scales: Sequence[Scale],
    sums: Sums,
    *,
    seed: int,
    not_measured: tuple[str, ...],
) -> Findings:
    """The records of a live source."""
    models = [
        _model(log, served, scales, sums, place, seed)
        for place, arm in enumerate(served.arms)
        if arm in served.counts
    ]
    return Findings(
        relation=log.relation,
        intake=LiveIntake(
            source=log.key,
            rows=log.rows,
            left_out=log.left_out,
            requests=served.requests,
            outside=served.outside,
            not_measured=not_measured,
        ),
        models=adjusted(models),
    )


def _model(
    log: LiveLog, served: Served, scales: Sequence[Scale], sums: Sums, place: int, seed: int
) -> LiveModel:
    arm = served.arms[place]
    count, fits = served.counts[arm], sums.fits[arm]
    series = (sums.days.series(place, arm, s, seed) for s in sums.followed if s.name in fits)
    fitting = [scale for scale in scales if scale.name in fits]
    difference = sums.scores.get(place)
    return LiveModel(
        experiment=arm.experiment,
        variant=arm.variant,
        model=arm.model,
        source=log.key.removeprefix("live."),
        n=count.requests,
        units=count.units,
        young=served.young.get(arm, 0),
        positives=count.happened if log.key == PREDICTIONS else None,
        other_models={
            met.model: n for met, n in served.others.items() if met[:2] == (arm.experiment, arm.variant)
        },
        mix={
            name: {value or "": n for value, n in by_arm.get(arm, {}).items()}
            for name, by_arm in served.mix.items()
        },
        values=tuple(
            _value(scale, arm, name, at, part, sums.tested)
            for name, at, part in _parts(sums.live, place)
            for scale in fitting
        ),
        skews=tuple(
            _skew(scale, name, at, part) for name, at, part in _parts(sums.paired, place) for scale in fitting
        ),
        scores=None
        if difference is None
        else ScoreDifference(compared=difference[0], differing=difference[1], largest=difference[2]),
        series=tuple(each for each in series if each is not None),
    )


def _parts(side: Side, place: int) -> Iterator[tuple[str | None, Place, ClusterSums]]:
    """The sums of an arm: of everything, then by slice, values in their natural order."""
    for name, by_place in side.items():
        mine = [at for at in by_place if at.place == place]
        for at in sorted(mine, key=lambda at: (at.part is None, natural_order(at.part or ""))):
            yield name, at, by_place[at]


def _value(
    scale: Scale, arm: Arm, name: str | None, at: Place, sums: ClusterSums, tested: TestValues
) -> LiveValue:
    live = scale.measure(sums)
    offline = tested.get((arm.model, scale.name, name, at.part))
    return LiveValue(
        metric=scale.name,
        definition=scale.definition,
        direction=scale.direction,
        slice_name=name,
        slice_value=at.part,
        n=scale.rows(sums),
        units=sums.clusters,
        value=live.value,
        interval=live.interval,
        offline_value=None if offline is None else offline.value,
        offline_interval=None if offline is None else offline.interval,
        difference=None if offline is None else independent_difference(live, offline, scale.alpha),
    )


def _skew(scale: Scale, name: str | None, at: Place, sums: ClusterSums) -> SkewValue:
    served, recomputed = scale.measure(sums), scale.recompute(sums)
    return SkewValue(
        metric=scale.name,
        slice_name=name,
        slice_value=at.part,
        n=scale.rows(sums),
        served=served.value,
        recomputed=recomputed.value,
        recomputed_interval=recomputed.interval,
        skew=scale.skew(sums),
    )
