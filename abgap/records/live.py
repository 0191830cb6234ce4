"""What models were worth in production: the metrics of the test set, on what was served and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from abgap.records.mix import LiveMix
from abgap.records.numbers import Estimable, Interval
from abgap.records.vocabulary import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveValue:
    """One metric of one model over what it served in one arm, or in a slice of it.

    n: requests; units: whose they are. value with its interval, clustered by unit. offline_value with its interval: of
    the same model on the test set (in the slice of the same name), None where it was not evaluated there. difference:
    live minus offline.
    """

    metric: str
    definition: str
    direction: Direction
    slice_name: str | None
    slice_value: str | None
    n: int
    units: int
    value: float | None
    interval: Estimable
    offline_value: float | None = None
    offline_interval: Estimable | None = None
    difference: Estimable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewValue:
    """One metric on the requests that also have the score of the offline pipeline: both scores on the same requests.

    served, recomputed: with the score that was served, and with the offline one. skew: recomputed minus served, paired.
    """

    metric: str
    slice_name: str | None
    slice_value: str | None
    n: int
    served: float | None
    recomputed: float | None
    recomputed_interval: Estimable
    skew: Estimable


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDifference:
    """How far served scores are from those of the offline pipeline for the same requests.

    compared: requests with both; differing: those whose scores differ; largest: difference, absolute.
    """

    compared: int
    differing: int
    largest: float

    @property
    def share(self) -> float:
        """Share of requests whose scores differ."""
        return self.differing / self.compared


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDay:
    """A metric on one day, or from that day to before the next one where days are put together."""

    day: str
    n: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChange:
    """The most likely change of level of a daily metric. day: the first one after it.

    change: after minus before, with an interval that holds over all days it could have been. p_adjusted: Holm over the
    metrics and arms of the experiment.
    """

    day: str
    before: float
    after: float
    change: Interval
    p_value: float
    p_adjusted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSeries:
    """A metric day by day. change: None where there are too few days to test for one."""

    metric: str
    days: tuple[LiveDay, ...]
    change: LiveChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveModel:
    """What one model served in one arm of an experiment.

    source: ``predictions`` or ``rankings``. n: requests that are judged, of ``units``; young: those whose outcome may
    still come. positives: requests that the predicted thing followed, None of lists. other_models: requests of units of
    the arm that name another model, by that model. mix: requests by slice and value ("" where it is not known).
    """

    experiment: str
    variant: str
    model: str
    source: str
    n: int
    units: int
    young: int
    positives: int | None
    other_models: Mapping[str, int] = field(default_factory=dict)
    mix: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    values: tuple[LiveValue, ...] = ()
    skews: tuple[SkewValue, ...] = ()
    scores: ScoreDifference | None = None
    series: tuple[LiveSeries, ...] = ()

    def value(self, metric: str) -> LiveValue | None:
        """A metric over everything that was served."""
        return next((v for v in self.values if v.metric == metric and v.slice_name is None), None)

    def by_slice(self, metric: str, slice_name: str) -> Mapping[str | None, LiveValue]:
        """A metric by the values of a slice."""
        return {v.slice_value: v for v in self.values if v.metric == metric and v.slice_name == slice_name}

    def skew(self, metric: str) -> SkewValue | None:
        """Served against recomputed scores, over all requests that have both."""
        return next((s for s in self.skews if s.metric == metric and s.slice_name is None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveIntake:
    """What a live source held. left_out: rows that say nothing, by why. outside: requests of units in no experiment.

    not_measured: offline metrics that are not computed of live requests.
    """

    source: str
    rows: int
    left_out: Mapping[str, int]
    requests: int
    outside: int
    not_measured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveQuality:
    """Everything that is known of quality in production."""

    intakes: tuple[LiveIntake, ...] = ()
    models: tuple[LiveModel, ...] = ()

    def of(self, experiment: str, variant: str, metric: str) -> LiveModel | None:
        """The model of an arm in the source in which this metric was measured."""
        return next(
            (
                m
                for m in self.models
                if (m.experiment, m.variant) == (experiment, variant) and m.value(metric) is not None
            ),
            None,
        )

    @property
    def mixes(self) -> tuple[LiveMix, ...]:
        """Live requests of all arms of an experiment by slice; of predictions, else of rankings."""
        found: dict[tuple[str, str], LiveMix] = {}
        for experiment in dict.fromkeys(m.experiment for m in self.models):
            mine = [m for m in self.models if m.experiment == experiment]
            for name in dict.fromkeys(name for m in mine for name in m.mix):
                source = next(m.source for m in mine if name in m.mix)
                found[experiment, name] = _mix(experiment, name, [m for m in mine if m.source == source])
        return tuple(found.values())


def _mix(experiment: str, name: str, models: Sequence[LiveModel]) -> LiveMix:
    counts: dict[str | None, int] = {}
    for model in models:
        for value, n in model.mix.get(name, {}).items():
            counts[value or None] = counts.get(value or None, 0) + n
    return LiveMix(
        experiment=experiment,
        slice_name=name,
        counts=counts,
        noun="requests",
        draws=sum(model.units for model in models),
    )
